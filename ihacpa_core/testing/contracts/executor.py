"""What every executor must do: each record once, no more in flight than allowed, nothing left behind."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest

from ihacpa_core.errors import StoreError
from ihacpa_core.records import Outcome, Record
from ihacpa_core.roles import Executor, RunContext
from ihacpa_core.testing.contracts.base import Contract, missing_fixture

ExecutorFactory = Callable[[RunContext], Executor]
_STEP = 0.002
"""Seconds that a record or a commit takes: enough for others to come in between."""


class Floor:
    """A batch as the core runs it, which counts who is where.

    :param limit: records that there are; `close` ends them earlier.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken: list[str] = []
        self.processed: Counter[str] = Counter()
        self.settled: Counter[str] = Counter()
        self.threads: set[int] = set()
        self.running = 0
        self.cancelled = 0
        self.peak = 0
        self.taken_after_closing = 0
        self._closed = False

    def close(self) -> None:
        """Let no more records be taken."""
        self._closed = True

    def records(self) -> Iterator[Record]:
        while len(self.taken) < self.limit and not self._closed:
            key = f"record-{len(self.taken)}"
            self.taken.append(key)
            self.peak = max(self.peak, self.in_flight)
            yield Record(row=len(self.taken), key=key, number=len(self.taken))

    @property
    def in_flight(self) -> int:
        """Records that were taken and are not settled."""
        return len(self.taken) - self.settled.total()

    def process(self, wait: Callable[[], Awaitable[object]] | None = None) -> Callable[[Record], Awaitable[Outcome]]:
        """The processing of a record: it waits for `wait`, or a moment."""

        async def process(record: Record) -> Outcome:
            self.processed[record.key] += 1
            self.running += 1
            try:
                await (wait() if wait else asyncio.sleep(_STEP * (record.number % 3)))
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            finally:
                self.running -= 1
            return Outcome.done(record, {})

        return process

    async def settle(self, outcome: Outcome) -> None:
        """Make an outcome durable at once."""
        self.threads.add(threading.get_ident())
        self.settled[outcome.id.key] += 1

    def assert_all_done(self) -> None:
        """Each record that was taken was processed once and settled once, and nothing is running."""
        once = Counter(self.taken)
        assert self.processed == once
        assert self.settled == once
        assert self.running == 0


