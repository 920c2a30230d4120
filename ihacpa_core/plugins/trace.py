"""``--trace-hooks FILE``: a line of JSON for every call of a hook, also for those that raise.

A line says which hook, which plugin, how long and what it raised; never what it was given or what it returned, so that
a trace can be shown to others. Nothing of this is installed unless it is asked for.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, TypeVar

from ihacpa_core.errors import UsageError
from ihacpa_core.fileops import FileOps

T = TypeVar("T")


class HookTrace:
    """A file of lines. Each is written in one piece, so that threads and a kill leave whole lines.

    :raises UsageError: the file cannot be written.
    """

    def __init__(self, path: Path, files: FileOps | None = None) -> None:
        try:
            self._file = (files or FileOps()).open_lines(path, anew=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise UsageError(f"the trace {path} cannot be written", why=why, hint="--trace-hooks FILE") from error
        self._writing = threading.Lock()
        weakref.finalize(self, _close, self._file)

    def call(self, hook: str, plugin_id: str, function: Callable[[], T]) -> T:
        """The result of `function`, with a line about it."""
        started = time.perf_counter()
        try:
            result = function()
        except BaseException as error:  # seen, noted, and passed on, whatever it is
            self.note(hook, plugin_id, time.perf_counter() - started, error)
            raise
        self.note(hook, plugin_id, time.perf_counter() - started)
        return result

    def around(self, hook: str, plugin_id: str, middleware: Callable[..., Any], *, awaited: bool) -> Callable[..., Any]:
        """`middleware`, with a line for every call; its time is its own, without that of what it calls next."""

        def call(call_next: Callable[..., Any], *arguments: Any) -> Any:
            clock = _OwnTime()
            try:
                result = middleware(clock.stopped(call_next), *arguments)
            except BaseException as error:  # seen, noted, and passed on, whatever it is
                self.note(hook, plugin_id, clock.seconds, error)
                raise
            self.note(hook, plugin_id, clock.seconds)
            return result

        async def call_async(call_next: Callable[..., Any], *arguments: Any) -> Any:
            clock = _OwnTime()
            try:
                result = await middleware(clock.stopped_async(call_next), *arguments)
            except BaseException as error:  # seen, noted, and passed on, whatever it is
                self.note(hook, plugin_id, clock.seconds, error)
                raise
            self.note(hook, plugin_id, clock.seconds)
            return result

        return call_async if awaited else call

    def note(self, hook: str, plugin_id: str, seconds: float, error: BaseException | None = None) -> None:
        """Write a line. What cannot be written is left out: a trace never stops what it watches."""
        told = None if error is None else f"{type(error).__name__}: {error}"
        line = {"hook": hook, "plugin": plugin_id, "seconds": round(seconds, 6), "exception": told}
        with self._writing, contextlib.suppress(OSError):
            self._file.write(f"{json.dumps(line, ensure_ascii=False)}\n")
            self._file.flush()


class _OwnTime:
    """A clock that stands still while a plugin waits for what it called next."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._elsewhere = 0.0

    @property
    def seconds(self) -> float:
        return max(0.0, time.perf_counter() - self._started - self._elsewhere)

    def stopped(self, call_next: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            left = time.perf_counter()
            try:
                return call_next(*arguments)
            finally:
                self._elsewhere += time.perf_counter() - left

        return call

    def stopped_async(self, call_next: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            left = time.perf_counter()
            try:
                return await call_next(*arguments)
            finally:
                self._elsewhere += time.perf_counter() - left

        return call


def _close(file: TextIO) -> None:
    with contextlib.suppress(OSError):  # a full disk took no more lines
        file.close()


def open_trace(file: str | Path | None, folder: Path, files: FileOps | None = None) -> HookTrace | None:
    """The trace that ``--trace-hooks FILE`` asks for; a relative FILE is in `folder`."""
    return None if file is None else HookTrace(folder / file, files)
