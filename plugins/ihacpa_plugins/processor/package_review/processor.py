"""The package review as a processor: read a row, ask the sources, write the row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ihacpa_core import Headers, Outcome, Processor, Record, ReviewSource, RunContext
from ihacpa_plugins.processor.package_review.cells import row_cells
from ihacpa_plugins.processor.package_review.columns import Layout, find_columns
from ihacpa_plugins.processor.package_review.detail import detail_of
from ihacpa_plugins.processor.package_review.held import HeldBack, noted
from ihacpa_plugins.processor.package_review.options import ReviewOptions
from ihacpa_plugins.processor.package_review.panel import SourcePanel
from ihacpa_plugins.processor.package_review.reading import Entry, read_entry
from ihacpa_plugins.processor.package_review.recommend import UpdateRule, recommend
from ihacpa_plugins.processor.package_review.rules import rule_of


class PackageReview(Processor):
    """Reviews a Python package a row.

    :param sources: who is asked, by name.
    :param warn: hears which fields the sheet has no column for, and which suppressions are over.
    :param folder: where relative paths of the options start from.
    """

    def __init__(
        self,
        options: ReviewOptions,
        sources: Mapping[str, ReviewSource],
        warn: Callable[[str], None],
        folder: Path = Path(),
    ) -> None:
        self.concurrency = options.concurrency
        self._columns = options.columns
        self._updates = UpdateRule(options.update_policy, options.update_older_than_days)
        self._panel = SourcePanel(sources)
        self._held = HeldBack(options, folder)
        self._warn = warn
        self._layout = Layout({})

    def bind(self, headers: Headers) -> Sequence[str]:
        self._layout = find_columns(headers, self._columns)
        self.inputs = self._layout.inputs
        for warning in self._layout.warnings:
            self._warn(warning)
        return self._layout.written

    async def open(self) -> None:
        self._held.open(self._warn)
        await self._panel.open()

    async def close(self) -> None:
        self.notes = self._held.notes
        await self._panel.close()

    def prefetch(self, records: Sequence[Record]) -> None:
        self._panel.ask_early(self._read(record) for record in records)

    async def process(self, record: Record, context: RunContext) -> Outcome:
        review = self._held.applied(await self._panel.ask(self._read(record)))
        advice = noted(recommend(review, self._updates), review)
        letters = self._layout.letters
        cells = {letters[field]: cell for field, cell in row_cells(review, advice).items() if field in letters}
        return Outcome.done(
            record,
            cells,
            level=advice.level,
            unchecked=advice.unchecked,
            inputs=self._layout.inputs,
            detail=detail_of(review, advice, rule_of(review, self._updates)),
        )

    def _read(self, record: Record) -> Entry:
        name, version = (record.contents.get(letter) for letter in self._layout.inputs)
        return read_entry(name, version)
