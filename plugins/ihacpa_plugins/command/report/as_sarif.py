"""A report as SARIF 2.1.0: a rule an advisory, a result for each row that it hits.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. The location is the workbook and, as the line, the
row; the logical location is the cell of the package, as Excel names it. What could not be checked is a notification of
the tool: it is no result, and must not be lost.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from ihacpa_core import __version__
from ihacpa_plugins.command.plain import one_line
from ihacpa_plugins.command.report.links import source_of
from ihacpa_plugins.command.reviewed import FindingFacts, ReviewedRun, Row

_LEVELS = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "UNKNOWN": "warning", "LOW": "note"}


def render(review: ReviewedRun) -> str:
    """The whole document."""
    hits = [(row, finding) for row in review.rows for finding in row.hits]
    rules = _rules(finding for _, finding in hits)
    places = {rule["id"]: place for place, rule in enumerate(rules)}
    driver = {
        "name": "ihacpa",
        "semanticVersion": __version__,
        "version": __version__,
        "rules": rules,
    }
    notes = [_notification(row, what, review) for row in review.rows for what in row.unchecked]
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"ihacpa/{quote(review.run.sheet)}/{review.run.run_id}"},
        "invocations": [
            {
                "executionSuccessful": review.run.finished,
                "startTimeUtc": review.run.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "toolExecutionNotifications": notes,
            }
        ],
        "columnKind": "utf16CodeUnits",
        "results": [_result(row, finding, places[finding.id], review) for row, finding in hits],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rules(findings: Any) -> list[dict[str, Any]]:
    """A rule for each advisory, by id; one that several packages have takes the worst rating."""
    found: dict[str, FindingFacts] = {}
    for finding in findings:
        known = found.get(finding.id)
        if known is None or finding.severity.rank > known.severity.rank:
            found[finding.id] = finding
    return [_rule(found[name]) for name in sorted(found)]


def _rule(finding: FindingFacts) -> dict[str, Any]:
    _, page = source_of(finding.id)
    aliases = f", also {', '.join(finding.aliases)}" if finding.aliases else ""
    properties: dict[str, Any] = {"tags": ["security", "vulnerability"], "aliases": list(finding.aliases)}
    if finding.severity.score is not None:  # what nobody rated has no number: GitHub then goes by the level
        properties["security-severity"] = f"{finding.severity.score:.1f}"
    return {
        "id": finding.id,
        "shortDescription": {"text": f"{finding.id} ({finding.severity})"},
        "fullDescription": {"text": f"Known vulnerability {finding.id}{aliases}, rated {finding.severity}."},
        "helpUri": page,
        "defaultConfiguration": {"level": _LEVELS.get(finding.severity.rating, "note")},
        "properties": properties,
    }


def _result(row: Row, finding: FindingFacts, place: int, review: ReviewedRun) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": place,
        # A result of another kind than "fail" has no level: 3.27.9 and 3.27.10.
        "kind": "fail" if finding.affects else "review",
        "level": _LEVELS.get(finding.severity.rating, "note") if finding.affects else "none",
        "message": {"text": one_line(_message(row, finding))},
        "locations": [_location(row, review)],
        "partialFingerprints": {"packageAndAdvisory/v1": f"{row.name}:{row.outcome.id.occurrence}:{finding.id}"},
        "properties": {
            "package": row.name,
            "version": row.version,
            "row": row.outcome.row,
            "why": finding.why,
            "fixedIn": list(finding.fixed_in),
            "updateTo": row.facts.clean_version if row.facts is not None else None,
            "knownExploited": finding.known_exploited,
            "epss": finding.epss,
            "exploits": list(finding.exploits),
        },
    }
    if finding.suppressed is not None:
        held = finding.suppressed
        reason = one_line(f"{held.reason} ({held.by}, until {held.expires})")
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return result


def _message(row: Row, finding: FindingFacts) -> str:
    verb = "is affected by" if finding.affects else "may be affected by"
    fix = f"; fixed in {', '.join(finding.fixed_in)}" if finding.fixed_in else "; no fix is named"
    return f"{row.name} {row.version} {verb} {finding.id} ({finding.severity}): {finding.why or 'no reason given'}{fix}"


def _location(row: Row, review: ReviewedRun) -> dict[str, Any]:
    column = row.outcome.inputs[0] if row.outcome.inputs else "A"
    cell = f"'{review.run.sheet}'!{column}{row.outcome.row}"
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(review.run.workbook.name)},
            "region": {"startLine": row.outcome.row},
        },
        "logicalLocations": [{"fullyQualifiedName": cell, "name": row.name, "kind": "element"}],
    }


def _notification(row: Row, what: str, review: ReviewedRun) -> dict[str, Any]:
    return {
        "level": "error" if row.facts is None else "warning",
        "message": {"text": one_line(f"{row.name} {row.version}: not fully checked: {what}")},
        "locations": [_location(row, review)],
    }
