"""A small run as reporters hear it: three records, one of them failed, in two batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ihacpa_core import (
    BatchCommitted,
    BatchMetrics,
    BatchStarted,
    CheckpointWritten,
    Failure,
    Fingerprint,
    Outcome,
    ProgressReporter,
    RecordFinished,
    RecordId,
    RunFinished,
    RunInfo,
    RunMetrics,
    RunStarted,
    Status,
    WarningRaised,
    WorkbookSaved,
)

RUN = RunInfo(
    run_id="20260102-030405",
    workbook="/data/packages.xlsx",
    sheet="Packages",
    started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    original=Fingerprint("ab", 10),
    records=3,
)
FLASK = Outcome(id=RecordId("flask"), row=4, status=Status.DONE, seconds=0.5)
DJANGO = Outcome(id=RecordId("django"), row=5, status=Status.DONE, unchecked=("nvd: no answer",))
BROKEN = Outcome(
    id=RecordId("br\x1bo\nken"),
    row=6,
    status=Status.FAILED,
    attempts=3,
    error=Failure(kind="TimeoutError", message="no answer\x1b[31m", transient=True),
)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def started(total: int = 3, left: int = 3) -> RunStarted:
    return RunStarted(
        run=RUN,
        workbook=Path("/data/packages.xlsx"),
        total=total,
        left=left,
        resumed=left < total,
        concurrency=4,
        header=("acme policy 7",),
    )


def record(outcome: Outcome, finished: int, total: int = 3, batch: int = 1) -> RecordFinished:
    return RecordFinished(outcome=outcome, batch=batch, finished=finished, total=total)


def committed(number: int, records: int, failed: int, finished: int, total: int = 3) -> BatchCommitted:
    metrics = BatchMetrics(number=number, records=records, failed=failed, seconds=2.0, closed_by="size")
    return BatchCommitted(batch=metrics, finished=finished, total=total)


def play(reporter: ProgressReporter, clock: Clock) -> None:
    """Let the reporter hear the whole run, which takes four seconds."""
    for call in _calls(reporter):
        call()
        clock.time += 0.25


def _calls(reporter: ProgressReporter) -> Iterator[Callable[[], None]]:
    yield lambda: reporter.on_run_started(started())
    yield lambda: reporter.on_batch_started(BatchStarted(number=1, size=2))
    yield lambda: reporter.on_record_finished(record(FLASK, 1))
    yield lambda: reporter.on_record_finished(record(DJANGO, 2))
    yield lambda: reporter.on_batch_committed(committed(1, 2, 0, 2))
    yield lambda: reporter.on_warning(WarningRaised(message="the index is\nslow\x1b[2J", source="pypi"))
    yield lambda: reporter.on_workbook_saved(
        WorkbookSaved(path=Path("/data/packages.xlsx"), cells=40, seconds=0.2, fingerprint=Fingerprint("cd", 11))
    )
    yield lambda: reporter.on_checkpoint_written(CheckpointWritten(checkpoint_id="c1", batch=1, seconds=0.1))
    yield lambda: reporter.on_batch_started(BatchStarted(number=2, size=2))
    yield lambda: reporter.on_record_finished(record(BROKEN, 3, batch=2))
    yield lambda: reporter.on_batch_committed(committed(2, 1, 1, 3))
    yield lambda: reporter.on_run_finished(
        RunFinished(
            run=RUN,
            metrics=RunMetrics(records=3, done=2, failed=1, wall_seconds=4.0, slowest=(("flask", 0.5),)),
            state="finished",
            exit_code=3,
            failures=(BROKEN,),
        )
    )
    yield reporter.close
