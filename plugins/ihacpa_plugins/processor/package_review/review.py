"""What was learned about one row: the ground on which cells and recommendation stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ihacpa_core import AnswerState, Finding, Level, Release, Severity, SourceAnswer, Verdict
from ihacpa_plugins.processor.package_review.reading import Entry
from ihacpa_plugins.processor.package_review.suppress import Suppression
from ihacpa_plugins.processor.package_review.versions import order, parsed

DECISIVE = frozenset({"CVE", "PYSEC", "GHSA"})
"""A source that has every record of one of these families knows the flaws of a package that have a CVE number."""

GITHUB = frozenset({"GHSA"})
"""GitHub's advisories name flaws that have no other number yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An entry and all answers about it, by the name of the source that gave them.

    :param index: the index's answer; None if no index is selected or the name could not be looked up.
    :param findings: what the advisory sources found, united, with what enrichments added.
    :param suppressed: why findings need no action, by their ids.
    """

    entry: Entry
    index: SourceAnswer | None = None
    advisories: Mapping[str, SourceAnswer] = field(default_factory=dict)
    enrichments: Mapping[str, SourceAnswer] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    suppressed: Mapping[str, Suppression] = field(default_factory=dict)

    @property
    def release(self) -> Release | None:
        """The index's facts, if it was asked, answered and knows the package."""
        return self.index.release if self.index is not None and self.index.state is AnswerState.OK else None

    @property
    def unknown_to_index(self) -> bool:
        return self.index is not None and self.index.state is AnswerState.OK and self.index.release is None

    @property
    def affecting(self) -> tuple[Finding, ...]:
        """The findings that affect the installed version and are not suppressed, worst first."""
        return tuple(finding for finding in self.with_verdict(Verdict.AFFECTED) if not self.suppression(finding))

    @property
    def uncertain(self) -> tuple[Finding, ...]:
        """The findings of which nobody can tell, without the suppressed ones, worst first."""
        return tuple(finding for finding in self.with_verdict(Verdict.UNCERTAIN) if not self.suppression(finding))

    def with_verdict(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings with this verdict, suppressed or not, worst first."""
        return worst_first(finding for finding in self.findings if finding.verdict is verdict)

    def suppression(self, finding: Finding) -> Suppression | None:
        """Why a finding needs no action; None if it is not suppressed."""
        return next((self.suppressed[name] for name in finding.ids if name in self.suppressed), None)

    @property
    def answers(self) -> Mapping[str, SourceAnswer]:
        """Every answer by its source's name, in the order in which they were asked for."""
        index = {self.index.source: self.index} if self.index is not None else {}
        return {**index, **self.advisories, **self.enrichments}

    @property
    def failures(self) -> Mapping[str, str]:
        """The selected sources that did not answer, and why."""
        failed = {name: answer for name, answer in self.answers.items() if answer.state is AnswerState.FAILED}
        return {name: answer.note or "no answer" for name, answer in failed.items()}

    @property
    def advised(self) -> bool:
        """Whether any advisory source is there to be asked."""
        return any(answer.state is not AnswerState.NOT_CONFIGURED for answer in self.advisories.values())

    @property
    def complete_for(self) -> frozenset[str]:
        """The families of ids of which some source has every record."""
        good = (answer.complete_for for answer in self.advisories.values() if answer.state is AnswerState.OK)
        return frozenset[str]().union(*good)

    @property
    def version_problem(self) -> str:
        """Why the version cannot be compared: it is no version, and no release that the index knows either."""
        known = bool(self.entry.version) and self.release is not None and self.release.installed_exists
        return "" if known else self.entry.version_problem

    @property
    def ambiguity(self) -> str:
        """Which other release a version that was typed as a number may mean."""
        entry = self.entry
        if not entry.alternatives:
            return ""
        if self.release is None:
            return f"{entry.version} was typed as a number and may mean {entry.alternatives[0]}"
        known = {parsed(version) for version in self.release.versions}
        others = [other for other in entry.alternatives if parsed(other) in known]  # 1.10 is the release 1.10.0
        return f"{entry.version} was typed as a number and may mean {' or '.join(others)}" if others else ""

    @property
    def clean_version(self) -> str | None:
        """The version to go to; where advisory sources differ, each of them must be content, so the highest."""
        named = [answer.clean_version for answer in self.advisories.values() if answer.clean_version]
        return max(named, key=order, default=None)

    @property
    def clean_version_sure(self) -> bool:
        """Whether every advisory source is sure of it; one that names no version is, if it names fixes up to there."""
        version = self.clean_version
        return version is None or all(_content(answer, version) for answer in self.advisories.values())


def _content(answer: SourceAnswer, version: str) -> bool:
    affecting = [finding for finding in answer.findings if finding.verdict is Verdict.AFFECTED]
    if answer.clean_version or not affecting:
        return answer.clean_version_sure
    return all(finding.fixed_in and order(finding.fixed_in[0]) <= order(version) for finding in affecting)


def gap(review: Review, families: frozenset[str] = DECISIVE) -> str:
    """Why the absence of a finding means nothing: no source has every record of any of `families`. Empty if one has."""
    complete = review.complete_for
    if complete & families:
        return ""
    if not complete:
        return "the advisory set is a partial sample"
    names = [name for name in ("CVE", "PYSEC", "GHSA") if name in families]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"the advisory set is not complete for {listed}"


def blind_spot(review: Review) -> str:
    """Why a row without a finding is not known to be without one: what no advisory source is complete for."""
    return (gap(review) or gap(review, GITHUB)) if review.advised else ""


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What is exploited comes before what is only severe; then a public exploit, the chance of one, the id."""
    return tuple(sorted(findings, key=_urgency))


def _urgency(finding: Finding) -> tuple[bool, bool, float, float, bool, float, str]:
    severity = finding.severity
    return (
        not finding.malicious,
        not finding.known_exploited,
        -weight(severity),
        -(severity.score or 0.0),
        not finding.exploits,
        -(finding.epss or 0.0),
        finding.id,
    )


def signs(findings: Sequence[Finding]) -> list[str]:
    """What is known of exploitation: ``known exploited``, ``exploit public``, ``EPSS 0.94``, the highest."""
    chances = [finding.epss for finding in findings if finding.epss is not None]
    return [
        *(["known exploited"] if any(finding.known_exploited for finding in findings) else []),
        *(["exploit public"] if any(finding.exploits for finding in findings) else []),
        *([f"EPSS {_chance(max(chances))}"] if chances else []),
    ]


def _chance(score: float) -> str:
    return f"{score:.2f}" if score >= 0.005 else "<0.01"


def weight(severity: Severity) -> Level:
    """The level that counts: unknown is taken for MEDIUM, never for none."""
    return Level.MEDIUM if severity.level is None else severity.level


def worst_of(findings: Sequence[Finding]) -> str:
    """``worst HIGH 7.5, 2 unrated``: the worst rating that somebody gave, and how many findings nobody rated."""
    rated = [finding.severity for finding in findings if finding.severity.level is not None]
    if not rated:
        return "worst UNKNOWN"
    worst = max(rated, key=lambda severity: (weight(severity), severity.score or 0.0))
    unrated = len(findings) - len(rated)
    return f"worst {rating(worst)}" + (f", {unrated} unrated" if unrated else "")


def rating(severity: Severity) -> str:
    """``HIGH 7.5``, ``HIGH`` or ``UNKNOWN``."""
    if severity.level is None:
        return "UNKNOWN" if severity.score is None else f"UNKNOWN {severity.score:.1f}"
    return severity.level.name if severity.score is None else f"{severity.level.name} {severity.score:.1f}"
