"""Replacing a workbook in one step, or not at all: the same for every save backend.

The recipe: write a new file beside the workbook, make it durable, read it back with a reader that is not the writer's,
copy the original away once, look whether the workbook is still what was last read, tell the journal what is about to
become true, replace, make the replacement durable, tell the journal that it is true. An error before the replacement
leaves the workbook untouched and nothing beside it; nothing is ever copied back over a workbook.
"""

from __future__ import annotations

import contextlib
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ihacpa_core.engine.backups import Backup, make_backup
from ihacpa_core.engine.drafts import Draft, sweep_leftovers
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.save_errors import (
    DurabilityUnconfirmed,
    SaveBlocked,
    VerificationFailed,
    WorkbookChanged,
    blocked,
)
from ihacpa_core.engine.verify import verify
from ihacpa_core.engine.watched import WatchedFile
from ihacpa_core.errors import IhacpaError, WorkbookError
from ihacpa_core.fileops import FileOps
from ihacpa_core.records import CellUpdate
from ihacpa_core.roles import SaveBackend, SaveSession, WriteReceipt
from ihacpa_core.state import Fingerprint

__all__ = [
    "AtomicSaver",
    "DurabilityUnconfirmed",
    "SaveBlocked",
    "SaveReceipt",
    "VerificationFailed",
    "WorkbookChanged",
    "sweep_leftovers",
]

_MARGIN: Final = 8 * 1024 * 1024
"""Bytes that must stay free beyond what a save needs: the journal writes to the same disk."""


