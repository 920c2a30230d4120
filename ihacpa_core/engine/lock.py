"""The lock on a workbook: one run at a time, held by the kernel, which frees it when its owner dies.

The lock file depends on the workbook's real path alone, so that no setting lets two runs in. It is never removed: a
removed lock file is one that two may hold. Who holds it stands in a file beside it, for messages only.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import socket
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ihacpa_core.errors import StoreError, WorkbookError, WorkbookLocked
from ihacpa_core.fileops import FileOps
from ihacpa_core.json_reader import JsonReader
from ihacpa_core.text import one_line

if TYPE_CHECKING:
    from filelock import FileLock

_POLL = 0.05  # seconds between two tries
_LOOK = 2 * _POLL  # `is_held` of another process is in the way for a moment: no reason to refuse a run
_PATIENCE = 0.3  # seconds that a new owner is given to say who it is


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOwner:
    """Who holds a lock, as it said itself. `since` is ISO 8601 with an offset."""

    pid: int
    host: str
    since: str
    command: str

    @classmethod
    def this(cls) -> LockOwner:
        """This process, now."""
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(pid=os.getpid(), host=socket.gethostname(), since=since, command=command)

    @property
    def alive(self) -> bool:
        """Whether it may still run: a process of another host is believed."""
        import psutil  # only needed once a workbook is locked

        return self.host != socket.gethostname() or psutil.pid_exists(self.pid)


class _MovedError(Exception):
    """The file that was locked is no longer the one at the path."""


class WorkbookLock:
    """The right to work on one workbook; a context manager once it was acquired.

    :param workbook: the workbook; links are resolved.
    """

    def __init__(self, workbook: Path, files: FileOps | None = None) -> None:
        self._workbook = Path(os.path.realpath(workbook))
        self._files = files or FileOps()
        folder = self._workbook.parent / ".ihacpa"
        self._path = folder / f"{self._workbook.name}.lock"
        self._owner_path = folder / f"{self._workbook.name}.lock.json"
        self._lock: FileLock | None = None

    def acquire(self, wait: float = 0.0) -> Self:
        """Take the lock, waiting up to `wait` seconds for whoever holds it.

        :raises WorkbookLocked: another run still holds it; says who.
        :raises WorkbookError: the lock file cannot be made beside the workbook.
        """
        from filelock import Timeout  # loaded when a workbook is about to be worked on

        try:
            if not self._workbook.parent.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._workbook.parent))
            self._files.make_folder(self._path.parent)
            self._lock = self._locked(time.monotonic() + max(wait, _LOOK))
        except Timeout:
            raise self._held() from None
        except OSError as error:
            raise self._refused(error) from error
        try:
            self._tell_owner()
        except BaseException:  # an interruption now would leave a lock that nobody lets go of
            self.release()
            raise
        return self

    def release(self) -> None:
        """Let the next run in. Not needed when the process dies."""
        if self._lock is None:
            return
        try:
            with contextlib.suppress(OSError):  # it is for messages only, and the next owner writes its own
                self._files.unlink(self._owner_path)
        finally:
            self._lock.release()
            self._lock = None

    def holder(self) -> WorkbookLocked | None:
        """The error with which another run would be refused now; None if the lock is free. Nothing is written.

        :raises WorkbookError: the lock file cannot be opened.
        """
        return self._held() if self.is_held() else None

    def is_held(self) -> bool:
        """Whether somebody holds the lock at this moment. Nothing is written, and nothing is made that is not there.

        :raises WorkbookError: the lock file cannot be opened.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._refused(error) from error
        try:
            return not _could_be_taken(descriptor)
        except OSError as error:
            raise self._refused(error) from error
        finally:
            os.close(descriptor)

    def owner(self) -> LockOwner | None:
        """Who holds the lock, or held it and was killed; None if nobody says so."""
        try:
            said = JsonReader(json.loads(self._owner_path.read_bytes()), "a lock")
            texts = {name: one_line(said.text(name)) for name in ("host", "since", "command")}
            return LockOwner(pid=said.integer("pid"), **texts)
        except (OSError, ValueError, StoreError):
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def _locked(self, deadline: float) -> FileLock:
        """The lock on the file that is at the path; a lock on one that was moved away is worth nothing.

        :raises Timeout: `deadline` passed.
        """
        from filelock import FileLock

        while True:
            lock = FileLock(
                self._path,
                mode=0o600,
                thread_local=False,
                fallback_to_soft=False,
                preserve_lock_file=True,
                on_acquired=self._check_place,
            )
            try:
                lock.acquire(timeout=max(deadline - time.monotonic(), 0.0), poll_interval=_POLL)
            except _MovedError:
                time.sleep(_POLL)
            else:
                return lock

    def _check_place(self, descriptor: int) -> None:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            raise _MovedError from None
        if not os.path.samestat(os.fstat(descriptor), there):
            raise _MovedError

    def _tell_owner(self) -> None:
        self._files.sweep_temporaries(self._owner_path)
        with contextlib.suppress(OSError):  # a disk that is too full for this line need not stop a run
            self._files.write_atomic(self._owner_path, json.dumps(asdict(LockOwner.this())).encode())

    def _patient_owner(self) -> LockOwner | None:
        """The owner that is alive; one that took the lock just now is given a moment to say who it is."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            owner = self.owner()
            if owner is not None and owner.alive:
                return owner
            time.sleep(_POLL)
        return None

    def _held(self) -> WorkbookLocked:
        owner = self._patient_owner()
        if owner is None:
            return WorkbookLocked(
                f"another run is working on {self._workbook.name}",
                why="it has not said yet who it is",
                hint="run the same command again with --wait 600",
            )
        return WorkbookLocked(
            f"another run is working on {self._workbook.name}",
            why=f"process {owner.pid} on {owner.host} since {owner.since}: {owner.command}",
            hint=f"wait for it with --wait 600, or stop process {owner.pid} on {owner.host}",
        )

    def _refused(self, error: OSError) -> WorkbookError:
        return WorkbookError(
            f"{self._workbook.name} cannot be locked",
            why=f"{error.filename or self._path}: {error.strerror or error}",
            hint=f"make sure that you may write to {self._workbook.parent}, or work on a copy in a folder of your own",
        )


def _could_be_taken(descriptor: int) -> bool:
    """Whether the kernel would give the lock on an open file; it is given back at once, if not when it is closed.

    A shared lock is asked for: it is refused as long as a run has its exclusive one, and on a network share it does
    not take a descriptor that may write.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            raise
        return False
    return True
