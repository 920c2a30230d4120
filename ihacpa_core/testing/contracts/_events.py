"""A run as reporters hear it, with everything in it that reporters stumble over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ihacpa_core.events import (
    BatchCommitted,
    BatchStarted,
    CheckpointWritten,
    Event,
    RecordFinished,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
)
from ihacpa_core.records import Cell, Failure, Level, Outcome, RecordId, Status
from ihacpa_core.state import BatchMetrics, Fingerprint, RunInfo, RunMetrics

HOSTILE = "br\x1b[2Jo\nk\re\x9b1mn\u202e\x00"
"""What a name from a workbook or a message from the network may do to a terminal."""

_INFO = RunInfo(
    run_id="20260102-030405",
    workbook="/data/packages.xlsx",
    sheet=f"Packages {HOSTILE}",
    started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    original=Fingerprint("ab" * 32, 10),
    records=6,
)
_OUTCOMES = (
    Outcome(id=RecordId("flask"), row=4, status=Status.DONE, seconds=0.5, cells={"F": Cell("3.0")}),
    Outcome(id=RecordId("django"), row=5, status=Status.DONE, unchecked=("nvd: no answer",), level=Level.CRITICAL),
    Outcome(id=RecordId("flask", 2), row=6, status=Status.SKIPPED, detail={"reason": "nothing to do"}),
    Outcome(
        id=RecordId(HOSTILE),
        row=7,
        status=Status.FAILED,
        attempts=3,
        error=Failure(kind="TimeoutError", message=HOSTILE, hint=HOSTILE, transient=True),
    ),
    Outcome(id=RecordId("表 😀"), row=8, status=Status.DONE, seconds=7200.0),
    Outcome(id=RecordId(HOSTILE), row=7, status=Status.DONE, attempts=4, unchecked=(HOSTILE,)),
)


def whole_run(*, total: int = 5, resumed: bool = False) -> list[Event]:
    """Every kind of event, in the order of a run: two batches, a save, a checkpoint, a record that was tried again."""
    left = 2 if resumed else total
    started = RunStarted(
        run=_INFO,
        workbook=Path(f"/data/{HOSTILE}.xlsx".replace("\x00", "")),
        total=total,
        left=left,
        resumed=resumed,
        concurrency=4,
        header=("acme policy 7", HOSTILE),
    )
    return [
        WarningRaised(message="before the run begins"),
        started,
        *_batch(1, _OUTCOMES[:3], 3, total),
        WarningRaised(message=f"the index is slow {HOSTILE}", source="pypi"),
        WorkbookSaved(path=Path("/data/packages.xlsx"), cells=40, seconds=0.2, fingerprint=Fingerprint("cd" * 32, 11)),
        CheckpointWritten(checkpoint_id="c1", batch=1, seconds=0.1),
        *_batch(2, _OUTCOMES[3:], total, total),
        finished(),
    ]


def empty_run() -> list[Event]:
    """A run that has nothing to do, and numbers that nobody may divide by."""
    started = RunStarted(run=_INFO, workbook=Path("/b.xlsx"), total=0, left=0, resumed=False, concurrency=1)
    metrics = BatchMetrics(number=1, records=0, failed=0, seconds=0.0, closed_by="interrupted")
    return [started, BatchStarted(number=1, size=0), BatchCommitted(batch=metrics, finished=0, total=0), finished()]


def finished() -> RunFinished:
    """The end of a run that was interrupted."""
    metrics = RunMetrics(records=5, done=4, failed=1, wall_seconds=4.0, slowest=((HOSTILE, 0.5),))
    return RunFinished(run=_INFO, metrics=metrics, state="unfinished", exit_code=130, failures=(_OUTCOMES[3],))


def _batch(number: int, outcomes: Sequence[Outcome], finished: int, total: int) -> Iterator[Event]:
    yield BatchStarted(number=number, size=len(outcomes))
    for outcome in outcomes:
        yield RecordFinished(outcome=outcome, batch=number, finished=min(finished, total), total=total)
    failed = sum(outcome.status is Status.FAILED for outcome in outcomes)
    metrics = BatchMetrics(number=number, records=len(outcomes), failed=failed, seconds=2.0, closed_by="size")
    yield BatchCommitted(batch=metrics, finished=min(finished, total), total=total)
