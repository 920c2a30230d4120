"""Unites what several sources found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ihacpa_core import Finding, Severity, Verdict
from ihacpa_plugins.processor.package_review.review import weight

_STRENGTH = {Verdict.NOT_AFFECTED: 0, Verdict.UNCERTAIN: 1, Verdict.AFFECTED: 2}
_FAMILIES = ("CVE-", "GHSA-", "PYSEC-")


def united(sets: Sequence[Sequence[Finding]]) -> tuple[Finding, ...]:
    """The findings of several advisory sources; those that share an id, transitively, are one."""
    if len(sets) == 1:
        return tuple(sets[0])
    groups: list[list[Finding]] = []
    for finding in (finding for findings in sets for finding in findings):
        touching = [group for group in groups if any(set(other.ids) & set(finding.ids) for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([*(other for group in touching for other in group), finding])
    return tuple(_one(group) for group in groups)


def enriched(findings: Sequence[Finding], more: Sequence[Finding]) -> tuple[Finding, ...]:
    """`findings` with what an enrichment knows about them; it adds no finding and changes no verdict."""
    return tuple(
        _joined(finding, [extra for extra in more if set(extra.ids) & set(finding.ids)]) for finding in findings
    )


def _one(group: Sequence[Finding]) -> Finding:
    """The strongest verdict leads, with its reason and fixes; the worst severity counts."""
    leader = max(group, key=lambda finding: _STRENGTH[finding.verdict])
    ids = sorted({name for finding in group for name in finding.ids}, key=_id_order)
    rated = [finding.severity for finding in group if finding.severity.level is not None]
    severity = max(rated, key=lambda each: (weight(each), each.score or 0.0), default=leader.severity)
    return _joined(replace(leader, id=ids[0], ids=tuple(ids), severity=severity), group)


def _joined(finding: Finding, others: Iterable[Finding]) -> Finding:
    everyone = [finding, *others]
    severity = finding.severity
    if severity.level is None:  # a rating that somebody gave stands; an enrichment's fills a gap
        severity = max((each.severity for each in everyone), key=_rated)
    chances = [each.epss for each in everyone if each.epss is not None]
    return replace(
        finding,
        severity=severity,
        malicious=any(each.malicious for each in everyone),
        known_exploited=any(each.known_exploited for each in everyone),
        epss=max(chances, default=None),
        exploits=tuple(dict.fromkeys(exploit for each in everyone for exploit in each.exploits)),
    )


def _rated(severity: Severity) -> tuple[bool, float, float]:
    return severity.level is not None, weight(severity), severity.score or 0.0


def _id_order(name: str) -> tuple[int, str]:
    return next((place for place, head in enumerate(_FAMILIES) if name.startswith(head)), len(_FAMILIES)), name
