"""Child processes in which parts are used, killed and read back. POSIX only.

They are forked from a *nursery*: one new interpreter a test session, with the session's import path and a single
thread, that has used no part itself. So a hundred cases that may crash cost a hundred forks and one start.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Report = Callable[[Any], None]
"""Tells the parent something that can be pickled, at once and whole."""

_PATIENCE = 60
"""Seconds until a child is taken to hang, and killed."""
_LENGTH = struct.Struct("!I")


class Child:
    """A child process at work on `task(report, *arguments)`; a context manager that ends it.

    `task` is a function at the top of a module, and all arguments can be pickled.
    """

    def __init__(self, task: Callable[..., None], *arguments: Any) -> None:
        try:
            order = pickle.dumps((task, arguments))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise AssertionError(
                f"a child process cannot be told how the part is made: {error}; return offered(...), or a class or "
                "function at the top of a module"
            ) from error
        reading, writing = os.pipe()
        try:
            _nursery().order(order, writing)
        finally:
            os.close(writing)
        self._pipe = os.fdopen(reading, "rb")
        self._pid = self._told()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._pipe.read()  # its end is the child's: nobody holds a lock any more
        self._pipe.close()

    def reports(self) -> Iterator[Any]:
        """What the child reports, until it ends; a report that a kill cut short is none.

        :raises AssertionError: the task raised.
        """
        with contextlib.suppress(EOFError):
            while True:
                yield self._told()

    def kill(self) -> None:
        """Kill it as a power cut would: no handler runs."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def _told(self) -> Any:
        line = self._pipe.readline()
        if not line.endswith(b"\n"):
            self._pid = 0
            raise EOFError
        told = pickle.loads(base64.b64decode(line))
        if isinstance(told, _Raised):
            raise AssertionError(f"in a child process:\n{told.text}")
        return told


@dataclass(frozen=True, slots=True)
class _Raised:
    text: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How a case ended: what it returned, the traceback of what it raised, or neither: its process died."""

    value: Any = None
    error: str = ""
    died: bool = False

    def returned(self) -> Any:
        """What the case returned.

        :raises AssertionError: it raised, or its process died.
        """
        assert not self.died, "the process died: it crashed, or hung and was killed"
        assert not self.error, self.error
        return self.value


Case = tuple[Callable[..., Any], Sequence[Any]]
"""A function at the top of a module, and its arguments."""


def in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` returns in a process of its own.

    :raises AssertionError: it raised, or its process died.
    """
    return _ending(function, arguments).returned()


def in_children(cases: Iterable[Case]) -> list[Ending]:
    """Run each case in a process of its own, one after the other."""
    return [_ending(function, arguments) for function, arguments in cases]


def _ending(function: Callable[..., Any], arguments: Sequence[Any]) -> Ending:
    with Child(_call, function, arguments) as child:
        try:
            told = list(child.reports())
        except AssertionError as error:
            return Ending(error=str(error))
    return Ending(told[0]) if told else Ending(died=True)


def _call(report: Report, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    report(function(*arguments))


# --- the nursery ------------------------------------------------------------------------------------------------------


class _Nursery:
    """The parent's side of it: takes orders through a socket, and goes when that is closed."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair()
        command = f"from {__name__} import keep_nursery; keep_nursery({other.fileno()})"
        path = os.pathsep.join(place or str(Path.cwd()) for place in sys.path)
        with other:
            self.process = subprocess.Popen(
                [sys.executable, "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                env={**os.environ, "PYTHONPATH": path},
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self._socket.close()
        self.process.wait()

    def order(self, order: bytes, pipe: int) -> None:
        """Have a child made that reports to `pipe`; its first report is its process id."""
        path = pickle.dumps([place or str(Path.cwd()) for place in sys.path])
        message = _LENGTH.pack(len(path)) + path + order
        socket.send_fds(self._socket, [_LENGTH.pack(len(message))], [pipe])
        self._socket.sendall(message)


@functools.cache
def _nursery() -> _Nursery:
    return _Nursery()


def keep_nursery(number: int) -> None:
    """Be the nursery: fork a child for each order that comes through the socket of this number, until it is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system itself buries the dead
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the session's, which then closes the socket
    with socket.socket(fileno=number) as orders:
        while True:
            head, pipes, _, _ = socket.recv_fds(orders, _LENGTH.size, 1)
            if not head:
                return
            order = _received(orders, _LENGTH.unpack(head)[0])
            task = _understood(order, pipes[0])
            if task is not None and not os.fork():
                orders.close()
                _live(task, pipes[0])
            os.close(pipes[0])


def _received(orders: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        parts += orders.recv(length - len(parts))
    return bytes(parts)


def _understood(message: bytes, pipe: int) -> Callable[[Report], None] | None:
    """The task of an order. Its modules are imported here, once, and not in each child."""
    try:
        cut = _LENGTH.size + _LENGTH.unpack_from(message)[0]
        sys.path[:] = pickle.loads(message[_LENGTH.size : cut])
        task, arguments = pickle.loads(message[cut:])
    except Exception:  # noqa: BLE001  importing a part's module may raise anything, and the parent says it
        _tell(pipe, 0)
        _tell(pipe, _Raised(traceback.format_exc()))
        return None
    return lambda report: task(report, *arguments)


def _live(task: Callable[[Report], None], pipe: int) -> None:
    """Be a child: do the task, and go without any clean-up of the nursery's."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.alarm(_PATIENCE)
    report = functools.partial(_tell, pipe)
    report(os.getpid())
    try:
        task(report)
    except BaseException:  # noqa: BLE001  whatever it is, the parent asserts about it
        report(_Raised(traceback.format_exc()))
    os._exit(0)


def _tell(pipe: int, told: Any) -> None:
    data = base64.b64encode(pickle.dumps(told)) + b"\n"
    while data:
        data = data[os.write(pipe, data) :]
