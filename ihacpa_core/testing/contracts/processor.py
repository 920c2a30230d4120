"""What every processor must do: one outcome a record, in the columns that it said, whatever the sheet holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

import pytest

from ihacpa_core.codec import encode_outcome
from ihacpa_core.errors import UsageError, WorkbookError
from ihacpa_core.records import CellValue, Headers, Outcome, Record, Status
from ihacpa_core.roles import Processor, RunContext
from ihacpa_core.testing.contracts.base import Contract, missing_fixture
from ihacpa_core.workbook.refs import column_index
from ihacpa_core.workbook.values import fit

T = TypeVar("T")
ProcessorFactory = Callable[[RunContext], Processor]

ODD_VALUES: tuple[CellValue, ...] = (
    None, "", " ", "\t\n", 0, -1, 1.1, 10**18, 5e-324, True, False, date(1900, 1, 1), datetime(2026, 1, 2, 3, 4, 5),
    "=1+1", "#N/A", "NEW", "23.0.", "../../etc/passwd", "a\x00b", "\ud800", "naïve 表 😀", "x" * 40_000, "<b>&",
    "%s{0}",
)  # fmt: skip
ODD_HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"A": ""},
    {"A": "Name", "B": "Name", "C": "name "},
    {"A": "\x00\ud800", "XFD": "x" * 40_000, "C": "=1+1"},
    {"Q": "Nothing of the kind", "R": "表 😀"},
)


class ProcessorContract(Contract):
    """The rules of the role `processor`. Override `headers` and `records` with those of a sheet that suits it."""

    @pytest.fixture
    def make_processor(self) -> ProcessorFactory:
        """A function of a `RunContext` that returns a new processor."""
        return missing_fixture("make_processor", "a function of a RunContext that returns the processor")  # type: ignore[no-any-return]

    @pytest.fixture
    def headers(self) -> Headers:
        """The header row of a sheet that the processor can work on."""
        return Headers({"A": "Name", "B": "Version", "C": "Amount", "D": "Result", "E": "Notes"})

    @pytest.fixture
    def records(self, headers: Headers) -> Sequence[Record]:
        """Rows of such a sheet, a dozen or so, that the processor makes something of."""
        letters = list(headers.texts)
        return [
            Record(
                row=row,
                key=f"item-{row}",
                number=row - 3,
                contents={letter: f"item-{row}" if letter == letters[0] else float(row) for letter in letters},
                headers=headers,
            )
            for row in range(4, 16)
        ]

    @pytest.fixture
    def odd_records(self, headers: Headers) -> Sequence[Record]:
        """Rows that hold what nobody expected."""
        return [
            Record(
                row=row,
                key=str(value).strip() or "-",
                number=row - 3,
                contents={} if value is None else dict.fromkeys(headers.texts, value),
                formulas={letter: "=1+1" for letter in headers.texts if value == "=1+1"},
                headers=headers,
            )
            for row, value in enumerate(ODD_VALUES, start=4)
        ]

    # --- before the run -----------------------------------------------------------------------------------------------

    def test_bind_takes_any_headers_or_says_why_not(
        self, make_processor: ProcessorFactory, context: RunContext
    ) -> None:
        """A sheet that it cannot work on, or not with these settings, is an error that says what is missing."""
        for texts in ODD_HEADERS:
            try:
                make_processor(context).bind(Headers(texts))
            except (WorkbookError, UsageError) as error:
                assert error.what

    def test_bind_returns_letters(
        self, make_processor: ProcessorFactory, headers: Headers, context: RunContext
    ) -> None:
        """`bind` returns columns by their letters, each once; `inputs` holds letters as well."""
        processor = make_processor(context)

        written = list(processor.bind(headers))

        assert len(set(written)) == len(written)
        assert [column for column in (*written, *processor.inputs) if not _is_letter(column)] == []

    def test_concurrency_is_a_whole_number_from_one_up(
        self, make_processor: ProcessorFactory, headers: Headers, context: RunContext
    ) -> None:
        """At least one record may be in flight."""
        processor = make_processor(context)
        processor.bind(headers)

        concurrency: object = processor.concurrency
        assert isinstance(concurrency, int) and not isinstance(concurrency, bool)
        assert concurrency >= 1

    def test_opens_and_closes_without_a_record(
        self, make_processor: ProcessorFactory, headers: Headers, context: RunContext
    ) -> None:
        """A run that has nothing to do opens and closes it all the same."""
        self._use(make_processor, headers, context, lambda processor: asyncio.sleep(0))

    # --- outcomes -----------------------------------------------------------------------------------------------------

    def test_outcome_is_that_of_its_record(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """Each outcome bears the id and the row of the record that it was made from, also of several at once."""
        outcomes = self._process(make_processor, headers, records, context)

        assert [(o.id, o.row) for o in outcomes] == [(record.id, record.row) for record in records]
        assert all(isinstance(outcome.status, Status) for outcome in outcomes)
        assert any(outcome.status is Status.DONE for outcome in outcomes), "override records: none of these was done"

    def test_records_at_once_do_not_mix(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """A record brings the same cells alone and in the company of others."""
        together = self._process(make_processor, headers, records, context)
        alone = [self._process(make_processor, headers, [record], context)[0] for record in records]

        assert [dict(outcome.cells) for outcome in together] == [dict(outcome.cells) for outcome in alone]

    def test_only_bound_columns_are_written(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """Cells stand in columns that `bind` returned; if it returned none, in any that a sheet has."""
        bound = set(make_processor(context).bind(headers))

        outcomes = self._process(make_processor, headers, records, context)

        written = {column for outcome in outcomes for column in outcome.cells}
        read = {column for outcome in outcomes for column in outcome.inputs}
        assert written <= (bound or written)
        assert [column for column in written | read if not _is_letter(column)] == []

    def test_outcomes_can_be_stored(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """What an outcome holds fits into cells and into the journal: no objects of the processor's own."""
        for outcome in self._process(make_processor, headers, records, context):
            for cell in outcome.cells.values():
                fit(cell)
            encode_outcome(outcome)

    def test_records_are_left_as_they_are(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """What a row holds is read and not changed."""
        before = [replace(record, contents=dict(record.contents)) for record in records]

        self._process(make_processor, headers, records, context)

        assert list(records) == before

    def test_odd_records_end_in_an_outcome_or_an_error(
        self, make_processor: ProcessorFactory, headers: Headers, odd_records: Sequence[Record], context: RunContext
    ) -> None:
        """Whatever a row holds, there is an outcome, or an exception that fails this record and no other."""

        async def try_all(processor: Processor) -> list[object]:
            return [await _tried(processor, record, context) for record in odd_records]

        ends = self._use(make_processor, headers, context, try_all)

        assert [end for end in ends if not isinstance(end, Outcome | Exception)] == []

    # --- around it ----------------------------------------------------------------------------------------------------

    def test_prefetch_does_not_block_and_may_be_in_vain(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """Hearing of records that are never processed takes no time, changes no outcome, and leaves nothing running."""
        expected = self._process(make_processor, headers, records[:1], context)

        async def foretold(processor: Processor) -> tuple[float, Outcome]:
            begun = time.perf_counter()
            processor.prefetch(records)
            processor.prefetch([])
            return time.perf_counter() - begun, await processor.process(records[0], context)

        seconds, outcome = self._use(make_processor, headers, context, foretold)

        assert seconds < 0.5
        assert dict(outcome.cells) == dict(expected[0].cells)

    def test_cancelled_record_can_be_processed_again(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """A record that was cancelled at any point of its processing leaves nothing behind that stops the next."""
        expected = self._process(make_processor, headers, records[:1], context)

        async def cancel_and_try_again(processor: Processor) -> Outcome:
            for steps in range(6):
                work = asyncio.ensure_future(processor.process(records[0], context))
                for _ in range(steps):
                    await asyncio.sleep(0)
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            return await processor.process(records[0], context)

        outcome = self._use(make_processor, headers, context, cancel_and_try_again)

        assert dict(outcome.cells) == dict(expected[0].cells)

    def test_closes_with_a_record_in_flight(
        self, make_processor: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> None:
        """After `close` nothing of the processor's is running, though a record was cancelled just before."""

        async def leave_in_the_middle(processor: Processor) -> None:
            processor.prefetch(records)
            work = asyncio.ensure_future(processor.process(records[-1], context))
            await asyncio.sleep(0)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

        self._use(make_processor, headers, context, leave_in_the_middle)

    # ------------------------------------------------------------------------------------------------------------------

    def _use(
        self,
        make: ProcessorFactory,
        headers: Headers,
        context: RunContext,
        work: Callable[[Processor], Awaitable[T]],
    ) -> T:
        """Bind, open, do `work` and close, as a run does; what is left running fails."""

        async def use() -> T:
            processor = make(context)
            processor.bind(headers)
            await processor.open()
            try:
                return await work(processor)
            finally:
                await processor.close()

        return self.run(use())

    def _process(
        self, make: ProcessorFactory, headers: Headers, records: Sequence[Record], context: RunContext
    ) -> list[Outcome]:
        """The outcomes of `records`, as many at once as the processor allows."""

        async def process_all(processor: Processor) -> list[Outcome]:
            slots = asyncio.Semaphore(processor.concurrency)

            async def one(record: Record) -> Outcome:
                async with slots:
                    return await processor.process(record, context)

            return await asyncio.gather(*(one(record) for record in records))

        return self._use(make, headers, context, process_all)


async def _tried(processor: Processor, record: Record, context: RunContext) -> object:
    """The outcome of `record`, or what was raised instead, SystemExit and its like included."""
    try:
        return await processor.process(record, context)
    except BaseException as error:  # noqa: BLE001  the test is about what comes out
        return error


def _is_letter(column: str) -> bool:
    try:
        return column_index(column) > 0 and column == column.upper()
    except ValueError:
        return False
