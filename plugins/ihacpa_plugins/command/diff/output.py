"""What ``ihacpa diff`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ihacpa_plugins.command.diff.changes import Change, Kind, PackageChange
from ihacpa_plugins.command.plain import counted, one_line
from ihacpa_plugins.command.report.as_json import about_run
from ihacpa_plugins.command.reviewed import FindingFacts, ReviewedRun

SCHEMA = 1


def as_json(before: ReviewedRun, after: ReviewedRun, changes: Sequence[PackageChange]) -> str:
    """One document, with a schema number that changes when a field changes meaning."""
    document = {
        "schema": SCHEMA,
        "kind": "ihacpa-diff",
        "before": {**about_run(before.run), "data": {name: list(days) for name, days in before.data.items()}},
        "after": {**about_run(after.run), "data": {name: list(days) for name, days in after.data.items()}},
        "summary": {kind.value: len(_of(kind, changes)) for kind in Kind},
        "packages": [_package(change) for change in changes],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_text(before: ReviewedRun, after: ReviewedRun, changes: Sequence[PackageChange]) -> str:
    """Lines for a person: findings by what became of them, then recommendations and packages."""
    lines = [f"from  {_run(before)}", f"to    {_run(after)}"]
    for kind in Kind:
        found = _of(kind, changes)
        if found:
            lines += ["", counted(len(found), f"{kind.value} finding"), *(_line(*item) for item in found)]
    lines += _block("recommendation changed", "recommendations changed", _recommendations(changes))
    lines += _block("package added", "packages added", _alone(changes, added=True))
    lines += _block("package gone", "packages gone", _alone(changes, added=False))
    if not changes:
        lines += ["", "no difference"]
    return "\n".join(lines) + "\n"


def _of(kind: Kind, changes: Sequence[PackageChange]) -> list[tuple[PackageChange, Change]]:
    return [(package, change) for package in changes for change in package.changes if change.kind is kind]


def _run(review: ReviewedRun) -> str:
    days = [f"{name} of {found[-1]}" for name, found in review.data.items() if found]
    return "  ".join([review.run.run_id, f"{review.run.started:%Y-%m-%d %H:%M} UTC", ", ".join(days)]).rstrip()


def _name(change: PackageChange) -> str:
    """``django 3.2.12 → 4.2.16``."""
    old, new = change.versions
    moved = f"{old} → {new}" if old and new and old != new else new or old
    return one_line(f"{change.row.name} {moved}".rstrip())


def _line(package: PackageChange, change: Change) -> str:
    why = f": {change.why}" if change.why else ""
    return f"  {_name(package)}  {one_line(f'{change.finding.id} ({change.finding.severity}){why}')}"


def _recommendations(changes: Sequence[PackageChange]) -> Iterator[str]:
    for change in changes:
        old, new = change.codes
        if change.before is not None and change.after is not None and old != new:
            yield f"{_name(change)}  {old} → {new}"


def _alone(changes: Sequence[PackageChange], *, added: bool) -> Iterator[str]:
    for change in changes:
        if (change.before if added else change.after) is None:
            yield f"{_name(change)}  {change.codes[1 if added else 0]}"


def _block(one: str, many: str, lines: Iterator[str]) -> list[str]:
    found = list(lines)
    return ["", counted(len(found), one, many), *(f"  {line}" for line in found)] if found else []


def _package(change: PackageChange) -> dict[str, Any]:
    old, new = change.versions
    return {
        "name": change.row.name,
        "rows": [row.outcome.row if row is not None else None for row in (change.before, change.after)],
        "versions": [old or None, new or None],
        "recommendations": [code or None for code in change.codes],
        "findings": [_finding(item) for item in change.changes],
    }


def _finding(change: Change) -> dict[str, Any]:
    finding: FindingFacts = change.finding
    return {
        "kind": change.kind.value,
        "id": finding.id,
        "ids": list(finding.ids),
        "verdict": finding.verdict,
        "severity": {"rating": finding.severity.rating, "score": finding.severity.score},
        "fixed_in": list(finding.fixed_in),
        "suppressed": finding.suppressed is not None,
        "why": change.why,
    }
