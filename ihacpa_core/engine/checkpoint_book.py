"""The checkpoints of a workbook, looked at one by one: whether each can still be gone back to. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from ihacpa_core.codec import encode_checkpoint
from ihacpa_core.engine.checkpoints import all_checkpoints
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.errors import StoreError
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import BrokenCheckpoint, CheckpointData, Fingerprint

SCHEMA = 1
"""Of an exported document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointLine:
    """A checkpoint whose own checksum is right.

    :param backup_flaw: what is wrong with its copy of the workbook; empty if that is whole.
    :param journal_flaw: why the journal cannot be read as far as it covers; empty if it can, or was not tried.
    """

    data: CheckpointData
    backup_flaw: str = ""
    journal_flaw: str = ""
    expired: bool = False

    @property
    def flaws(self) -> tuple[str, ...]:
        return tuple(flaw for flaw in (self.journal_flaw, self.backup_flaw) if flaw)

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        metrics = self.data.metrics
        return {
            "checkpoint_id": self.data.checkpoint_id,
            "run_id": self.data.run_id,
            "created": self.data.created.isoformat(),
            "batch": self.data.batch,
            "sequence": self.data.sequence,
            "records": metrics.records,
            "done": metrics.done,
            "failed": metrics.failed,
            "skipped": metrics.skipped,
            "state": self.data.state.value,
            "backup": self.data.backup,
            "backup_whole": not self.backup_flaw,
            "expires": self.data.expires.isoformat() if self.data.expires else None,
            "expired": self.expired,
            "valid": not self.flaws,
            "flaws": list(self.flaws),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointBook:
    """All checkpoints of a workbook, oldest first, and those that cannot be used."""

    lines: tuple[CheckpointLine, ...] = ()
    broken: tuple[BrokenCheckpoint, ...] = ()

    @property
    def ids(self) -> list[str]:
        """Every id, of damaged ones too, each once."""
        named = [line.data.checkpoint_id for line in self.lines] + [each.checkpoint_id for each in self.broken]
        return list(dict.fromkeys(named))

    @property
    def newest_valid(self) -> CheckpointLine | None:
        return next((line for line in reversed(self.lines) if not line.flaws), None)

    @property
    def damaged(self) -> bool:
        """Whether one of them cannot be gone back to."""
        return bool(self.broken) or any(line.flaws for line in self.lines)

    def only(self, ids: Collection[str]) -> CheckpointBook:
        """The same with none but these."""
        return CheckpointBook(
            lines=tuple(line for line in self.lines if line.data.checkpoint_id in ids),
            broken=tuple(each for each in self.broken if each.checkpoint_id in ids),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "checkpoints": [line.to_dict() for line in self.lines],
            "broken": [
                {"checkpoint_id": each.checkpoint_id, "run_id": each.run_id, "why": each.why} for each in self.broken
            ],
        }


def read_checkpoints(store: CheckpointStore, backups: Path, now: datetime, *, journal: bool = False) -> CheckpointBook:
    """Look at every checkpoint, and read its copy of the workbook.

    :param journal: read the journal too, as far as each covers.
    :raises StoreError: not even the list of runs can be read.
    """
    reach = cache(lambda run_id: _reach(store, run_id))
    lines = tuple(
        CheckpointLine(
            data=data,
            backup_flaw=_backup_flaw(backups, data),
            journal_flaw=_journal_flaw(data, *reach(data.run_id)) if journal else "",
            expired=data.is_expired(now),
        )
        for data in all_checkpoints(store)
    )
    return CheckpointBook(lines=lines, broken=tuple(store.broken_checkpoints()))


def backup_path(backups: Path, data: CheckpointData) -> Path | None:
    """Where the copy that `data` names lies; None if the name would lead out of the folder."""
    return backups / data.backup if data.backup and Path(data.backup).name == data.backup else None


def to_be_removed(
    book: CheckpointBook, ids: Collection[str] = (), *, keep: int | None = None, everything: bool = False
) -> list[str]:
    """The ids that a person asks to remove: those named, all, all but the newest `keep`; else the expired ones.

    Damaged ones are never among the kept.
    """
    if ids or everything:
        return [each for each in book.ids if everything or each in ids]
    broken = [each.checkpoint_id for each in book.broken]
    if keep is None:
        return [line.data.checkpoint_id for line in book.lines if line.expired]
    sound = [line.data.checkpoint_id for line in book.lines]
    return [*sound[: max(len(sound) - keep, 0)], *broken]


def export_document(book: CheckpointBook, workbook: Path, now: datetime) -> dict[str, Any]:
    """The checkpoints as one JSON document: each as it is stored, with its checksum and schema."""
    return {
        "schema": SCHEMA,
        "workbook": str(workbook),
        "exported": now.isoformat(),
        "checkpoints": [encode_checkpoint(line.data) for line in book.lines],
        "broken": book.to_dict()["broken"],
    }


def _reach(store: CheckpointStore, run_id: str) -> tuple[int, str]:
    """The last entry of a run's journal that can be read, and why the one after it cannot, if it is there."""
    last = 0
    try:
        for entry in store.entries(run_id):
            last = entry.sequence
    except StoreError as error:
        return last, str(error)
    return last, ""


def _journal_flaw(data: CheckpointData, last: int, why: str) -> str:
    if data.sequence <= last:
        return ""
    return f"the journal can be read up to entry {last}, it covers {data.sequence}" + (f" ({why})" if why else "")


def _backup_flaw(backups: Path, data: CheckpointData) -> str:
    path = backup_path(backups, data)
    if path is None:
        return f"its backup has no name that could be one: {data.backup!r}"
    try:
        found: Fingerprint = fingerprint(path)
    except FileNotFoundError:
        return f"its backup {data.backup} is gone"
    except OSError as error:
        return f"its backup {data.backup} cannot be read: {error.strerror or error}"
    return "" if found == data.workbook else f"its backup {data.backup} was altered"
