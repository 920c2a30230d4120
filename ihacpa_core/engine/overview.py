"""What state a workbook is in, and what to type next. Looks, and writes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ihacpa_core.engine.backups import Backup, list_backups
from ihacpa_core.engine.checkpoint_book import CheckpointBook, read_checkpoints
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.journal import RunHistory, latest_history
from ihacpa_core.engine.lock import LockOwner, WorkbookLock
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.engine.runs import RunLine, reading, run_line
from ihacpa_core.engine.soundness import flaw
from ihacpa_core.errors import StoreError
from ihacpa_core.state import Fingerprint, RunState
from ihacpa_core.workbook.sniff import check_workbook, owner_of_open_file

SCHEMA = 1


class Condition(StrEnum):
    """How the workbook is, seen from the last run."""

    NO_RUN = "no-run"
    AS_LEFT = "as-left"
    CHANGED = "changed"
    BACKUP = "backup"
    DAMAGED = "damaged"
    MISSING = "missing"
    NOT_MADE = "not-made"


CONDITIONS = {
    Condition.NO_RUN: "no run has worked on it yet",
    Condition.AS_LEFT: "as the last run left it",
    Condition.CHANGED: "changed since the last run wrote it",
    Condition.BACKUP: "a backup that was put back by hand",
    Condition.DAMAGED: "damaged",
    Condition.MISSING: "not there",
    Condition.NOT_MADE: "not made yet; a run makes it",
}
"""Each condition in words."""


@dataclass(frozen=True, slots=True)
class Next:
    """What to type next.

    :param command: the command, empty for a run.
    :param options: what follows the workbook.
    :param why: what it does, in the words of a person.
    """

    command: str
    options: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The state of a workbook.

    :param flaw: why it does not open, if it is damaged.
    :param holder: who holds its lock, if somebody does and says so.
    :param open_by: who has it open in Excel or LibreOffice.
    :param run: the last run; None if there was none, or if `journal_flaw` says why it cannot be read.
    :param runs: how many there were.
    :param backups: oldest first.
    :param next: None if there is nothing that would help.
    """

    workbook: Path
    condition: Condition
    flaw: str = ""
    held: bool = False
    holder: LockOwner | None = None
    open_by: str = ""
    run: RunLine | None = None
    runs: int = 0
    journal_flaw: str = ""
    backups: tuple[Backup, ...] = ()
    checkpoints: CheckpointBook = field(default_factory=CheckpointBook)
    next: Next | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values, but for the next command, which depends on what was typed."""
        return {
            "schema": SCHEMA,
            "workbook": str(self.workbook),
            "condition": self.condition.value,
            "flaw": self.flaw,
            "done": self.run.done if self.run else 0,
            "left": self.run.left if self.run else 0,
            "failed": self.run.failed if self.run else 0,
            "lock": {"held": self.held, "holder": asdict(self.holder) if self.holder else None},
            "open_by": self.open_by,
            "run": self.run.to_dict() if self.run else None,
            "runs": self.runs,
            "journal_flaw": self.journal_flaw,
            "backups": [{"name": b.name, "taken": b.taken.isoformat(), "size": b.size} for b in self.backups],
            **self.checkpoints.to_dict(),
        }


def overview(plan: Plan, now: datetime | None = None) -> Overview:
    """Look at the workbook, its lock, its journal, its checkpoints and its backups.

    :raises WorkbookError: there is no workbook, and nothing that tells of one.
    """
    if not plan.current.exists() and not plan.folder.path.is_dir():
        check_workbook(plan.current)
    lock = WorkbookLock(plan.target)
    held = lock.is_held()
    backups = tuple(list_backups(plan.folder.backups))
    journal = _journal(plan, now or datetime.now(UTC))
    condition, why = _condition(plan, journal.history, backups)
    run = run_line(journal.history) if journal.history else None
    return Overview(
        workbook=plan.target,
        condition=condition,
        flaw=why,
        held=held,
        holder=lock.owner() if held else None,
        open_by=owner_of_open_file(plan.current) or "",
        run=run,
        runs=journal.runs,
        journal_flaw=journal.flaw,
        backups=backups,
        checkpoints=journal.checkpoints,
        next=_next(condition, held, run, journal.flaw, backups),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journal:
    """What the journal tells, as far as it can be read."""

    history: RunHistory | None = None
    runs: int = 0
    checkpoints: CheckpointBook = field(default_factory=CheckpointBook)
    flaw: str = ""


def _journal(plan: Plan, now: datetime) -> _Journal:
    told = _Journal()
    try:
        with reading(plan, lambda _: None) as store:
            told = _Journal(runs=len(store.runs()), checkpoints=read_checkpoints(store, plan.folder.backups, now))
            return _Journal(history=latest_history(store), runs=told.runs, checkpoints=told.checkpoints)
    except StoreError as error:
        return _Journal(runs=told.runs, checkpoints=told.checkpoints, flaw=str(error))


def _condition(plan: Plan, history: RunHistory | None, backups: tuple[Backup, ...]) -> tuple[Condition, str]:
    """How the workbook is, and why it does not open if it does not."""
    path = plan.target
    if not path.exists():
        made_by_a_run = plan.target != plan.source and plan.source.exists() and not backups
        return (Condition.NOT_MADE if made_by_a_run else Condition.MISSING), ""
    try:
        found = fingerprint(path)
    except OSError as error:
        return Condition.DAMAGED, error.strerror or str(error)
    if history is not None and found in history.expected:
        return Condition.AS_LEFT, ""
    if why := flaw(path):
        return Condition.DAMAGED, why
    if history is None:
        return Condition.NO_RUN, ""
    return (Condition.BACKUP if _is_backup(found, backups) else Condition.CHANGED), ""


def _is_backup(found: Fingerprint, backups: tuple[Backup, ...]) -> bool:
    return any(backup.is_of(found) for backup in backups)


def _next(
    condition: Condition, held: bool, run: RunLine | None, journal_flaw: str, backups: tuple[Backup, ...]
) -> Next | None:
    if held:
        return Next("", ("--wait", "600"), "a run is at work: this waits for it, then goes on")
    if condition in (Condition.DAMAGED, Condition.MISSING):
        why = "puts a backup in its place; what is there now is kept beside it"
        return Next("restore", (), why) if backups else None
    if journal_flaw:
        return Next("", ("--start-fresh",), "begins anew; the journal is left as it is")
    if run is None:
        return Next("", (), "starts the first run")
    if run.state is RunState.UNFINISHED:
        return _going_on(condition, run)
    if run.failed or run.unchecked:
        return Next("", ("--only-failed",), "tries again what failed or could not be checked")
    return Next("", (), "starts a new run; of the last one nothing is left to do")


def _going_on(condition: Condition, run: RunLine) -> Next:
    if condition is Condition.BACKUP:
        return Next("restore", (), "asks which backup; the run then learns of it, and draws its results anew")
    if condition is Condition.CHANGED:
        return Next("", (), f"goes on with the {run.left:,} that are left; shows first what was changed")
    return Next("", (), f"goes on with the {run.left:,} that are left")
