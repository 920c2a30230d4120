"""Journals of the file store, and what a test looks at in them."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

from ihacpa_plugins.checkpoint.file import FileOptions, FileStore

from ihacpa_core import CheckpointData, Fingerprint, JournalEntry, RunContext, RunMetrics

IMPATIENT = FileOptions(busy_timeout=0.1)


def group(first: int, count: int = 2, run_id: str = "r1", text: str = "ä") -> list[JournalEntry]:
    return [
        JournalEntry(run_id=run_id, sequence=number, kind="outcome", payload={"n": number, "text": text})
        for number in range(first, first + count)
    ]


def checkpoint(
    name: str = "c1", sequence: int = 1, created: datetime = datetime(2026, 1, 2, tzinfo=UTC)
) -> CheckpointData:
    return CheckpointData(
        checkpoint_id=name,
        run_id="r1",
        created=created,
        sequence=sequence,
        batch=1,
        metrics=RunMetrics(done=1),
        workbook=Fingerprint("ab", 1),
        backup=f"{name}.xlsx",
    )


def written(context: RunContext, groups: int = 3, *, close: bool = True) -> Path:
    """A journal of some groups of two; without a clean end there is no seal."""
    store = FileStore(context)
    for number in range(groups):
        store.append(group(1 + 2 * number))
    if close:
        store.close()
    else:
        let_go(store)
    return context.state_dir / "journal" / "r1.jsonl"


def let_go(store: FileStore) -> None:
    """What the system does for a process that dies: it closes its files."""
    for writer in store._writers.values():
        if writer._file is not None:
            writer._file.close()


def read(context: RunContext, run_id: str = "r1") -> list[JournalEntry]:
    return list(FileStore(context).entries(run_id))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