class ExecutorContract(Contract):
    """The rules of the role `executor`."""

    @pytest.fixture
    def make_executor(self) -> ExecutorFactory:
        """A function of a `RunContext` that returns the executor."""
        return missing_fixture("make_executor", "a function of a RunContext that returns the executor")  # type: ignore[no-any-return]

    @pytest.fixture
    def executor(self, make_executor: ExecutorFactory, context: RunContext) -> Executor:
        """The executor of a run."""
        return make_executor(context)

    def test_each_record_exactly_once(self, executor: Executor) -> None:
        """Every record is processed once and settled once, whatever the concurrency, in batch after batch."""
        for size, concurrency in itertools.product((1, 7, 40), (1, 3, 50)):
            floor = Floor(size)

            self.run(executor.run(floor.records(), floor.process(), floor.settle, concurrency))

            assert len(floor.taken) == size
            floor.assert_all_done()

    def test_batch_of_nothing(self, executor: Executor) -> None:
        """A batch without records ends at once."""
        floor = Floor(0)

        self.run(executor.run(floor.records(), floor.process(), floor.settle, 4))

        floor.assert_all_done()

    def test_never_more_in_flight_than_allowed(self, executor: Executor) -> None:
        """A record is taken only when there is room for it: what a kill would repeat is bounded."""
        for concurrency in (1, 2, 5):
            floor = Floor(40)

            self.run(executor.run(floor.records(), floor.process(), floor.settle, concurrency))

            assert floor.peak <= concurrency
            floor.assert_all_done()

    def test_slot_is_held_until_the_outcome_is_durable(self, executor: Executor) -> None:
        """A record whose commit takes long is still in flight: no other is taken in its place."""
        floor = Floor(20)
        waiting = 0
        most = 0

        async def settle(outcome: Outcome) -> None:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting + floor.running)
            await asyncio.sleep(3 * _STEP)
            waiting -= 1
            await floor.settle(outcome)

        self.run(executor.run(floor.records(), floor.process(), settle, 3))

        assert floor.peak <= 3
        assert most <= 3
        floor.assert_all_done()

    def test_several_at_once(self, executor: Executor) -> None:
        """With room for five, five records are processed at the same time."""
        floor = Floor(5)

        async def until_all_are_here() -> None:
            while floor.running + floor.settled.total() < 5:
                await asyncio.sleep(_STEP)

        self.run(executor.run(floor.records(), floor.process(until_all_are_here), floor.settle, 5))

        floor.assert_all_done()

    def test_records_may_end_early(self, executor: Executor) -> None:
        """When the batch is closed while it runs, what was taken is settled, and the rest stays for the next batch."""
        floor = Floor(40)

        async def settle(outcome: Outcome) -> None:
            await floor.settle(outcome)
            if floor.settled.total() == 10:
                floor.close()

        self.run(executor.run(floor.records(), floor.process(), settle, 4))

        assert 10 <= len(floor.taken) <= 13
        floor.assert_all_done()

    def test_returns_when_all_are_settled(self, executor: Executor) -> None:
        """The slowest commit is waited for."""
        floor = Floor(6)

        async def settle(outcome: Outcome) -> None:
            await asyncio.sleep(20 * _STEP if outcome.row == 2 else 0)
            await floor.settle(outcome)

        async def run() -> int:
            await executor.run(floor.records(), floor.process(), settle, 3)
            return floor.settled.total()

        assert self.run(run()) == 6

    def test_settles_in_the_main_thread(self, executor: Executor) -> None:
        """Wherever records are processed, `settle` is awaited in the thread and the loop that `run` was called in."""
        floor = Floor(8)

        self.run(executor.run(floor.records(), floor.process(), floor.settle, 3))

        assert floor.threads == {threading.get_ident()}

    def test_failing_journal_is_told(self, executor: Executor) -> None:
        """A `StoreError` of `settle` comes out of `run`, and no further record is taken."""
        floor = Floor(40)

        async def settle(outcome: Outcome) -> None:
            await floor.settle(outcome)
            if floor.settled.total() == 5:
                raise StoreError("the disk is full")

        with pytest.raises(StoreError, match="the disk is full"):
            self.run(executor.run(floor.records(), floor.process(), settle, 2))

        assert len(floor.taken) <= 7

    def test_failing_journal_cancels_the_others_first(self, executor: Executor) -> None:
        """Before the `StoreError` comes out, every other record in flight was cancelled and has come to its end."""
        floor = Floor(40)

        async def for_ever() -> None:
            await asyncio.sleep(_STEP if floor.processed.total() == 4 else 3600)

        async def settle(outcome: Outcome) -> None:
            raise StoreError("the disk is full")

        async def run() -> tuple[int, int]:
            with pytest.raises(StoreError):
                await executor.run(floor.records(), floor.process(for_ever), settle, 4)
            return floor.running, floor.cancelled

        assert self.run(run()) == (0, 3)

    def test_cancelled(self, executor: Executor) -> None:
        """When `run` is cancelled, every record in flight is, before the cancellation comes out."""
        floor = Floor(40)

        async def run() -> tuple[int, int]:
            work = asyncio.ensure_future(
                executor.run(floor.records(), floor.process(lambda: asyncio.sleep(3600)), floor.settle, 4)
            )
            while floor.running < 4:
                await asyncio.sleep(_STEP)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
            return floor.running, floor.cancelled

        assert self.run(run()) == (0, 4)
        assert floor.settled.total() == 0
