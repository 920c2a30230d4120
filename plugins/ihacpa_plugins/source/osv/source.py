"""The `osv` source of the package review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

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
from ihacpa_plugins.advisory_data.database import UPDATE_HINT, AdvisoryDatabase
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, NoAdvisoryData
from ihacpa_plugins.source.osv.lookup import Match, match, matched
from ihacpa_plugins.source.osv.online import COMPLETE_FOR, OnlineRecords
from ihacpa_plugins.source.osv.options import OsvOptions, database_path
from ihacpa_plugins.web.client import Backoff, LookUpFailedError


class OsvSource(ReviewSource):
    """Answers from the local advisory database; where there is none, from OSV's records online, matched here as well.

    A local look-up is one indexed query: too short to leave the event loop.

    :param database: where it lies.
    """

    kind = SourceKind.ADVISORIES

    def __init__(self, options: OsvOptions, context: RunContext, *, backoff: Backoff | None = None) -> None:
        self.database = database_path(options, context.config_dir)
        self._options = options
        self._backoff = backoff
        self._max_age = timedelta(seconds=parse_duration(options.max_age))
        self._warn = context.warn
        self._open: AdvisoryDatabase | None = None
        self._online: OnlineRecords | None = None
        self._trouble = "the source is not open"

    async def open(self) -> None:
        """Open the database. Without one the other columns can still be filled, so that is an answer, not an error."""
        try:
            self._open = AdvisoryDatabase(self.database)
            self._warn_of_age(self._open.info.date, self._open.info.age())
        except NoAdvisoryData as error:
            self._trouble = error.what
            await self._open_online()
        except AdvisoryDataError as error:
            self._trouble = f"{error.what}; run: {error.hint}" if error.hint == UPDATE_HINT else str(error)
            self._warn(self._trouble)

    async def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        if self._online is not None:
            await self._online.close()
            self._online = None

    async def look_up(
        self,
        package: Package,
        known: Sequence[Finding],
    ) -> SourceAnswer:
        try:
            if self._online is not None:
                return await self._asked(package, self._online)
            return self._looked_up(package)
        except AdvisoryDataError as error:
            return _failed(str(error))
        except LookUpFailedError as error:
            return _failed(f"{self._trouble}, and {error}; run: {UPDATE_HINT}")

    def _looked_up(self, package: Package) -> SourceAnswer:
        if self._open is None or "osv" not in self._open.sets:
            return _failed(self._trouble)
        info = self._open.info
        found = match(self._open, package.canonical, package.version, package.versions)
        note = "the advisory set is partial" if info.partial else ""
        return _answer(found, note, info.date, info.complete_for)

    async def _asked(self, package: Package, online: OnlineRecords) -> SourceAnswer:
        bodies = await online.bodies(package.canonical)
        found = matched(bodies, package.canonical, package.version, package.versions)
        return _answer(found, "asked online", datetime.now(UTC).date(), COMPLETE_FOR)

    async def _open_online(self) -> None:
        if not self._options.online:
            self._trouble += f"; run: {UPDATE_HINT}"
            self._warn(self._trouble)
            return
        host = urlsplit(self._options.api).netloc.rpartition("@")[2]
        self._warn(f"{self._trouble}; {host} is asked about each package; for a local copy, run: {UPDATE_HINT}")
        self._online = OnlineRecords(self._options, self._backoff)
        await self._online.open()

    def _warn_of_age(self, day: date | None, age: timedelta | None) -> None:
        if day is None or age is None:
            self._warn(f"the advisory data bears no date; run: {UPDATE_HINT}")
        elif age > self._max_age:
            self._warn(f"the advisory data is of {day.isoformat()}, which is old; run: {UPDATE_HINT}")


def _failed(why: str) -> SourceAnswer:
    return SourceAnswer(source="osv", state=AnswerState.FAILED, note=why)


def _answer(found: Match, note: str, day: date | None, complete_for: frozenset[str]) -> SourceAnswer:
    return SourceAnswer(
        source="osv",
        state=AnswerState.OK,
        note=note,
        as_of=day,
        findings=found.findings,
        complete_for=complete_for,
        clean_version=found.clean.version if found.clean else None,
        clean_version_sure=found.clean is None or found.clean.sure,
    )
