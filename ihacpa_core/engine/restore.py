"""Putting a backup in the place of a workbook: in one step, and what was there is kept beside it.

The recipe is that of a save: the backup is copied to a draft beside the workbook, made durable and read back; what is
there now gets a second name; the journal is told what the workbook is about to be; the draft replaces it. So there is
a workbook at its place at every moment at which there was one, and nothing is ever copied over it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ihacpa_core.codec import encode_fingerprint
from ihacpa_core.engine.backups import Backup, list_backups
from ihacpa_core.engine.checkpoints import all_checkpoints
from ihacpa_core.engine.drafts import Draft, sweep_leftovers
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.journal import RunJournal, latest_history
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.engine.runs import reading
from ihacpa_core.engine.soundness import flaw
from ihacpa_core.errors import StoreError, WorkbookError
from ihacpa_core.fileops import FileOps
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import Fingerprint

Warn = Callable[[str], None]

_CHUNK: Final = 1024 * 1024
_LONGEST_STEM: Final = 180  # bytes; with the time and the ending a name has at most 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A backup that could be put back.

    :param flaw: why it could not; empty if it is whole and opens as a workbook.
    :param checkpoints: the ids of those that name it.
    :param current: the workbook holds the same bytes.
    """

    backup: Backup
    flaw: str = ""
    checkpoints: tuple[str, ...] = ()
    current: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "name": self.backup.name,
            "taken": self.backup.taken.isoformat(),
            "size": self.backup.size,
            "valid": not self.flaw,
            "flaw": self.flaw,
            "checkpoints": list(self.checkpoints),
            "current": self.current,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done.

    :param kept: where the file that was there is now; None if there was none, or if it was the backup already.
    :param run_id: the unfinished run that goes on from here; empty if there is none.
    """

    workbook: Path
    backup: str
    kept: Path | None = None
    run_id: str = ""


def candidates(plan: Plan, warn: Warn) -> list[Candidate]:
    """Every backup of the workbook, oldest first, each read to its end. Nothing is written."""
    named = _checkpoints_by_backup(plan, warn)
    now = _held_by(plan.target)
    return [
        Candidate(
            backup=backup,
            flaw=_flaw(backup),
            checkpoints=tuple(named.get(backup.name, ())),
            current=now is not None and backup.is_of(now),
        )
        for backup in list_backups(plan.folder.backups)
    ]


def newest_valid(found: Sequence[Candidate]) -> Candidate | None:
    """The newest backup that can be put back."""
    return next((candidate for candidate in reversed(found) if not candidate.flaw), None)


def put_back(plan: Plan, candidate: Candidate, warn: Warn, now: datetime | None = None) -> Restored:
    """Let the workbook be what `candidate` holds. Done once more after an interruption, it comes to the same.

    :raises WorkbookLocked: a run is at work.
    :raises WorkbookError: the backup is damaged, or the system did not let it through; the workbook is as it was.
    """
    if candidate.flaw:
        raise WorkbookError(f"the backup {candidate.backup.name} was not put back", why=candidate.flaw)
    target = plan.target
    if target.exists() and not target.is_file():
        raise WorkbookError(f"{target} is no file", hint="name the workbook that is to be put back")
    with WorkbookLock(target, plan.request.files).acquire(plan.request.wait):
        return _Restoration(plan, candidate.backup, warn, now or datetime.now().astimezone()).run()


class _Restoration:
    """One restoration, under the workbook's lock."""

    def __init__(self, plan: Plan, backup: Backup, warn: Warn, now: datetime) -> None:
        self._plan = plan
        self._ops: FileOps = plan.request.files
        self._target = plan.target
        self._backup = backup
        self._warn = warn
        self._now = now
        self._run_id = ""

    def run(self) -> Restored:
        before = _held_by(self._target)
        try:
            sweep_leftovers(self._ops, self._target.parent, self._target.name)
            wanted = self._wanted()
            kept = None
            if wanted == before:
                self._tell(wanted)
            else:
                kept = self._replace(wanted, before)
        except OSError as error:
            raise self._failed(error) from error
        self._make_durable()
        return Restored(workbook=self._target, backup=self._backup.name, kept=kept, run_id=self._run_id)

    def _replace(self, wanted: Fingerprint, before: Fingerprint | None) -> Path | None:
        draft = Draft(self._ops, self._target)
        kept = None
        try:
            self._fill(draft, wanted)
            if os.path.lexists(self._target):
                kept = keep_beside(self._ops, self._target, self._now)
            self._tell(wanted)
            if kept is None or not self._ops.exchange(draft.path, self._target):
                self._ops.replace(draft.path, self._target)
                return kept
        except OSError:
            draft.discard()
            self._take_back(kept, before)
            raise
        except BaseException:  # an interruption must not leave the draft behind either
            draft.discard()
            raise
        self._clear_away(draft, kept, before)
        return kept

    def _clear_away(self, draft: Draft, kept: Path, before: Fingerprint | None) -> None:
        """The draft's name now leads to what was there until a moment ago: to what is kept, or to a late edit."""
        if _same_file(draft.path, kept) or (before is not None and _held_by(draft.path) == before):
            draft.discard()
            return
        late = _names(self._target, f"replaced-{self._now:%Y%m%dT%H%M%S}")[0]
        self._ops.replace(draft.path, late)
        self._warn(f"{self._target.name} was changed by somebody else meanwhile; that version is {late.name}")

    def _wanted(self) -> Fingerprint:
        """What the backup holds, read again now that nobody else may change anything."""
        found = fingerprint(self._backup.path)
        if not found.sha256.startswith(self._backup.digest):
            raise WorkbookError(
                f"the backup {self._backup.name} was not put back",
                why="it was altered since it was made",
                hint="ihacpa restore --list says which ones are whole",
            )
        return found

    def _fill(self, draft: Draft, wanted: Fingerprint) -> None:
        with self._backup.path.open("rb") as source:
            shutil.copyfileobj(source, draft.file, _CHUNK)
        draft.seal(self._target if self._target.exists() else self._backup.path)
        if fingerprint(draft.path) != wanted:
            raise WorkbookError(
                f"{self._target.name} is as it was",
                why="the copy of the backup does not read back",
                hint="check the disk",
            )

    def _tell(self, workbook: Fingerprint) -> None:
        """Let an unfinished run know what the workbook is now; without its journal it is only a workbook."""
        try:
            store: CheckpointStore = self._plan.build("checkpoint", self._warn)
            try:
                history = latest_history(store)
                if history is None or history.finished:
                    return
                journal = RunJournal(store, history.info.run_id, history.sequence)
                journal.choice("restored", workbook=encode_fingerprint(workbook))
                self._run_id = history.info.run_id
            finally:
                store.close()
        except StoreError as error:
            self._warn(f"the journal could not be told of the backup: {error}")

    def _take_back(self, kept: Path | None, before: Fingerprint | None) -> None:
        """The replacement did not happen: the second name goes, and a run that was told learns how it is."""
        if kept is not None and _same_file(kept, self._target):
            with contextlib.suppress(OSError):  # the first error is the one that tells
                self._ops.unlink(kept)
        if self._run_id and before is not None:
            self._tell(before)

    def _make_durable(self) -> None:
        try:
            self._ops.fsync_folder(self._target.parent)
        except OSError as error:
            self._warn(f"that the workbook would survive a loss of power is not confirmed: {error.strerror or error}")

    def _failed(self, error: OSError) -> WorkbookError:
        held = getattr(error, "winerror", None) is not None
        return WorkbookError(
            f"{self._target.name} could not be replaced and is as it was",
            why=f"{error.filename or self._target}: {error.strerror or error}",
            hint="close it in the other program" if held else "mend that, then type the same command again",
        )


