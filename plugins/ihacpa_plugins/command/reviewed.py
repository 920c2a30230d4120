"""A run of the package review, read back: what its outcomes kept for reports, typed.

A field that is missing has its default: runs of earlier versions kept less. One that is not known here is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from ihacpa_core import Outcome, PastRun, RecordId, StoreError, UsageError

RATINGS = ("CRITICAL", "HIGH", "MEDIUM", "UNKNOWN", "LOW", "NONE")
"""The ratings, the worst first; what nobody rated counts as medium."""


class SeverityFacts(msgspec.Struct, frozen=True):
    """How serious a flaw is; `rating` is UNKNOWN where nobody said."""

    rating: str = "UNKNOWN"
    score: float | None = None
    vector: str = ""

    @property
    def rank(self) -> tuple[int, float]:
        """Greater is worse."""
        place = RATINGS.index(self.rating) if self.rating in RATINGS else RATINGS.index("UNKNOWN")
        return -place, self.score or 0.0

    def __str__(self) -> str:
        return self.rating if self.score is None else f"{self.rating} {self.score:.1f}"


class SuppressedFacts(msgspec.Struct, frozen=True):
    """Why a finding does not count, until when, and who says so."""

    reason: str = ""
    expires: str = ""
    by: str = "settings"


class FindingFacts(msgspec.Struct, frozen=True):
    """One flaw of a package."""

    id: str
    ids: tuple[str, ...] = ()
    verdict: str = "uncertain"
    why: str = ""
    fixed_in: tuple[str, ...] = ()
    severity: SeverityFacts = SeverityFacts()
    malicious: bool = False
    known_exploited: bool = False
    epss: float | None = None
    exploits: tuple[str, ...] = ()
    suppressed: SuppressedFacts | None = None

    @property
    def affects(self) -> bool:
        return self.verdict == "affected"

    @property
    def hits(self) -> bool:
        """Whether the installed version has the flaw, or may have it."""
        return self.verdict in ("affected", "uncertain")

    @property
    def aliases(self) -> tuple[str, ...]:
        """The other ids that it has."""
        return tuple(name for name in self.ids if name != self.id)

    @property
    def order(self) -> tuple[Any, ...]:
        """A sort key: what counts before what is suppressed, what is sure before what is not; then as in the cells."""
        place, score = self.severity.rank
        return (
            self.suppressed is not None,
            not self.affects,
            not self.malicious,
            not self.known_exploited,
            -place,
            -score,
            not self.exploits,
            -(self.epss or 0.0),
            self.id,
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What makes it more, or less, urgent than its rating."""
        return tuple(
            filter(
                None,
                (
                    "malicious" if self.malicious else "",
                    "known exploited" if self.known_exploited else "",
                    f"exploit public ({', '.join(self.exploits)})" if self.exploits else "",
                    f"EPSS {self.epss:.2f}" if self.epss is not None and self.epss >= 0.005 else "",
                    "EPSS <0.01" if self.epss is not None and self.epss < 0.005 else "",
                    f"suppressed until {self.suppressed.expires}" if self.suppressed else "",
                ),
            )
        )


class SourceFacts(msgspec.Struct, frozen=True):
    """Whether a source answered, and of which day its data is."""

    state: str = ""
    note: str = ""
    as_of: str | None = None
    complete_for: tuple[str, ...] = ()


class AdviceFacts(msgspec.Struct, frozen=True):
    """The recommendation: its code, its text, and the name of the rule that held."""

    code: str
    text: str
    rule: str = ""


class ReleaseFacts(msgspec.Struct, frozen=True):
    """What the index said. Dates are ISO 8601."""

    name: str = ""
    latest: str = ""
    latest_date: str | None = None
    installed_exists: bool = False
    installed_date: str | None = None
    yanked: bool = False
    yanked_reason: str = ""
    requires: str = ""
    status: str = ""
    github: str = ""


