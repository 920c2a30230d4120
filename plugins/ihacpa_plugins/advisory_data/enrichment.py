"""A source that adds to the findings of others what the advisory database knows of their CVEs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ihacpa_core import AnswerState, Finding, Package, ReviewSource, SourceAnswer, SourceKind, Verdict
from ihacpa_plugins.advisory_data.database import UPDATE_HINT, AdvisoryDatabase, SetInfo
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, NoAdvisoryData


def facts(
    cve: str, *, known_exploited: bool = False, epss: float | None = None, exploits: tuple[str, ...] = ()
) -> Finding:
    """What is known of a CVE; it says nothing about any version."""
    return Finding(
        id=cve, ids=(cve,), verdict=Verdict.UNCERTAIN, known_exploited=known_exploited, epss=epss, exploits=exploits
    )


class LocalEnrichment(ReviewSource):
    """Joins by CVE, so that no name and no text is ever compared.

    Data that was never brought in is not configured: the findings stand as they are, and a person is told once. Data
    that is there and cannot be read is a failure.

    :param name: of the source, and of its set.
    """

    kind = SourceKind.ENRICHMENT
    name: str

    def __init__(self, path: Path, max_age: timedelta, warn: Callable[[str], None]) -> None:
        self._path = path
        self._max_age = max_age
        self._warn = warn
        self._database: AdvisoryDatabase | None = None
        self._info: SetInfo | None = None
        self._missing = SourceAnswer(source=self.name, state=AnswerState.FAILED, note="the source is not open")

    @abstractmethod
    def know(self, database: AdvisoryDatabase, cves: Iterable[str]) -> Mapping[str, Finding]:
        """What the data says of these CVEs: a finding to take the facts from, for those that it says something of."""

    async def open(self) -> None:
        try:
            self._database = AdvisoryDatabase(self._path)
            self._info = self._database.about(self.name)
        except NoAdvisoryData:
            told = f"no data; run: {UPDATE_HINT} {self.name}"
            self._missing = SourceAnswer(source=self.name, state=AnswerState.NOT_CONFIGURED, note=told)
            self._warn(f"{self.name} has {told}")
        except AdvisoryDataError as error:
            self._missing = SourceAnswer(source=self.name, state=AnswerState.FAILED, note=error.what)
            self._warn(str(error))
        else:
            self._warn_of_age(self._info)

    async def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        if self._database is None or self._info is None:
            return self._missing
        cves = {name for finding in known for name in finding.ids if name.startswith("CVE-")}
        try:
            found = self.know(self._database, cves) if cves else {}
        except AdvisoryDataError as error:
            return SourceAnswer(source=self.name, state=AnswerState.FAILED, note=error.what)
        return SourceAnswer(
            source=self.name,
            state=AnswerState.OK,
            as_of=self._info.date,
            findings=tuple(
                replace(found[name], id=finding.id, ids=finding.ids, verdict=finding.verdict)
                for finding in known
                for name in finding.ids
                if name in found
            ),
            complete_for=self._info.complete_for,
        )

    def _warn_of_age(self, info: SetInfo) -> None:
        age = info.age()
        if age is None:
            self._warn(f"the data of {self.name} bears no date; run: {UPDATE_HINT} {self.name}")
        elif age > self._max_age and info.date is not None:
            day = info.date.isoformat()
            self._warn(f"the data of {self.name} is of {day}, which is old; run: {UPDATE_HINT} {self.name}")
