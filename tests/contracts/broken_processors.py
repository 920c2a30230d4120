"""Processors that each break a rule on purpose; the contract has to notice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from breaking import breaks, tried

from ihacpa_core import Cell, Headers, Outcome, Processor, Record, RunContext
from ihacpa_core.testing.contracts import ProcessorContract

pytest_plugins = ["ihacpa_core.testing.plugin"]


class Shout(Processor):
    """Writes the key in capitals into column D."""

    concurrency = 4

    def __init__(self, context: RunContext) -> None:
        self._run_id = context.run_id

    def bind(self, headers: Headers) -> Sequence[str]:
        return ("D",)

    async def process(self, record: Record, context: RunContext) -> Outcome:
        await asyncio.sleep(0.001)
        return Outcome.done(record, {"D": Cell(record.key.upper())}, inputs=("A",))


@breaks("bind_takes_any_headers_or_says_why_not")
class TakesHeadersForGranted(Shout):
    def bind(self, headers: Headers) -> Sequence[str]:
        return (next(letter for letter, text in headers.texts.items() if text == "Result"),)


@breaks("bind_returns_letters")
class ReturnsHeaderTexts(Shout):
    def bind(self, headers: Headers) -> Sequence[str]:
        return ("Result",)


@breaks("bind_returns_letters")
class ReadsHeaderTexts(Shout):
    inputs = ("Name",)


@breaks("concurrency_is_a_whole_number_from_one_up")
class AllowsNobody(Shout):
    concurrency = 0


@breaks("opens_and_closes_without_a_record")
class ClosesWhatItNeverUsed(Shout):
    async def process(self, record: Record, context: RunContext) -> Outcome:
        self._last = record
        return await super().process(record, context)

    async def close(self) -> None:
        self._last.row  # noqa: B018


@breaks("outcome_is_that_of_its_record")
class CountsItsOwnRows(Shout):
    _row = 0

    async def process(self, record: Record, context: RunContext) -> Outcome:
        self._row += 1
        return Outcome(id=record.id, row=self._row, status="done", cells={})  # type: ignore[arg-type]


@breaks("records_at_once_do_not_mix", "outcome_is_that_of_its_record")
class KeepsTheRecordOnItself(Shout):
    async def process(self, record: Record, context: RunContext) -> Outcome:
        self._record = record
        await asyncio.sleep(0.001)
        return await super().process(self._record, context)


@breaks("only_bound_columns_are_written")
class WritesBesides(Shout):
    async def process(self, record: Record, context: RunContext) -> Outcome:
        return Outcome.done(record, {"D": Cell("x"), "E": Cell("and a note")})


@breaks("only_bound_columns_are_written")
class WritesToHeaders(Shout):
    def bind(self, headers: Headers) -> Sequence[str]:
        return ()

    async def process(self, record: Record, context: RunContext) -> Outcome:
        return Outcome.done(record, {"Result": Cell("x")})


@breaks("outcomes_can_be_stored")
class PutsAListIntoACell(Shout):
    async def process(self, record: Record, context: RunContext) -> Outcome:
        return Outcome.done(record, {"D": Cell([record.key])})  # type: ignore[arg-type]


@breaks("outcomes_can_be_stored")
class KeepsObjects(Shout):
    async def process(self, record: Record, context: RunContext) -> Outcome:
        return Outcome.done(record, {"D": Cell("x")}, detail={"answer": object()})


@breaks("records_are_left_as_they_are")
class ScribblesIntoTheRow(Shout):
    async def process(self, record: Record, context: RunContext) -> Outcome:
        contents: Any = record.contents
        contents["E"] = "seen"
        return await super().process(record, context)


@breaks("odd_records_end_in_an_outcome_or_an_error")
class LeavesOnOddRows(Shout):
    async def process(self, record: Record, context: RunContext) -> Outcome:
        if record.contents.get("B") == "NEW":
            raise SystemExit("I cannot work like this")
        return await super().process(record, context)


@breaks("odd_records_end_in_an_outcome_or_an_error")
class SaysNothingOfEmptyRows(Shout):
    async def process(self, record: Record, context: RunContext) -> Any:
        return await super().process(record, context) if record.contents else None


@breaks("prefetch_does_not_block_and_may_be_in_vain")
class WaitsInPrefetch(Shout):
    def prefetch(self, records: Sequence[Record]) -> None:
        time.sleep(0.6)


@breaks("prefetch_does_not_block_and_may_be_in_vain", "closes_with_a_record_in_flight")
class LeavesItsLookUpsRunning(Shout):
    def prefetch(self, records: Sequence[Record]) -> None:
        self._tasks = [asyncio.ensure_future(asyncio.sleep(60)) for _ in records]


@breaks("cancelled_record_can_be_processed_again")
class KeepsItsLock(Shout):
    async def open(self) -> None:
        self._lock = asyncio.Lock()

    async def process(self, record: Record, context: RunContext) -> Outcome:
        await self._lock.acquire()
        outcome = await super().process(record, context)
        self._lock.release()
        return outcome


globals().update(tried(globals(), ProcessorContract, "make_processor", patience=1.0))
