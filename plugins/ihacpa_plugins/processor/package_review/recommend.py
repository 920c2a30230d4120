"""The recommendation: the first rule that holds, with its reasons. The same facts give the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ihacpa_core import CellStyle, Finding, Level, Release
from ihacpa_plugins.processor.package_review.answers import fix_text
from ihacpa_plugins.processor.package_review.options import UpdatePolicy
from ihacpa_plugins.processor.package_review.review import Review, blind_spot, signs, weight, worst_of
from ihacpa_plugins.processor.package_review.versions import is_newer, major

REMOVE = "SECURITY RISK - remove"
STYLES = {
    "MANUAL REVIEW": CellStyle.WARN,
    "SECURITY RISK": CellStyle.BAD,
    "UPDATE": CellStyle.WARN,
    "PROCEED": CellStyle.GOOD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to do about a package.

    :param text: begins with its `code`: MANUAL REVIEW, SECURITY RISK, UPDATE or PROCEED.
    :param level: the worst of what affects the installed version; unknown counts as MEDIUM.
    :param unchecked: what could not be looked up, a sentence each.
    """

    text: str
    level: Level = Level.NONE
    unchecked: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.text.partition(" - ")[0]

    @property
    def style(self) -> CellStyle:
        return STYLES[self.code]


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """When a newer release alone asks for an update."""

    policy: UpdatePolicy = "any"
    days: int = 365


Rule = Callable[[Review, UpdateRule], str]
"""The recommendation's text if the rule holds, else nothing."""


def recommend(review: Review, updates: UpdateRule) -> Recommendation:
    """The recommendation for a reviewed row."""
    text = next(filter(None, (rule(review, updates) for rule in RULES)))
    return Recommendation(text=text, level=_level(review.affecting), unchecked=_unchecked(review))


# --- the rules, in order ----------------------------------------------------------------------------------------------


def _unreadable(review: Review, _: UpdateRule) -> str:
    entry = review.entry
    missing = f"{entry.name} is not on the index" if review.unknown_to_index else ""
    reason = entry.problem or missing or review.version_problem
    return f"MANUAL REVIEW - {reason}{_still_found(review)}" if reason else ""


def _malicious(review: Review, _: UpdateRule) -> str:
    bad = [finding.id for finding in review.affecting if finding.malicious]
    return f"{REMOVE}: known malicious ({', '.join(bad)})" if bad else ""


def _affected(review: Review, _: UpdateRule) -> str:
    findings = review.affecting
    if not findings:
        return ""
    facts = [
        f"{len(findings)} affect {review.entry.version}",
        worst_of(findings),
        *signs(findings),
        _way_out(review),
        f"{len(review.uncertain)} more uncertain" if review.uncertain else "",
        review.ambiguity,
        _not_answered(review),
    ]
    return f"SECURITY RISK - {', '.join(filter(None, facts))}"


def _unsure(review: Review, _: UpdateRule) -> str:
    doubtful = [f"{finding.id} ({finding.why or 'no reason given'})" for finding in review.uncertain]
    reasons = [
        _not_answered(review),
        f"uncertain: {_few(doubtful)}" if doubtful else "",
        review.ambiguity,
    ]
    told = "; ".join(filter(None, reasons))
    return f"MANUAL REVIEW - {told}" if told else ""


def _gone(review: Review, _: UpdateRule) -> str:
    release, version = review.release, review.entry.version
    if release is None:
        return ""
    latest = f"; the latest is {release.latest}" if release.latest and release.latest != version else ""
    if not release.installed_exists:
        return f"MANUAL REVIEW - {version} is not on the index{latest}"
    if release.yanked:
        reason = f" ({' '.join(release.yanked_reason.split())})" if release.yanked_reason.strip() else ""
        return f"MANUAL REVIEW - {version} was yanked{reason}{latest}"
    return ""


def _outdated(review: Review, updates: UpdateRule) -> str:
    release = review.release
    if release is None or not _wanted(review.entry.version, release, updates):
        return ""
    of = f" of {release.latest_date.isoformat()}" if release.latest_date else ""
    return f"UPDATE - {review.entry.version} to {release.latest}{of}{_caveat(review)}"


def _unknown(review: Review, _: UpdateRule) -> str:
    missing = blind_spot(review)
    return f"MANUAL REVIEW - not checked: {missing}" if missing else ""


def _proceed(review: Review, _: UpdateRule) -> str:
    """A person may switch the advisories off; then the word says what it does not know."""
    return "PROCEED" if review.advised else "PROCEED - not checked for flaws: no advisory source is configured"


RULES: tuple[Rule, ...] = (_unreadable, _malicious, _affected, _unsure, _gone, _outdated, _unknown, _proceed)


# --- their words ------------------------------------------------------------------------------------------------------


def _still_found(review: Review) -> str:
    """What is known all the same: a reason to look by hand hides no finding."""
    findings = review.affecting
    if not findings:
        return ""
    bad = [finding.id for finding in findings if finding.malicious]
    known = f"known malicious ({', '.join(bad)})" if bad else f"{len(findings)} affect it"
    return "; " + ", ".join([known, worst_of(findings), *signs(findings)])


def _way_out(review: Review) -> str:
    """The clean version; where the releases are not known, what the records name as fixes."""
    if review.clean_version:
        doubt = "" if review.clean_version_sure else " (may be affected as well)"
        return f"update to {review.clean_version}{doubt}"
    return "no fix" if review.release is not None else fix_text(review.affecting)


def _not_answered(review: Review) -> str:
    named = ", ".join(f"{name} ({note})" for name, note in review.failures.items())
    return f"not checked: {named}" if named else ""


def _few(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(texts[:3]) + more


def _caveat(review: Review) -> str:
    missing = blind_spot(review)
    return f"; not checked for flaws: {missing}" if missing else ""


def _wanted(version: str, release: Release, updates: UpdateRule) -> bool:
    if updates.policy == "never" or not is_newer(release.latest, version):
        return False
    if updates.policy == "major":
        return major(release.latest) != major(version)
    if updates.policy == "older_than_days" and release.latest_date and release.installed_date:
        # Counted between the two releases, so that the same facts say the same tomorrow.
        return (release.latest_date - release.installed_date).days > updates.days
    return True


# --- what else follows ------------------------------------------------------------------------------------------------


def _level(affecting: Sequence[Finding]) -> Level:
    if any(finding.malicious for finding in affecting):
        return Level.CRITICAL
    return max((weight(finding.severity) for finding in affecting), default=Level.NONE)


def _unchecked(review: Review) -> tuple[str, ...]:
    """What keeps the row from being complete. What a person switched off is not in it."""
    unreadable = review.entry.problem or review.version_problem
    failed = [f"{name}: {note}" for name, note in review.failures.items()]
    told = bool(unreadable or review.affecting or review.failures.keys() & review.advisories.keys())
    missing = "" if told else blind_spot(review)
    return tuple(filter(None, [*failed, unreadable, missing]))
