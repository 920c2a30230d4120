"""What a run tells while it goes on. Each event is frozen; a new field breaks no observer.

All events are announced in the main thread, in the order in which things became true.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ihacpa_core.records import Outcome
from ihacpa_core.state import BatchMetrics, Fingerprint, RunInfo, RunMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run begins or goes on. `total` records are in it, `left` of them are still to be processed."""

    run: RunInfo
    workbook: Path
    total: int
    left: int
    resumed: bool
    concurrency: int
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStarted:
    """A batch is open; it takes `size` records at the most."""

    number: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFinished:
    """An outcome is durable. `finished` of `total` records of the run have one now."""

    outcome: Outcome
    batch: int
    finished: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCommitted:
    """All outcomes of a batch are durable; the workbook may not show them yet."""

    batch: BatchMetrics
    finished: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkbookSaved:
    """The workbook holds every outcome that was durable when the save began. `seconds` is the save's duration."""

    path: Path
    cells: int
    seconds: float
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointWritten:
    """A checkpoint is durable."""

    checkpoint_id: str
    batch: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRaised:
    """Something that a person should know, and that stops nothing. `source` names the part that says it."""

    message: str
    source: str = "ihacpa"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run ended, or was interrupted and can be resumed."""

    run: RunInfo
    metrics: RunMetrics
    state: str
    exit_code: int
    failures: tuple[Outcome, ...] = ()


Event = (
    RunStarted
    | BatchStarted
    | RecordFinished
    | BatchCommitted
    | WorkbookSaved
    | CheckpointWritten
    | WarningRaised
    | RunFinished
)

EVENT_NAMES: dict[type[Event], str] = {
    RunStarted: "run_started",
    BatchStarted: "batch_started",
    RecordFinished: "record_finished",
    BatchCommitted: "batch_committed",
    WorkbookSaved: "workbook_saved",
    CheckpointWritten: "checkpoint_written",
    WarningRaised: "warning",
    RunFinished: "run_finished",
}
"""What an event is called: ``on_NAME`` of a reporter, ``ihacpa_NAME`` of an observer."""
