"""A report as CycloneDX 1.6 JSON: a component a row, with the vulnerabilities that hit it.

https://cyclonedx.org/docs/1.6/json/. Nothing in it depends on the time of writing: the serial number is made from the
run's id, and the time stamp is the run's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from packaging.version import InvalidVersion, Version

from ihacpa_core import __version__
from ihacpa_plugins.command.plain import one_line
from ihacpa_plugins.command.report.links import source_of
from ihacpa_plugins.command.reviewed import FindingFacts, ReviewedRun, Row

_METHODS = (("CVSS:4", "CVSSv4"), ("CVSS:3.1", "CVSSv31"), ("CVSS:3", "CVSSv3"), ("AV:", "CVSSv2"))
_SEVERITIES = {"CRITICAL": "critical", "HIGH": "high", "MEDIUM": "medium", "LOW": "low", "NONE": "none"}


def render(review: ReviewedRun) -> str:
    """The whole document."""
    run = review.run
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'ihacpa:{run.workbook}:{run.run_id}')}",
        "version": 1,
        "metadata": {
            "timestamp": run.started.isoformat(timespec="seconds"),
            "tools": {"components": [{"type": "application", "name": "ihacpa", "version": __version__}]},
            "component": {"type": "data", "bom-ref": "workbook", "name": run.workbook.name},
            "properties": _properties(
                run=run.run_id, sheet=run.sheet, finished=run.finished, **{"whole-sheet": run.whole}
            ),
        },
        "components": [_component(row) for row in review.rows],
        "vulnerabilities": list(_vulnerabilities(review)),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _component(row: Row) -> dict[str, Any]:
    facts = row.facts
    component: dict[str, Any] = {"type": "library", "bom-ref": _ref(row), "name": row.name}
    if row.version:
        component["version"] = row.version
    if facts is not None and facts.canonical and facts.recommendation.rule != "unreadable":
        component["purl"] = _purl(facts.canonical, row.version)
    if facts is not None and facts.release is not None and facts.release.github:
        component["externalReferences"] = [{"type": "vcs", "url": facts.release.github}]
    component["properties"] = _properties(
        row=row.outcome.row, recommendation=row.advice.text, **{"not-checked": "; ".join(row.unchecked)}
    )
    return component


def _vulnerabilities(review: ReviewedRun) -> Iterator[dict[str, Any]]:
    """One for each finding of each row: what it says of a row, such as a suppression, is that row's alone."""
    for row in review.rows:
        for finding in row.hits:
            yield _vulnerability(row, finding)


def _vulnerability(row: Row, finding: FindingFacts) -> dict[str, Any]:
    source, page = source_of(finding.id)
    made: dict[str, Any] = {
        "bom-ref": f"{_ref(row)}:{finding.id}",
        "id": finding.id,
        "source": {"name": source, "url": page},
        "references": [_reference(name) for name in finding.aliases],
        "ratings": [_rating(finding)],
        "detail": one_line(finding.why),
        "recommendation": one_line(_recommendation(row, finding)),
        "affects": [{"ref": _ref(row), "versions": [_version(row, finding)]}],
        "properties": _properties(
            malicious=finding.malicious,
            exploits=" ".join(finding.exploits),
            epss="" if finding.epss is None else finding.epss,
            **{"known-exploited": finding.known_exploited, "fixed-in": " ".join(finding.fixed_in)},
        ),
    }
    if analysis := _analysis(finding):
        made["analysis"] = analysis
    return {key: value for key, value in made.items() if value not in ("", [])}


def _reference(name: str) -> dict[str, Any]:
    source, page = source_of(name)
    return {"id": name, "source": {"name": source, "url": page}}


def _rating(finding: FindingFacts) -> dict[str, Any]:
    severity = finding.severity
    rating: dict[str, Any] = {"severity": _SEVERITIES.get(severity.rating, "unknown")}
    if severity.score is not None:
        rating["score"] = severity.score
    if severity.vector:
        rating["method"] = next((name for head, name in _METHODS if severity.vector.startswith(head)), "other")
        rating["vector"] = severity.vector
    return rating


def _recommendation(row: Row, finding: FindingFacts) -> str:
    if row.facts is not None and row.facts.way_out:
        return f"update to {row.facts.way_out}"
    return f"fixed in {', '.join(finding.fixed_in)}" if finding.fixed_in else "no fix is named"


def _version(row: Row, finding: FindingFacts) -> dict[str, str]:
    return {"version": row.version or "unknown", "status": "affected" if finding.affects else "unknown"}


def _analysis(finding: FindingFacts) -> dict[str, str] | None:
    """What a person said about it, and what nobody can decide. Only an OpenVEX document says "not affected"."""
    held = finding.suppressed
    if held is not None:
        state = "in_triage" if held.by == "settings" else "not_affected"
        return {"state": state, "detail": one_line(f"suppressed until {held.expires} by {held.by}: {held.reason}")}
    return None if finding.affects else {"state": "in_triage", "detail": one_line(f"uncertain: {finding.why}")}


def _ref(row: Row) -> str:
    """Unique: rows move, but a record is known by its key and occurrence."""
    return f"{row.outcome.id.key}#{row.outcome.id.occurrence}"


def _purl(name: str, version: str) -> str:
    """https://github.com/package-url/purl-spec; a version that is none is left out."""
    try:
        Version(version)
    except InvalidVersion:
        return f"pkg:pypi/{quote(name, safe='')}"
    return f"pkg:pypi/{quote(name, safe='')}@{quote(version, safe='')}"


def _properties(**values: object) -> list[dict[str, str]]:
    """Properties under our own prefix, empty ones left out."""
    told = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}
    return [{"name": f"ihacpa:{name}", "value": one_line(value)} for name, value in told.items() if value]