class ReviewFacts(msgspec.Struct, frozen=True):
    """What was learned about a row."""

    name: str
    canonical: str
    version: str
    recommendation: AdviceFacts
    problem: str = ""
    release: ReleaseFacts | None = None
    findings: tuple[FindingFacts, ...] = ()
    clean_version: str | None = None
    clean_version_sure: bool = True
    sources: dict[str, SourceFacts] = {}

    @property
    def hits(self) -> list[FindingFacts]:
        """The findings that the installed version has, or may have, the most urgent first; suppressed ones last."""
        return sorted((finding for finding in self.findings if finding.hits), key=lambda finding: finding.order)

    @property
    def way_out(self) -> str:
        """The version to go to, and whether it is sure to be better; empty if there is none."""
        if not self.clean_version:
            return ""
        return self.clean_version if self.clean_version_sure else f"{self.clean_version}, which may be affected as well"

    @property
    def affecting(self) -> list[FindingFacts]:
        """Those that affect it for sure and count."""
        return [finding for finding in self.hits if finding.affects and finding.suppressed is None]

    @property
    def suppressed(self) -> list[FindingFacts]:
        return [finding for finding in self.hits if finding.suppressed is not None]


@dataclass(frozen=True)
class Row:
    """A row of the workbook and what became of it.

    :param facts: None if it failed or was skipped.
    :param raw: the same as it was kept, with fields that are not known here.
    """

    outcome: Outcome
    facts: ReviewFacts | None
    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.facts.name if self.facts is not None and self.facts.name else self.outcome.id.key

    @property
    def version(self) -> str:
        return self.facts.version if self.facts is not None else ""

    @property
    def advice(self) -> AdviceFacts:
        """The recommendation; for a row without one, why there is none."""
        if self.facts is not None:
            return self.facts.recommendation
        reason = self.outcome.error.message if self.outcome.error else str(self.outcome.detail.get("reason", ""))
        return AdviceFacts(self.outcome.status.value.upper(), f"{self.outcome.status.value.upper()} - {reason}")

    @property
    def hits(self) -> list[FindingFacts]:
        return self.facts.hits if self.facts is not None else []

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What could not be looked up; of a row that failed, everything."""
        if self.facts is not None:
            return self.outcome.unchecked
        return (self.outcome.error.message,) if self.outcome.error else self.outcome.unchecked


@dataclass(frozen=True)
class ReviewedRun:
    """A run and its rows, in the order of the sheet."""

    run: PastRun
    rows: tuple[Row, ...]

    @cached_property
    def by_identity(self) -> dict[RecordId, Row]:
        """The rows by canonical name, and which row of that name it is."""
        found: dict[RecordId, Row] = {}
        for row in self.rows:
            name = row.facts.canonical if row.facts is not None and row.facts.canonical else row.outcome.id.key
            occurrence = next(n for n in range(1, len(self.rows) + 1) if RecordId(name, n) not in found)
            found[RecordId(name, occurrence)] = row
        return found

    @property
    def data(self) -> dict[str, tuple[str, ...]]:
        """The days of the data that each source answered from, by its name."""
        days: dict[str, set[str]] = {}
        for row in self.rows:
            for name, source in row.facts.sources.items() if row.facts is not None else ():
                days.setdefault(name, set()).update(filter(None, [source.as_of]))
        return {name: tuple(sorted(found)) for name, found in days.items()}


def reviewed(run: PastRun) -> ReviewedRun:
    """`run` as one of the package review.

    :raises UsageError: it did something else.
    :raises StoreError: what it kept cannot be read.
    """
    rows = tuple(_row(outcome, run) for outcome in run.outcomes)
    if rows and not any(row.facts is not None for row in rows) and not _is_review(run):
        raise UsageError(
            f"run {run.run_id} reviewed no packages",
            why=f"its processor was {run.settings.get('ihacpa', {}).get('processor', 'another one')}",
            hint="name a run of the processor package-review",
        )
    return ReviewedRun(run, rows)


def worst(findings: Iterable[FindingFacts]) -> str:
    """The worst rating of findings, as a word; empty if there are none."""
    return next((str(f.severity) for f in sorted(findings, key=lambda f: f.severity.rank, reverse=True)), "")


def _is_review(run: PastRun) -> bool:
    return str(run.settings.get("ihacpa", {}).get("processor", "package-review")) == "package-review"


def _row(outcome: Outcome, run: PastRun) -> Row:
    if "recommendation" not in outcome.detail:
        return Row(outcome, None, {})
    try:
        return Row(outcome, msgspec.convert(outcome.detail, ReviewFacts), outcome.detail)
    except msgspec.ValidationError as error:
        raise StoreError(
            f"what run {run.run_id} kept of {outcome.id} cannot be read",
            why=str(error),
            hint="run the review again",
        ) from error
