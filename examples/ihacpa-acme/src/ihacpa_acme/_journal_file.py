"""The journal's LMDB file: made whole, opened for one transaction at a time, checked before it is believed.

Four habits of LMDB are met here.

- It follows the page numbers in the file wherever they lead. So a file is walked by LMDB's own verifier, which only
  reads bytes, before the engine maps it.
- It maps more than the file holds, and reading there ends the process. So the file is made as long as the map before
  it is written to, and one that is shorter than what it holds was cut.
- It has two meta pages, and a damaged one makes it go back a transaction without a word. So each change is followed by
  a second, empty one: whichever meta page is believed shows everything.
- Its lock file is written to by readers as well. So there is none: the kernel's lock on the journal itself keeps
  writers apart, and a reader leaves no trace.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import lmdb
from lmdb.verify import VerifyError, verify

from ihacpa_acme import _rows
from ihacpa_core import StoreError

_ECHO = b"echo"
_LMDB_09 = 0  # the engine, and with it the format, of new files

# What is looked at in a meta page, which begins at page 0 and page 1 (lib09/mdb.c: MDB_page, then MDB_meta): the size
# of a page, the flags of the list of free pages, the flags of the rows, the last page.
_META = struct.Struct("=40xIH46xH42xQ")
_FREE_FLAGS = 0x4008  # MDB_NOSUBDIR, MDB_INTEGERKEY
_GRAIN = 1 << 16  # the size of a map is a multiple of every page size that there is
_NAP = 0.0002  # seconds between two looks at a held lock: shorter than the pause of a busy writer between two changes
_ONE_AT_A_TIME = threading.RLock()  # LMDB lets a process open a file once

Change = Callable[[_rows.Rows], None]


class JournalFile:
    """The file `path`, which the first change makes; reading makes nothing.

    :param busy_timeout: seconds to wait while another process writes.
    :param map_size: bytes of the file and its map at first; both grow as often as a change does not fit.
    """

    def __init__(self, path: Path, *, busy_timeout: float, map_size: int) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._map_size = map_size
        self._known: tuple[int, int] | None = None
        self._size = 0

    @contextmanager
    def reading(self, doing: str) -> Iterator[_rows.Rows | None]:
        """A transaction that sees what was committed last; None if there is no journal yet."""
        with _ONE_AT_A_TIME, telling(self._path, doing):
            if self._known is None and not os.path.lexists(self._path):
                yield None
                return
            with self._locked(fcntl.LOCK_SH), _opened(self._path) as environment, environment.begin() as transaction:
                yield transaction

    def change(self, doing: str, change: Change) -> None:
        """Let `change` do its work in a transaction, all or nothing; on return it survives a loss of power.

        It is called again, with an untouched transaction, when the map was too small for what it did.
        """
        with _ONE_AT_A_TIME, telling(self._path, doing):
            if self._known is None and not os.path.lexists(self._path):
                _create(self._path)
            first = self._known is None
            with self._locked(fcntl.LOCK_EX) as size:
                if first:
                    _sweep(self._path)
                room = max(self._map_size, size)
                while not _changed(self._path, room, change):
                    room += max(room // 4, _GRAIN)
                self._size = self._path.stat().st_size

    @property
    def exists(self) -> bool:
        """Whether there is a journal, whatever state it is in."""
        return self._known is not None or os.path.lexists(self._path)

    # --- before the file is believed ----------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, kind: int) -> Iterator[int]:
        """The file's size, while no other process changes the file (LOCK_SH) or uses it (LOCK_EX)."""
        if not stat.S_ISREG(self._path.lstat().st_mode):
            raise StoreError(
                f"{self._path} is not a plain file",
                why="the journal is never written through a link or to a device",
                hint=f"move {self._path} away and run the same command again",
            )
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _wait_for(descriptor, kind, self._path, self._busy_timeout)
            status = os.fstat(descriptor)
            self._check(status)
            yield status.st_size
        finally:
            os.close(descriptor)  # which also lets go of the lock

    def _check(self, status: os.stat_result) -> None:
        """See that the file is the one that was checked before, or check it."""
        found = _inode(status)
        if {self._known or found, _inode(self._path.stat())} != {found}:
            raise StoreError(
                "the journal was moved or replaced while it is in use",
                why=f"{self._path} is another file now",
                hint="put it back, then run the same command again",
            )
        if self._known is None or status.st_size < self._size:
            _check_pages(self._path)
            with _opened(self._path) as environment, environment.begin() as transaction:
                _check_schema(self._path, transaction)
        self._known, self._size = found, status.st_size


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _wait_for(descriptor: int, kind: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the journal {path} is in use",
                    why=f"another process has held it for {patience:g} s",
                    hint="wait for the other process or stop it, then run the same command again",
                ) from None
            time.sleep(_NAP)
        else:
            return