def _ignore(message: str) -> None:
    """Drop a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveReceipt:
    """What one save did.

    :param fingerprint: of the workbook as it is now.
    :param replaced: False if no cell changed and the workbook was left byte for byte as it was.
    """

    changed: int
    unchanged: int
    seconds: float
    verify_seconds: float
    fingerprint: Fingerprint
    replaced: bool


class AtomicSaver:
    """Saves one sheet of one workbook, again and again, through any save backend. One thread at a time.

    :param target: the file that is written, links resolved.
    :param source: the file that the first session opens: `target`, or another one while `target` does not exist.
    :param backups: the folder for copies of the original.
    :param intend: makes durable that the workbook is about to hold these bytes; called right before the replacement.
    :param confirm: makes durable that it holds them.
    :param warn: hears what stops nothing.
    :param anew: the first session opens `source` although `target` is there: its first save replaces an earlier result.
    :raises WorkbookError: `target` is something else than a file, or cannot be read.
    """

    def __init__(
        self,
        target: Path,
        source: Path,
        sheet: str,
        backend: SaveBackend,
        ops: FileOps,
        backups: Path,
        intend: Callable[[Fingerprint], None],
        confirm: Callable[[Fingerprint], None],
        warn: Callable[[str], None] = _ignore,
        *,
        anew: bool = False,
    ) -> None:
        self._target, self._source, self._sheet, self._backend = target, source, sheet, backend
        self._ops, self._backups = ops, backups
        self._intend, self._confirm = intend, confirm
        self._anew = anew
        self._session: SaveSession | None = None
        self._unconfirmed = False
        self.backup: Backup | None = None
        """Of what the workbook held before the first replacement."""
        with _in_words(target):
            _check_kind(target, warn)
            self._watched = WatchedFile(target)
            self._origin = self._watched if source == target else WatchedFile(source)
        self._needs_backup = self._watched.fingerprint is not None

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What the workbook held when it was last read or written; None if it does not exist yet."""
        return self._watched.fingerprint

    def save(self, updates: Sequence[CellUpdate], *, full_check: bool) -> SaveReceipt:
        """Let the workbook hold `updates`, those since the last save that worked.

        :param full_check: read the whole new sheet before it is trusted, not only the cells of `updates`.
        :raises WorkbookChanged: somebody else wrote the workbook.
        :raises SaveBlocked: the system did not let it through; the workbook is as it was.
        :raises VerificationFailed: what the backend wrote is wrong; the workbook is as it was.
        :raises DurabilityUnconfirmed: the workbook holds `updates`, but may not survive a loss of power.
        :raises WorkbookError: the backend failed.
        :raises StoreError: `intend` or `confirm` did; only after `confirm` does the workbook hold `updates`.
        """
        started = time.perf_counter()
        with _in_words(self._target):
            self._watched.check()
            known = self._watched.fingerprint
            if known is not None and not updates:
                return self._left_as_it_is(known, WriteReceipt(changed=0), started)
            session = self._opened()
            self._check_space()
            draft = Draft(self._ops, self._target)
        try:
            with _in_words(self._target):
                written = self._write(session, draft, updates)
                if known is not None and not written.changed:
                    draft.discard()
                    return self._left_as_it_is(known, written, started)
                verify_seconds = self._verify(draft, updates, full_check)
                new = self._make_ready(draft)
            self._intend(new)
            with _in_words(self._target):
                self._replace(draft, new)
        except BaseException:  # an interruption must not leave the file behind either
            draft.discard()
            raise
        self._settle(session, new)
        return _receipt(written, new, started, verify_seconds, replaced=True)

    def check(self) -> None:
        """Read the whole sheet as it is on disk, by a reader that is not the writer's.

        :raises VerificationFailed: it does not read.
        """
        with _in_words(self._target):
            verify(self._target, self._sheet, (), full=True)

    def close(self) -> None:
        """Let go of the workbook."""
        self._drop_session()

    # --- the steps, in their order ------------------------------------------------------------------------------------

    def _opened(self) -> SaveSession:
        """The session, which holds exactly what the workbook holds."""
        if self._session is None:
            origin = self._origin if self._anew or self._watched.fingerprint is None else self._watched
            origin.check()
            self._session = self._backend.open(origin.path, self._sheet)
            try:
                origin.check()
            except BaseException:  # whatever it was, the session may hold something else than the file
                self._drop_session()
                raise
        return self._session

    def _check_space(self) -> None:
        """Refuse early what would end with a full disk. The new file is about as large as the old one."""
        size = (self._watched.fingerprint or self._origin.fingerprint or Fingerprint("", 0)).size
        copies = 2 if self._needs_backup else 1
        needed, free = size * copies + size // 4 + _MARGIN, self._ops.free_bytes(self._target.parent)
        if free < needed:
            raise SaveBlocked(
                f"{self._target.name} could not be saved and is as it was",
                why=f"a save needs about {_megabytes(needed)} in {self._target.parent}, {_megabytes(free)} are free",
                hint="free some space, then run ihacpa again",
            )

    def _write(self, session: SaveSession, draft: Draft, updates: Sequence[CellUpdate]) -> WriteReceipt:
        try:
            receipt = session.write(draft.file, updates)
        except (OSError, IhacpaError):
            raise
        except Exception as error:  # a backend is a plugin: whatever it raises, the workbook is whole and says so
            self._drop_session()
            raise WorkbookError(
                f"{self._target.name} could not be saved and is as it was",
                why=f"the save backend failed: {type(error).__name__}: {error}",
                hint="try another one with --save",
            ) from error
        if receipt.changed or self._anew or self._watched.fingerprint is None:
            draft.seal(self._target if self._watched.fingerprint is not None else self._source)
        return receipt

    def _verify(self, draft: Draft, updates: Sequence[CellUpdate], full_check: bool) -> float:
        started = time.perf_counter()
        try:
            verify(draft.path, self._sheet, updates, full=full_check)
        except VerificationFailed:
            self._drop_session()
            raise
        return time.perf_counter() - started

    def _make_ready(self, draft: Draft) -> Fingerprint:
        """The last steps before the workbook is touched; the fingerprint that it is about to have."""
        known = self._watched.fingerprint
        if known is not None and self._needs_backup:
            self.backup = make_backup(self._ops, self._target, self._backups, known)
            self._needs_backup = False
        new = fingerprint(draft.path)
        self._watched.check()
        return new

    def _replace(self, draft: Draft, new: Fingerprint) -> None:
        """Check once more, since the journal took its time, and replace."""
        self._watched.check()
        try:
            self._ops.replace(draft.path, self._target)
        except OSError:
            # A file server may have done it and lost the answer.
            if not self._watched.holds(new):
                raise

    def _settle(self, session: SaveSession, new: Fingerprint) -> None:
        """Take notice that the workbook is the new one, and make that durable."""
        self._watched.became(new)
        self._anew = False
        self._unconfirmed = True
        try:
            session.committed(new)
        except Exception:  # noqa: BLE001 - a backend is a plugin; the save stands, the next has a new session
            self._drop_session()
        self._make_durable(new)

    def _make_durable(self, new: Fingerprint) -> None:
        try:
            self._ops.fsync_folder(self._target.parent)
        except OSError as error:
            raise DurabilityUnconfirmed(
                f"{self._target.name} was saved, but that it would survive a loss of power is not confirmed",
                why=error.strerror or str(error),
                hint="check the disk; ihacpa keeps all results in its journal",
            ) from error
        self._confirm(new)
        self._unconfirmed = False

    def _left_as_it_is(self, known: Fingerprint, written: WriteReceipt, started: float) -> SaveReceipt:
        """No cell changed. What the last save could not confirm is tried again."""
        if self._unconfirmed:
            self._make_durable(known)
        return _receipt(written, known, started, 0.0, replaced=False)

    # ------------------------------------------------------------------------------------------------------------------

    def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(Exception):  # a backend is a plugin; nothing depends on its farewell
                session.close()


@contextlib.contextmanager
def _in_words(target: Path) -> Iterator[None]:
    """Turn a system error into one that a person can act on."""
    try:
        yield
    except OSError as error:
        raise blocked(error, target) from error


def _check_kind(target: Path, warn: Callable[[str], None]) -> None:
    if not target.exists():
        return
    about = target.stat()
    if not stat.S_ISREG(about.st_mode):
        raise WorkbookError(f"{target} is not a file", hint="name a workbook")
    if about.st_nlink > 1:
        warn(f"{target.name} has {about.st_nlink} names (hard links); a save changes only this one")


def _receipt(
    written: WriteReceipt, known: Fingerprint, started: float, verify_seconds: float, *, replaced: bool
) -> SaveReceipt:
    return SaveReceipt(
        changed=written.changed,
        unchanged=written.unchanged,
        seconds=time.perf_counter() - started,
        verify_seconds=verify_seconds,
        fingerprint=known,
        replaced=replaced,
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
