"""Records of one package that tell of the same flaw, as one finding.

The schema calls aliases symmetric and transitive (https://ossf.github.io/osv-schema/#aliases-field): records that share
an id or an alias, directly or through others, are one flaw.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from packaging.version import Version

from ihacpa_core import Finding, Level, Verdict
from ihacpa_plugins.source.osv.evaluate import Advisory, strongest
from ihacpa_plugins.source.osv.records import family
from ihacpa_plugins.source.osv.severity import worst
from ihacpa_plugins.source.osv.timeline import parse

_RANKS = {"CVE": 0, "GHSA": 1, "PYSEC": 2}
_ORDER = {Verdict.AFFECTED: 0, Verdict.UNCERTAIN: 1, Verdict.NOT_AFFECTED: 2}
_DIGITS = re.compile(r"(\d+)")


def findings(advisories: Iterable[Advisory], installed: str) -> tuple[Finding, ...]:
    """Every flaw that a live record tells of, the worst that affects `installed` first."""
    found = [_finding(members, installed) for members in components([item for item in advisories if item.live])]
    return tuple(sorted(found, key=_urgency))


def components(advisories: Sequence[Advisory]) -> list[list[Advisory]]:
    """The records, grouped by shared ids and aliases."""
    groups: dict[int, list[Advisory]] = {}
    group_of: dict[str, int] = {}
    for number, item in enumerate(advisories):
        met = sorted({group_of[name] for name in item.ids if name in group_of})
        members = [member for group in met for member in groups.pop(group)] + [item]
        groups[number] = members
        group_of.update((name, number) for member in members for name in member.ids)
    return list(groups.values())


def _finding(members: list[Advisory], installed: str) -> Finding:
    ids = sorted({name for member in members for name in member.ids}, key=precedence)
    merged = strongest([member.evaluate(installed) for member in members])
    return Finding(
        id=ids[0],
        ids=tuple(ids),
        verdict=merged.verdict,
        why=merged.why,
        fixed_in=_mending(members, installed, merged.fixed_in),
        severity=worst(members),
        malicious=any(family(name) == "MAL" for name in ids),
    )


def _mending(members: Sequence[Advisory], installed: str, named: Iterable[str]) -> tuple[str, ...]:
    """The fixed versions that really mend the flaw, lowest first.

    Where intervals touch, or two records disagree, a version that one calls fixed may have the flaw by another: then
    the fix of that version takes its place.
    """
    version = parse(installed.strip())
    pending = [(fix, text) for text in named if (fix := parse(text)) is not None and (version is None or fix > version)]
    seen: set[Version] = set()
    mending: dict[Version, str] = {}
    while pending:
        fix, text = pending.pop()
        if fix in seen:
            continue
        seen.add(fix)
        there = strongest([member.evaluate(text) for member in members])
        if there.verdict is not Verdict.AFFECTED:
            mending[fix] = text
            continue
        pending.extend((later, item) for item in there.fixed_in if (later := parse(item)) is not None and later > fix)
    return tuple(mending[fix] for fix in sorted(mending))


def precedence(identity: str) -> tuple[int, list[tuple[int, str]]]:
    """A sort key: CVE before GHSA before PYSEC before any other, each by its numbers."""
    numbers = [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(identity)]
    return _RANKS.get(family(identity), len(_RANKS)), numbers


def _urgency(finding: Finding) -> tuple[int, bool, float, float, int, list[tuple[int, str]]]:
    severity = finding.severity
    level = Level.MEDIUM if severity.level is None else severity.level  # unknown is not harmless
    return (_ORDER[finding.verdict], not finding.malicious, -level, -(severity.score or 0.0), *precedence(finding.id))
