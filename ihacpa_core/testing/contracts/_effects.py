"""What a piece of code does besides computing: files that it opens, clocks that it asks, waits."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_CHANGES = frozenset(
    {
        "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate", "os.chmod",
        "os.utime", "subprocess.Popen", "os.system", "os.fork", "os.posix_spawn", "socket.connect", "socket.bind",
        "sqlite3.connect", "tempfile.mkstemp", "tempfile.mkdtemp",
    }
)  # fmt: skip
"""Audit events of effects that leave a trace: https://docs.python.org/3/library/audit_events.html"""

_CLOCKS = frozenset(
    f"{place}.{name}"
    for place, names in {
        "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time localtime gmtime sleep",
        "datetime": "now utcnow today",
        "date": "today",
    }.items()
    for name in names.split()
)

_seen: list[str] | None = None
_forbidden: Sequence[Path] = ()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open" and _is_told_of(*arguments):
        _seen.append(f"opens {arguments[0]}")
    elif event in _CHANGES:
        _seen.append(f"{event}{arguments!r:.100}")


def _is_told_of(path: object, mode: object, flags: object) -> bool:
    if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        return True
    return isinstance(path, str | os.PathLike) and any(
        Path(os.fspath(path)).is_relative_to(place) for place in _forbidden if isinstance(os.fspath(path), str)
    )


_hooked = False


@contextmanager
def watched_files(*forbidden: Path) -> Iterator[list[str]]:
    """Note everything that is written anywhere, started, or connected to, and what is read below `forbidden`."""
    global _seen, _forbidden, _hooked
    if not _hooked:
        sys.addaudithook(_audit)  # there is no way to take it back: it sleeps while nobody listens
        _hooked = True
    seen: list[str] = []
    _seen, _forbidden = seen, forbidden
    try:
        yield seen
    finally:
        _seen = None


@contextmanager
def watched_clocks() -> Iterator[list[str]]:
    """Note every clock of the system that is asked in this thread, and every sleep, however it was imported."""
    asked: list[str] = []

    def profile(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            owner = getattr(function, "__self__", None)
            place = owner.__name__ if isinstance(owner, type) else str(getattr(function, "__module__", ""))
            name = f"{place}.{getattr(function, '__name__', '')}"
            if name in _CLOCKS:
                asked.append(name)

    before, callbacks = sys.getprofile(), gc.callbacks[:]
    gc.callbacks.clear()  # hypothesis times each collection, whoever's allocation brought it about
    sys.setprofile(profile)
    try:
        yield asked
    finally:
        sys.setprofile(before)
        gc.callbacks.extend(callbacks)
