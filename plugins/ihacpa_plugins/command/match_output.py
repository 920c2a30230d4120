"""What ``ihacpa advisories match`` prints: a JSON line, or a line for people, for each version."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ihacpa_core import Finding, Severity, Verdict
from ihacpa_plugins.command.pins import Pin
from ihacpa_plugins.command.signs import Signs
from ihacpa_plugins.source.osv.lookup import Match


class SeverityLine(msgspec.Struct):
    """`rating` is null where nobody rated the flaw: unknown is not none."""

    rating: str | None
    score: float | None
    vector: str | None


class FindingLine(msgspec.Struct):
    """One flaw that the version has, or may have. `known_exploited`, `epss` and `exploits` are null where unknown."""

    id: str
    ids: tuple[str, ...]
    verdict: str
    why: str
    fixed_in: tuple[str, ...]
    severity: SeverityLine
    malicious: bool
    known_exploited: bool | None
    epss: float | None
    exploits: tuple[str, ...] | None


class MatchLine(msgspec.Struct):
    """The answer for one version. `findings` are those whose verdict is affected or uncertain.

    `clean_version_sure` is false where a record may hit even that version, and there is no better one.
    """

    name: str
    version: str
    status: str
    findings: list[FindingLine]
    clean_version: str | None
    clean_version_sure: bool


def as_json(pin: Pin, match: Match, signs: Callable[[Finding], Signs], *, sure: bool) -> str:
    """One line of JSON. With a set that is complete for nothing (not `sure`) no version is "not affected".

    :param signs: what is known of a flaw's exploitation.
    """
    line = MatchLine(
        name=pin.name,
        version=pin.version,
        status=_status(match, sure=sure).value,
        findings=[_finding(finding, signs(finding)) for finding in _shown(match)],
        clean_version=match.clean.version if match.clean else None,
        clean_version_sure=match.clean is None or match.clean.sure,
    )
    return msgspec.json.encode(line).decode()


def as_text(pin: Pin, match: Match, signs: Callable[[Finding], Signs], *, sure: bool) -> str:
    """One line for a person, and one more for each flaw."""
    status = _status(match, sure=sure).value.replace("_", " ")
    update = f"; update to {match.clean.version}" if match.clean else ""
    update += "" if match.clean is None or match.clean.sure else " (may be affected as well)"
    lines = [_line(finding, signs(finding)) for finding in _shown(match)]
    return "\n".join([f"{pin.name}=={pin.version}: {status}{update}", *lines])


def rating(severity: Severity) -> str | None:
    """The rating in capital letters; None where nobody rated the flaw."""
    return None if severity.level is None else severity.level.name


def _status(match: Match, *, sure: bool) -> Verdict:
    if match.verdict is Verdict.NOT_AFFECTED and not sure:
        return Verdict.UNCERTAIN
    return match.verdict


def _shown(match: Match) -> list[Finding]:
    return [finding for finding in match.findings if finding.verdict is not Verdict.NOT_AFFECTED]


def _finding(finding: Finding, signs: Signs) -> FindingLine:
    severity = finding.severity
    return FindingLine(
        id=finding.id,
        ids=finding.ids,
        verdict=finding.verdict.value,
        why=finding.why,
        fixed_in=finding.fixed_in,
        severity=SeverityLine(rating(severity), severity.score, severity.vector or None),
        malicious=finding.malicious,
        known_exploited=signs.known_exploited,
        epss=signs.epss,
        exploits=signs.exploits,
    )


def _line(finding: Finding, signs: Signs) -> str:
    severity = finding.severity
    score = "" if severity.score is None else f" {severity.score:.1f}"
    fixed = f"fixed in {', '.join(finding.fixed_in)}" if finding.fixed_in else "no fix named"
    doubt = "uncertain, " if finding.verdict is Verdict.UNCERTAIN else ""
    facts = [
        f"{rating(severity) or 'UNKNOWN'}{score}",
        "known exploited" if signs.known_exploited else "",
        f"exploit public: {', '.join(signs.exploits)}" if signs.exploits else "",
        f"EPSS {signs.epss:.4f}" if signs.epss is not None else "",
    ]
    return f"  {finding.id} ({', '.join(filter(None, facts))}): {doubt}{finding.why}; {fixed}"
