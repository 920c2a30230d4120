"""One batch: takes records, has them processed, makes each outcome durable as it finishes."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ihacpa_core.codec import encode_outcome
from ihacpa_core.engine.attempts import Attempts, failure_of
from ihacpa_core.engine.commits import GroupCommitter
from ihacpa_core.engine.identity import input_digest
from ihacpa_core.errors import RecordError, StoreError
from ihacpa_core.records import Cell, Outcome, Record, RecordId, Status, is_column
from ihacpa_core.roles import Executor, Processor
from ihacpa_core.state import BatchMetrics, BatchState
from ihacpa_core.workbook.values import fit


class Queue:
    """The records that no batch has taken yet. `take` is the only way out of it.

    The processor hears which records come next as soon as they are within reach of the workers: slow look-ups of a
    batch's successors then overlap its tail, and a batch's end costs no idle time.
    """

    def __init__(self, records: Sequence[Record], processor: Processor, reach: int) -> None:
        self._left = deque(records)
        self._processor = processor
        self._reach = reach
        self._announced = 0
        self._taken = 0
        self._all = list(records)

    def __len__(self) -> int:
        return len(self._left)

    def take(self) -> Record:
        self._taken += 1
        self._look_ahead()
        return self._left.popleft()

    def _look_ahead(self) -> None:
        until = min(self._taken + self._reach, len(self._all))
        if until > self._announced:
            start = max(self._announced, self._taken - 1)
            self._announced = until
            self._prefetch(self._all[start:until])

    def _prefetch(self, coming: Sequence[Record]) -> None:
        with suppress(Exception):  # a hint to a plugin, and no more: what it cannot use, `process` meets again
            self._processor.prefetch(coming)


@dataclass(slots=True)
class OpenBatch:
    """A batch while it is open."""

    number: int
    size: int
    started: float
    taken: int = 0
    failed: int = 0
    closed_by: str = ""
    ids: list[RecordId] = field(default_factory=list)

    def close(self, reason: str) -> None:
        self.closed_by = self.closed_by or reason

    def records(self, queue: Queue) -> Iterator[Record]:
        """Take records until the batch is full, closed, or nothing is left."""
        while not self.closed_by and self.taken < self.size and len(queue):
            self.taken += 1
            yield queue.take()

    def state(self, left: int, last: BatchMetrics | None) -> BatchState:
        seconds = time.monotonic() - self.started
        return BatchState(
            number=self.number, taken=self.taken, settled=len(self.ids), seconds=seconds, left=left, last=last
        )

    def metrics(self, left: int) -> BatchMetrics:
        self.close("size" if left else "end")
        return BatchMetrics(
            number=self.number,
            records=len(self.ids),
            failed=self.failed,
            seconds=time.monotonic() - self.started,
            closed_by=self.closed_by,
        )


class BatchProcessor:
    """Runs batches through the executor.

    :param results: the columns that the processor said it writes; empty if it did not say.
    :param key: the key column's letter, which nothing may write.
    :param normalised: hears how many values of an outcome had to be made fit for Excel.
    :param mask: takes the run's secrets out of what an outcome says about its failure.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        attempts: Attempts,
        committer: GroupCommitter,
        processor: Processor,
        results: Sequence[str],
        key: str,
        normalised: Callable[[int], None],
        mask: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._executor = executor
        self._attempts = attempts
        self._committer = committer
        self._processor = processor
        self._results = frozenset(results)
        self._key = key
        self._normalised = normalised
        self._mask = mask

    async def run(self, batch: OpenBatch, queue: Queue) -> None:
        """Process one batch; returns when every record that it took is durable.

        :raises StoreError: the journal cannot be written.
        """
        try:
            await self._executor.run(
                batch.records(queue), self._process, self._committer.commit, self._processor.concurrency
            )
        except StoreError:
            await self._committer.flush()  # whatever else was finished is tried, and counted if it is not kept
            raise

    async def drain(self, task: asyncio.Task[None], grace: float) -> None:
        """Give `task` `grace` seconds to finish what is in flight, then abandon it. What finished is durable."""
        await asyncio.wait({task}, timeout=grace)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._committer.flush()

    async def _process(self, record: Record) -> Outcome:
        outcome = await self._attempts.run(record)
        try:
            return self._made_fit(self._traced(outcome, record))
        except Exception as error:  # noqa: BLE001  an outcome is a plugin's: nonsense in it fails its record, not the run
            failed = replace(Outcome.failed(record, failure_of(error)), seconds=outcome.seconds)
            return self._traced(failed, record)

    def _traced(self, outcome: Outcome, record: Record) -> Outcome:
        """`outcome` with what it was made from and what it replaces, without secrets in what it says.

        A plugin may not change whose it is.
        """
        inputs = tuple(outcome.inputs) or tuple(self._processor.inputs) or self._all_inputs(outcome, record)
        error = outcome.error
        if error is not None:
            error = replace(error, message=self._mask(error.message), hint=self._mask(error.hint))
        return replace(
            outcome,
            error=error,
            unchecked=tuple(map(self._mask, outcome.unchecked)),
            id=record.id,
            row=record.row,
            inputs=inputs,
            input_digest=input_digest(record, inputs),
            before={letter: record.contents.get(letter) for letter in outcome.cells},
        )

    def _all_inputs(self, outcome: Outcome, record: Record) -> tuple[str, ...]:
        """Nobody knows what a failed record was made from: all of it but the results, so that a mended row is tried."""
        if outcome.status is Status.DONE:
            return ()
        return tuple(sorted(record.contents.keys() - self._results))

    def _made_fit(self, outcome: Outcome) -> Outcome:
        """`outcome` as the journal and Excel can hold it.

        :raises RecordError: it writes a column that it may not, or the journal cannot hold it.
        :raises TypeError: a cell cannot hold a value.
        """
        for letter in outcome.cells:
            if not is_column(letter) or not letter.isupper():
                raise RecordError(f"{letter!r} is no column", hint="name a column by its letter, A to XFD")
            if letter == self._key:
                raise RecordError(f"column {letter} holds the keys and cannot be written")
        cells, count = _fit_all(outcome.cells)
        fitted = replace(outcome, cells=cells)
        encode_outcome(fitted)
        if count:
            self._normalised(count)
        return fitted


def _fit_all(cells: Mapping[str, Cell]) -> tuple[dict[str, Cell], int]:
    fitted: dict[str, Cell] = {}
    count = 0
    for letter, cell in cells.items():
        fitted[letter], notes = fit(cell)
        count += bool(notes)
    return fitted, count