def _check_pages(path: Path) -> None:
    try:
        problems: list[str] = verify(str(path), subdir=False)  # type: ignore[no-untyped-call]
    except VerifyError as error:
        problems = [str(error)]
    if problem := next(iter(problems), "") or _overlooked(path):
        raise damaged(path, problem)


def _overlooked(path: Path) -> str:
    """What is wrong with a file in which the verifier finds nothing (lmdb 3.0.0), and of which the engine would die.

    It lets pass flags with which the list of free pages cannot be read, and a value whose end was cut off.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        page, *_ = first = _META.unpack(file.read(_META.size))
        file.seek(page)
        second = _META.unpack(file.read(_META.size))
    for number, (_, free_flags, row_flags, last) in enumerate((first, second)):
        if (free_flags, row_flags) != (_FREE_FLAGS, 0):
            return f"meta page {number} has other flags than it was made with"
        if size < (last + 1) * page:
            return f"it is {size} bytes long, and meta page {number} tells of {(last + 1) * page}"
    return ""


def _check_schema(path: Path, transaction: _rows.Rows) -> None:
    schema = _rows.schema_of(transaction)
    if schema is None:
        raise StoreError(
            f"{path} is not a journal of ihacpa-acme",
            why="it is an LMDB file of another program",
            hint="move it away, or choose another state_dir",
        )
    if schema > _rows.SCHEMA:
        raise StoreError(
            f"{path} was written by a newer version of ihacpa-acme",
            why=f"its schema is {schema}, this version reads up to {_rows.SCHEMA}",
            hint="pip install --upgrade ihacpa-acme",
        )


# --- the engine -------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[lmdb.Environment]:
    with lmdb.open(str(path), subdir=False, create=False, readonly=True, lock=False) as environment:
        yield environment


def _changed(path: Path, room: int, change: Change) -> bool:
    """Whether `change` fitted into a map of `room` bytes, and is durable."""
    map_size = -(-room // _GRAIN) * _GRAIN
    os.truncate(path, map_size)  # which adds to it, and never takes away
    with lmdb.open(str(path), subdir=False, create=False, lock=False, map_size=map_size) as environment:
        try:
            with environment.begin(write=True) as transaction:
                change(transaction)
        except lmdb.MapFullError:
            return False
        # What was asked for is durable. If only the echo fails, the next change meets the same cause and tells it.
        with suppress(lmdb.Error), environment.begin(write=True) as transaction:
            transaction.put(_ECHO, b"%d" % transaction.id())
        return True


def _create(path: Path) -> None:
    """Make an empty journal beside its place, and give it its name when it is whole and durable."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)  # mode 0600
    os.close(descriptor)
    try:
        with (
            lmdb.open(name, subdir=False, lock=False, lib_version=_LMDB_09) as environment,
            environment.begin(write=True) as transaction,
        ):
            _rows.describe(transaction)
        with suppress(FileExistsError, FileNotFoundError):  # another process was faster; its file is as good
            os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sweep(path: Path) -> None:
    """Remove what a process left that was killed in `_create`: since there is a journal, nobody needs it any more."""
    for left in path.parent.glob(f"{path.name}.*.new"):
        left.unlink(missing_ok=True)


# --- errors -----------------------------------------------------------------------------------------------------------


@contextmanager
def telling(path: Path, doing: str) -> Iterator[None]:
    """Turn what LMDB and the system raise into a `StoreError` that says what to do; `doing`: "reading run 7"."""
    try:
        yield
    except _rows.Altered as error:
        raise damaged(path, f"{doing}: a checksum does not fit") from error
    except lmdb.Error as error:
        if isinstance(error, _DAMAGE):
            raise damaged(path, f"{doing}: {error}") from error
        raise StoreError(f"{doing} failed", why=f"{path}: {error}", hint=_hint(path, str(error))) from error
    except OSError as error:
        why = f"{path}: {error.strerror or error}"
        raise StoreError(f"{doing} failed", why=why, hint=_hint(path, why)) from error


_DAMAGE = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError)


def damaged(path: Path, why: str) -> StoreError:
    """The error for a journal that cannot be trusted."""
    return StoreError(
        f"the journal {path} is damaged",
        why=why,
        hint=f"keep a copy of {path.name}, move it away, and begin anew: ihacpa --start-fresh",
    )


def _hint(path: Path, why: str) -> str:
    if os.strerror(errno.ENOSPC) in why:
        return f"make room on the disk of {path.parent}, then run the same command again"
    return f"check that {path.parent} is there, that you may write to it, and that the disk has room"