def keep_beside(ops: FileOps, target: Path, now: datetime) -> Path:
    """Give the file at `target` a second name in its folder, which survives that `target` is replaced.

    ``book.damaged-20261123T201500.xlsx``, or ``book.replaced-...`` of one that opens. A name that is taken is never
    used; a second name that an interrupted attempt gave is as good as a new one.

    :raises OSError: neither a link nor a copy can be made.
    """
    there = _second_name(target)
    if there is not None:
        return there
    word = "damaged" if flaw(target) else "replaced"
    for path in _names(target, f"{word}-{now:%Y%m%dT%H%M%S}"):
        try:
            ops.link(target, path)
        except FileExistsError:
            continue
        except OSError:  # no links here
            _copy_beside(ops, target, path)
        ops.fsync_folder(target.parent)
        return path
    raise FileExistsError(target)


def _names(target: Path, mark: str) -> list[Path]:
    stem = target.stem.encode()[:_LONGEST_STEM].decode(errors="ignore")
    tails = ["", *(f"-{number}" for number in range(2, 100))]
    paths = [target.with_name(f"{stem}.{mark}{tail}{target.suffix}") for tail in tails]
    return [path for path in paths if not os.path.lexists(path)]


def _second_name(target: Path) -> Path | None:
    """The name that an interrupted attempt gave the very file that is at `target`."""
    stem = target.stem.encode()[:_LONGEST_STEM].decode(errors="ignore")
    ours = re.compile(rf"{re.escape(stem)}\.(damaged|replaced)-\d{{8}}T\d{{6}}(-\d+)?{re.escape(target.suffix)}")
    named = (path for path in sorted(target.parent.iterdir()) if ours.fullmatch(path.name))
    return next((path for path in named if _same_file(path, target)), None)


def _copy_beside(ops: FileOps, target: Path, path: Path) -> None:
    """A durable copy; it has its name only when it is whole."""
    draft = Draft(ops, target)
    try:
        with target.open("rb") as source:
            shutil.copyfileobj(source, draft.file, _CHUNK)
        draft.seal(target)
        ops.replace(draft.path, path)
    except BaseException:  # an interruption must not leave the draft behind either
        draft.discard()
        raise


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _held_by(path: Path) -> Fingerprint | None:
    """What the file holds; None if it is not there or cannot be read."""
    try:
        return fingerprint(path)
    except OSError:
        return None


def _flaw(backup: Backup) -> str:
    try:
        if not backup.is_whole():
            return "it was altered since it was made"
    except OSError as error:
        return error.strerror or str(error)
    return flaw(backup.path)


def _checkpoints_by_backup(plan: Plan, warn: Warn) -> dict[str, list[str]]:
    """The ids of the checkpoints that name each backup. Without a journal backups can be put back all the same."""
    named: dict[str, list[str]] = {}
    try:
        with reading(plan, warn) as store:
            for data in all_checkpoints(store):
                named.setdefault(data.backup, []).append(data.checkpoint_id)
    except StoreError as error:
        warn(f"the journal cannot be read, so no checkpoint is named: {error}")
    return named
