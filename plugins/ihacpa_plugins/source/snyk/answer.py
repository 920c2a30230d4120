"""Reads what Snyk says about a package's version, and decides here whether it is affected.

https://docs.snyk.io/snyk-api/reference/issues, "List issues for a package": issues with the ranges of versions that
they are in, ``[2.1,2.32.0)``, square brackets for ends that belong to the range and round ones for ends that do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec
from packaging.version import Version

from ihacpa_core import Finding, Level, Severity, Verdict
from ihacpa_plugins.source.osv.group import precedence
from ihacpa_plugins.source.osv.records import Score
from ihacpa_plugins.source.osv.severity import rate
from ihacpa_plugins.source.osv.timeline import any_of, parse

_RANGE = re.compile(r"([\[(])\s*([^,\[\]()]*?)\s*(,?)\s*([^,\[\]()]*?)\s*([\])])")
_VERDICTS = {True: Verdict.AFFECTED, False: Verdict.NOT_AFFECTED, None: Verdict.UNCERTAIN}
_MALWARE = "CWE-506"
"""Embedded malicious code."""
_LEVELS = {level.name: level for level in Level}


class _Problem(msgspec.Struct):
    id: str = ""


class _Severity(msgspec.Struct):
    vector: str | None = None


class _Representation(msgspec.Struct):
    resource_path: str | None = None


class _Coordinate(msgspec.Struct):
    representations: list[_Representation] = []


class _Attributes(msgspec.Struct):
    type: str = ""
    problems: list[_Problem] = []
    severities: list[_Severity] = []
    effective_severity_level: str = ""
    coordinates: list[_Coordinate] = []


class _Issue(msgspec.Struct):
    id: str
    attributes: _Attributes


class _Links(msgspec.Struct):
    next: str | None = None


class Page(msgspec.Struct):
    """A page of Snyk's answer."""

    data: list[_Issue]
    links: _Links | None = None


def read_page(body: bytes) -> Page:
    """A page of issues.

    :raises ValueError: it is none.
    """
    if not body.strip():
        raise ValueError("Snyk's answer is empty")
    try:
        return msgspec.json.decode(body, type=Page)
    except msgspec.ValidationError as error:
        raise ValueError(f"Snyk's answer has an unknown shape ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"Snyk's answer is no JSON ({error})") from error


def findings_of(pages: Iterable[Page], version: str) -> tuple[Finding, ...]:
    """The vulnerabilities on the pages, and whether `version` has them; licences are no flaws."""
    issues = [issue for page in pages for issue in page.data if issue.attributes.type != "license"]
    return tuple(_finding(issue, version) for issue in issues)


def _finding(issue: _Issue, version: str) -> Finding:
    facts = issue.attributes
    names = {issue.id, *(problem.id for problem in facts.problems if problem.id.startswith(("CVE-", "GHSA-")))}
    ids = sorted(names, key=precedence)
    ranges = [text for item in facts.coordinates for each in item.representations if (text := each.resource_path)]
    installed = parse(version.strip())
    hit = any_of(_holds(text, installed) for text in ranges) if ranges else None
    return Finding(
        id=ids[0],
        ids=tuple(ids),
        verdict=_VERDICTS[hit],
        why=f"Snyk's range {', '.join(ranges)}" if ranges else "Snyk names no range",
        fixed_in=tuple(_fixes(ranges, installed)),
        severity=_severity(facts),
        malicious=any(problem.id == _MALWARE for problem in facts.problems),
    )


def _holds(text: str, version: Version | None) -> bool | None:
    """Whether a range, or one of several in a text, holds the version; None where that cannot be told."""
    found = list(_RANGE.finditer(text))
    rest = _RANGE.sub("", text).replace("||", "").replace(",", "").strip()
    if version is None or not found or rest:
        return None
    return any_of(_between(*each.groups(), version=version) for each in found)


def _between(left: str, low: str, comma: str, high: str, right: str, *, version: Version) -> bool | None:
    if not comma:
        low = high = low or high  # [1.0]: this version alone
    floor, ceiling = parse(low), parse(high)
    if (low and floor is None) or (high and ceiling is None):
        return None
    above = floor is None or version > floor or (left == "[" and version == floor)
    below = ceiling is None or version < ceiling or (right == "]" and version == ceiling)
    return above and below


def _fixes(ranges: Iterable[str], version: Version | None) -> Iterator[str]:
    """The ends of ranges above the version, lowest first, that do not belong to them."""
    ends = {
        end: text
        for item in ranges
        for *_, text, right in _RANGE.findall(item)
        if right == ")" and (end := parse(text))
    }
    return (ends[end] for end in sorted(ends) if version is None or end > version)


def _severity(facts: _Attributes) -> Severity:
    vectors = [item.vector for item in facts.severities if item.vector]
    scored = [found for vector in vectors if (found := rate(Score(type="CVSS", score=vector))) is not None]
    if scored:
        return max(scored, key=lambda severity: severity.score or 0.0)
    return Severity(level=_LEVELS.get(facts.effective_severity_level.upper()))
