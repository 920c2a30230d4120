"""Executors that each break a rule on purpose; the contract has to notice."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from breaking import breaks, tried

from ihacpa_core import Executor, ProcessRecord, Record, RunContext, SettleOutcome, StoreError
from ihacpa_core.testing.contracts import ExecutorContract

pytest_plugins = ["ihacpa_core.testing.plugin"]


class Right(Executor):
    """Workers that share the records, as the built-in does."""

    def __init__(self, context: RunContext) -> None:
        self._run_id = context.run_id

    async def work(self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome) -> None:
        for record in records:
            await settle(await process(record))

    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        workers = [asyncio.ensure_future(self.work(records, process, settle)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)


@breaks("each_record_exactly_once")
class ProcessesTwice(Right):
    async def work(self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome) -> None:
        for record in records:
            await process(record)
            await settle(await process(record))


@breaks("each_record_exactly_once", "records_may_end_early")
class ForgetsTheLast(Right):
    async def work(self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome) -> None:
        before = None
        for record in records:
            if before is not None:
                await settle(await process(before))
            before = record


@breaks("batch_of_nothing")
class WantsAFirstRecord(Right):
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        first = next(records)
        await settle(await process(first))
        await super().run(records, process, settle, concurrency)


@breaks("never_more_in_flight_than_allowed", "records_may_end_early")
class TakesThemAll(Right):
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        await super().run(iter(list(records)), process, settle, concurrency)


@breaks("slot_is_held_until_the_outcome_is_durable")
class SettlesInTheBackground(Right):
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        settling: list[asyncio.Future[None]] = []

        async def work() -> None:
            for record in records:
                settling.append(asyncio.ensure_future(settle(await process(record))))

        await asyncio.gather(*(work() for _ in range(concurrency)))
        await asyncio.gather(*settling)


@breaks("several_at_once")
class OneByOne(Right):
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        await super().run(records, process, settle, 1)


@breaks("returns_when_all_are_settled")
class DoesNotWaitForStragglers(Right):
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        workers = [asyncio.ensure_future(self.work(records, process, settle)) for _ in range(concurrency)]
        await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)


@breaks("settles_in_the_main_thread")
class SettlesElsewhere(Right):
    async def work(self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome) -> None:
        for record in records:
            outcome = await process(record)
            elsewhere = threading.Thread(target=lambda told: asyncio.run(settle(told)), args=(outcome,))
            elsewhere.start()
            await asyncio.to_thread(elsewhere.join)


@breaks("failing_journal_is_told")
class KeepsFailuresToItself(Right):
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        with contextlib.suppress(StoreError):
            await super().run(records, process, settle, concurrency)


@breaks("failing_journal_is_told")
class GoesOnWithoutAJournal(Right):
    async def work(self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome) -> None:
        failure = None
        for record in records:
            try:
                await settle(await process(record))
            except StoreError as error:
                failure = error
        if failure is not None:
            raise failure


@breaks("failing_journal_cancels_the_others_first", "cancelled")
class LeavesTheOthersRunning(Right):
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        workers = [asyncio.ensure_future(self.work(records, process, settle)) for _ in range(concurrency)]
        for worker in workers:
            await asyncio.shield(worker)


globals().update(tried(globals(), ExecutorContract, "make_executor", patience=1.0))
