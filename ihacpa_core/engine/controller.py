"""The run's main loop: cut a batch, process it, announce it, save if a save is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from ihacpa_core.engine.checkpoints import CheckpointManager
from ihacpa_core.engine.journal import RunJournal
from ihacpa_core.engine.processing import BatchProcessor, OpenBatch, Queue
from ihacpa_core.engine.saving import Saving
from ihacpa_core.engine.tracker import ProgressTracker
from ihacpa_core.events import BatchCommitted, BatchStarted, RecordFinished
from ihacpa_core.records import Outcome, Record, Status
from ihacpa_core.roles import BatchStrategy, Close, Processor
from ihacpa_core.state import BatchMetrics


class BatchController:
    """Takes records through batches until none is left or somebody stops it.

    :param batches_before: batches that were committed before this process; numbers go on from there.
    :param max_failures: stop when so many records have failed; 0 never stops.
    :param grace: seconds that records in flight get when the run is stopped.
    """

    def __init__(
        self,
        *,
        strategy: BatchStrategy,
        processor: Processor,
        batches: BatchProcessor,
        journal: RunJournal,
        saving: Saving,
        checkpoints: CheckpointManager,
        tracker: ProgressTracker,
        batches_before: int = 0,
        max_failures: int = 0,
        grace: float = 10.0,
    ) -> None:
        self._strategy = strategy
        self._processor = processor
        self._batches = batches
        self._journal = journal
        self._saving = saving
        self._checkpoints = checkpoints
        self._tracker = tracker
        self._number = batches_before
        self._max_failures = max_failures
        self._grace = grace
        self._failures = 0
        self._stop = asyncio.Event()
        self._open: OpenBatch | None = None
        self._queue: Queue | None = None
        self._close: Close | None = None
        self._last: BatchMetrics | None = None
        self.stopped_because = ""

    async def run(self, records: Sequence[Record], everybody: Sequence[Record]) -> None:
        """Process `records`, then once more those of `everybody` that failed for a reason that may have passed.

        :raises StoreError: the journal cannot be written; what was acknowledged before is safe.
        """
        await self._pass(records)
        again = {outcome.id for outcome in self._tracker.with_status(Status.FAILED) if _may_pass(outcome)}
        await self._pass([record for record in everybody if record.id in again])

    def stop(self, reason: str) -> None:
        """Take no more records; what is in flight gets its grace time."""
        self.stopped_because = self.stopped_because or reason
        if self._open is not None:
            self._open.close(reason)
        self._stop.set()

    def settled(self, outcome: Outcome) -> None:
        """An outcome is durable: count it, tell it, and ask whether the batch ends here."""
        self._tracker.record(outcome)
        self._saving.add([outcome])
        batch = self._open
        if batch is None or self._queue is None:  # abandoned in flight, durable after all
            return
        batch.ids.append(outcome.id)
        batch.failed += outcome.status is Status.FAILED
        self._tracker.announce(
            RecordFinished(
                outcome=outcome, batch=batch.number, finished=self._tracker.finished, total=self._tracker.total
            )
        )
        self._ask_to_close(batch, len(self._queue))
        self._give_up_on_failures(outcome)

    async def _pass(self, records: Sequence[Record]) -> None:
        self._queue = queue = Queue(records, self._processor, self._processor.concurrency)
        while len(queue) and not self._stop.is_set():
            await self._one_batch(queue)

    async def _one_batch(self, queue: Queue) -> None:
        self._number += 1
        self._close = None
        batch = OpenBatch(number=self._number, size=1, started=time.monotonic())
        batch.size = self._strategy.next_size(batch.state(len(queue), self._last))
        self._open = batch
        self._tracker.announce(BatchStarted(number=batch.number, size=min(batch.size, len(queue))))
        await self._until_done_or_stopped(batch, queue)
        self._open = None
        await self._committed(batch, len(queue))

    async def _until_done_or_stopped(self, batch: OpenBatch, queue: Queue) -> None:
        work = asyncio.ensure_future(self._batches.run(batch, queue))
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            await self._batches.drain(work, self._grace)
        if not work.cancelled():
            work.result()  # raises what the journal raised

    async def _committed(self, batch: OpenBatch, left: int) -> None:
        if not batch.ids:
            return
        metrics = batch.metrics(left)
        self._journal.batch(metrics, batch.ids)
        self._last = metrics
        self._strategy.observe(metrics)
        self._tracker.batch(metrics)
        self._checkpoints.batch_committed(metrics.number)
        self._tracker.announce(
            BatchCommitted(batch=metrics, finished=self._tracker.finished, total=self._tracker.total)
        )
        await self._saving.batch_committed(asked=self._close is not None and self._close.save)

    def _ask_to_close(self, batch: OpenBatch, left: int) -> None:
        if batch.closed_by:
            return
        close = self._strategy.should_close(batch.state(left, self._last))
        if close is not None:
            self._close = close
            batch.close(close.reason)

    def _give_up_on_failures(self, outcome: Outcome) -> None:
        self._failures += outcome.status is Status.FAILED
        if self._max_failures and self._failures >= self._max_failures:
            self.stop(f"{self._failures} records failed (max_failures)")


def _may_pass(outcome: Outcome) -> bool:
    return outcome.error is not None and outcome.error.transient
