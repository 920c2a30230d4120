"""A report as JSON: everything that the review kept, with a schema number that changes when a field changes meaning."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ihacpa_core import PastRun, __version__
from ihacpa_plugins.command.reviewed import ReviewedRun, Row

SCHEMA = 1


def render(review: ReviewedRun) -> str:
    """The whole document. New fields may come without a new `schema`."""
    document = {
        "schema": SCHEMA,
        "kind": "ihacpa-report",
        "generator": {"name": "ihacpa", "version": __version__},
        "run": about_run(review.run),
        "data": {name: list(days) for name, days in review.data.items()},
        "summary": _summary(review),
        "packages": [_package(row) for row in review.rows],
        "missing": [{"key": record.key, "occurrence": record.occurrence} for record in review.run.missing],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def about_run(run: PastRun) -> dict[str, Any]:
    """Which run it is, of which workbook."""
    return {
        "id": run.run_id,
        "workbook": str(run.workbook),
        "sheet": run.sheet,
        "started": run.started.isoformat(),
        "finished": run.finished,
        "records": run.records,
        "whole_sheet": run.whole,
    }


def _summary(review: ReviewedRun) -> dict[str, Any]:
    rows = review.rows
    hits = [finding for row in rows for finding in row.hits]
    return {
        "packages": len(rows),
        "recommendations": dict(sorted(Counter(row.advice.code for row in rows).items())),
        "affected_packages": sum(1 for row in rows if row.facts is not None and row.facts.affecting),
        "findings": sum(1 for finding in hits if finding.affects and finding.suppressed is None),
        "uncertain": sum(1 for finding in hits if not finding.affects and finding.suppressed is None),
        "suppressed": sum(1 for finding in hits if finding.suppressed is not None),
        "not_fully_checked": sum(1 for row in rows if row.unchecked),
    }


def _package(row: Row) -> dict[str, Any]:
    """A row: where it stands, what became of it, and the facts as they were kept."""
    outcome, error = row.outcome, row.outcome.error
    return {
        "row": outcome.row,
        "key": outcome.id.key,
        "occurrence": outcome.id.occurrence,
        "status": outcome.status.value,
        "level": outcome.level.name.lower(),
        "unchecked": list(row.unchecked),
        "error": None if error is None else {"kind": error.kind, "message": error.message, "hint": error.hint},
        "name": row.name,
        "version": row.version,
        **{key: row.raw[key] for key in sorted(row.raw.keys() - {"name", "version"})},
    }
