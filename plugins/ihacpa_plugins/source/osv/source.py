"""The `osv` source of the package review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ihacpa_core import (
    AnswerState,
    Finding,
    Package,
    ReviewSource,
    RunContext,
    SourceAnswer,
    SourceKind,
    parse_duration,
)
from ihacpa_plugins.source.osv.database import UPDATE_HINT, AdvisoryDatabase
from ihacpa_plugins.source.osv.errors import AdvisoryDataError
from ihacpa_plugins.source.osv.lookup import match
from ihacpa_plugins.source.osv.options import OsvOptions, database_path


class OsvSource(ReviewSource):
    """Answers from the local advisory database. A look-up is one indexed query: too short to leave the event loop."""

    kind = SourceKind.ADVISORIES

    def __init__(self, options: OsvOptions, context: RunContext) -> None:
        self._path = database_path(options, context.config_dir)
        self._max_age = timedelta(seconds=parse_duration(options.max_age))
        self._warn = context.warn
        self._database: AdvisoryDatabase | None = None
        self._trouble = "the source is not open"

    async def open(self) -> None:
        """Open the database. Without one the other columns can still be filled, so that is an answer, not an error."""
        try:
            self._database = AdvisoryDatabase(self._path)
        except AdvisoryDataError as error:
            self._trouble = f"{error.what}; run: {error.hint}" if error.hint == UPDATE_HINT else str(error)
            self._warn(self._trouble)
            return
        self._warn_of_age()

    async def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    async def look_up(
        self,
        package: Package,
        known: Sequence[Finding],
    ) -> SourceAnswer:
        if self._database is None:
            return self._failed(self._trouble)
        try:
            found = match(self._database, package.canonical, package.version, package.versions)
        except AdvisoryDataError as error:
            return self._failed(str(error))
        info = self._database.info
        return SourceAnswer(
            source="osv",
            state=AnswerState.OK,
            note="the advisory set is partial" if info.partial else "",
            as_of=info.date,
            findings=found.findings,
            complete_for=info.complete_for,
            clean_version=found.clean_version,
        )

    def _failed(self, why: str) -> SourceAnswer:
        return SourceAnswer(source="osv", state=AnswerState.FAILED, note=why)

    def _warn_of_age(self) -> None:
        if self._database is None:
            return
        info = self._database.info
        age = info.age()
        if info.date is None or age is None:
            self._warn(f"the advisory data bears no date; run: {UPDATE_HINT}")
        elif age > self._max_age:
            self._warn(f"the advisory data is of {info.date.isoformat()}, which is old; run: {UPDATE_HINT}")
