"""The progress reporter `plain`: a line a batch, for logs and pipes."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from ihacpa_core import (
    BatchCommitted,
    Offer,
    ProgressReporter,
    RecordFinished,
    RunStarted,
    WarningRaised,
    hookimpl,
)
from ihacpa_plugins.progress._tally import Clock, Tally, line, span


class PlainReporter(ProgressReporter):
    """Writes whole lines without control characters to `stream`, standard error by default."""

    def __init__(self, stream: TextIO | None = None, clock: Clock = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._tally = Tally(clock)

    def on_run_started(self, event: RunStarted) -> None:
        self._tally.begin(event)
        verb = "is resumed" if event.resumed else "begins"
        self._write(
            f"run {event.run.run_id} {verb}: {event.workbook.name}, {event.left} of {event.total} records to do"
        )
        for text in event.header:
            self._write(text)

    def on_record_finished(self, event: RecordFinished) -> None:
        self._tally.count(event)

    def on_batch_committed(self, event: BatchCommitted) -> None:
        batch = event.batch
        share = 100 * event.finished // event.total if event.total else 100
        parts = [
            f"batch {batch.number}: {batch.records} records in {span(batch.seconds)}",
            f"{event.finished} of {event.total} ({share} %)",
        ]
        if self._tally.failed:
            parts.append(f"{self._tally.failed} failed")
        if self._tally.unchecked:
            parts.append(f"{self._tally.unchecked} not fully checked")
        parts.append(f"{self._tally.rate:.1f} a second")
        left = self._tally.seconds_left
        if left is not None and event.finished < event.total:
            parts.append(f"about {span(left)} left")
        self._write(", ".join(parts))

    def on_warning(self, event: WarningRaised) -> None:
        self._write(f"warning: {event.message}")

    def _write(self, text: str) -> None:
        self._stream.write(f"{line(text)}\n")
        self._stream.flush()


@hookimpl
def ihacpa_progress_reporters() -> list[Offer[ProgressReporter]]:
    return [Offer(name="plain", factory=lambda options, context: PlainReporter(), summary="a line a batch")]
