"""State models: what a strategy sees, what a checkpoint holds, what a run reports.

All are frozen. What is stored goes through `ihacpa_core.codec`, which writes a schema version beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Which bytes a file holds: SHA-256 in hexadecimal, and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfiguration:
    """How a run is cut into batches and saved: the words of the settings, checked.

    :param save_every: ``batch``, ``auto``, ``end``, or seconds between saves.
    :param checkpoint_every: batches between checkpoints, at least 1.
    """

    strategy: str
    concurrency: int
    save_every: str | float = "auto"
    checkpoint_every: int = 5
    keep_checkpoints: bool = False
    keep_backups: int = 10

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.checkpoint_every < 1 or self.keep_backups < 1:
            raise ValueError("concurrency, checkpoint_every and keep_backups are at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMetrics:
    """One batch, measured.

    :param seconds: from the first record taken to the last outcome durable.
    :param closed_by: why it ended: ``size``, ``end``, ``interrupted``, or the strategy's own reason.
    """

    number: int
    records: int
    failed: int
    seconds: float
    closed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchState:
    """What a strategy decides from.

    :param number: the batch that is open or about to be, from 1, counted through interruptions.
    :param taken: records that the open batch has taken.
    :param settled: records of the open batch whose outcomes are durable.
    :param seconds: since the open batch took its first record.
    :param left: records that no batch has taken yet.
    :param last: the batch before, if there was one in this process.
    """

    number: int
    taken: int = 0
    settled: int = 0
    seconds: float = 0.0
    left: int = 0
    last: BatchMetrics | None = None


class RunState(StrEnum):
    """Where a run stands. None of these says "running": only the lock can tell."""

    UNFINISHED = "unfinished"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run as the journal knows it: which workbook, since when, with which settings.

    :param settings: the effective settings, as nested tables (what `settings.toml` holds).
    :param original: the workbook when the run started.
    :param records: how many records the run's list holds.
    """

    run_id: str
    workbook: str
    sheet: str
    started: datetime
    original: Fingerprint
    records: int
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMetrics:
    """What a run did, in one process or in all of them together. Times are seconds, memory is bytes.

    :param records: of the run; `done`, `failed`, `skipped` and `unchecked` of them so far, in whatever process.
    :param resumed: records that were finished before the process began; 0 for all processes together.
    """

    records: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    unchecked: int = 0
    resumed: int = 0
    normalised: int = 0
    batches: int = 0
    saves: int = 0
    checkpoints: int = 0
    retries: int = 0
    cells_written: int = 0
    formulas_kept: int = 0
    observer_errors: int = 0
    warnings: int = 0
    wall_seconds: float = 0.0
    processing_seconds: float = 0.0
    saving_seconds: float = 0.0
    waiting_seconds: float = 0.0
    peak_memory: int = 0
    slowest: tuple[tuple[str, float], ...] = ()

    @property
    def records_per_second(self) -> float:
        processed = self.done + self.failed + self.skipped - self.resumed
        return processed / self.wall_seconds if self.wall_seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointData:
    """A named point of a run that can be resumed from.

    Its stored form carries a schema version and a checksum (`ihacpa_core.encode_checkpoint`).

    :param sequence: the last journal entry that it covers.
    :param metrics: what the run had done by then.
    :param workbook: the workbook as the save before the checkpoint left it.
    :param backup: the file name of its copy in the backups folder.
    :param expires: when it may be pruned; None keeps it until it is removed by name.
    """

    checkpoint_id: str
    run_id: str
    created: datetime
    sequence: int
    batch: int
    metrics: RunMetrics
    workbook: Fingerprint
    backup: str
    state: RunState = RunState.UNFINISHED
    expires: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether it may be pruned at `now`, an aware time."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class BrokenCheckpoint:
    """A checkpoint that is there and cannot be used.

    :param checkpoint_id: its name as far as it can be read.
    :param why: what is wrong with it: torn, altered, of a newer version.
    :param run_id: the run that it belongs to; empty if that cannot be read.
    """

    checkpoint_id: str
    why: str
    run_id: str = ""


class StartMode(StrEnum):
    """What to do about an unfinished run."""

    ASK = "ask"
    FRESH = "fresh"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryOptions:
    """How a run starts when an unfinished one is found.

    :param from_package: do the records from this one on again: its place in the run's list, from 1, or its key.
    :param from_batch: do the records from this committed batch on again.
    :param checkpoint_id: go back to this checkpoint: outcomes after it no longer count.
    :param force: go on though the workbook or the settings differ; a person's edits are kept.
    """

    mode: StartMode = StartMode.ASK
    from_package: str = ""
    from_batch: int | None = None
    checkpoint_id: str = ""
    force: bool = False

    @property
    def goes_back(self) -> bool:
        """Whether a place in the unfinished run is named, from which records are done again."""
        return bool(self.from_package or self.from_batch is not None or self.checkpoint_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records a run works on. Empty means all.

    :param rows: sheet rows, both ends included.
    """

    rows: tuple[tuple[int, int], ...] = ()
    packages: tuple[str, ...] = ()
    only_failed: bool = False
    only_empty: bool = False
    limit: int | None = None
