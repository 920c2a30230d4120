"""Past runs of the package review, made by hand, for the tests of reports and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ihacpa_plugins.command.reviewed import ReviewedRun, reviewed

from ihacpa_core import Failure, Level, Outcome, PastRun, RecordId, Status


def finding(name: str = "CVE-2024-1", *more: str, **facts: Any) -> dict[str, Any]:
    """A finding that affects, as it is kept, unless `facts` say otherwise."""
    return {
        "id": name,
        "ids": [name, *more],
        "verdict": "affected",
        "why": "range [1.0, 2.0)",
        "fixed_in": ["2.0"],
        "severity": {"rating": "HIGH", "score": 7.5, "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"},
        "malicious": False,
        "known_exploited": False,
        "epss": None,
        "exploits": [],
        "suppressed": None,
        **facts,
    }


def source(**facts: Any) -> dict[str, Any]:
    """A source that answered."""
    return {"state": "ok", "note": "", "as_of": "2026-07-23", "complete_for": ["GHSA", "PYSEC"], **facts}


def outcome(
    row: int, name: str = "thing", *findings: dict[str, Any], version: str = "1.0", code: str = "", **facts: Any
) -> Outcome:
    """A reviewed row."""
    told = code or ("SECURITY RISK" if findings else "PROCEED")
    detail = {
        "name": name,
        "canonical": name.lower(),
        "version": version,
        "problem": "",
        "release": None,
        "findings": list(findings),
        "clean_version": "2.0" if findings else None,
        "sources": {"osv": source()},
        "recommendation": {"code": told, "text": f"{told} - because", "rule": "affected" if findings else "proceed"},
        **{key: value for key, value in facts.items() if key != "unchecked"},
    }
    level = Level.HIGH if findings else Level.NONE
    return Outcome(
        id=RecordId(name),
        row=row,
        status=Status.DONE,
        inputs=("B", "C"),
        level=level,
        unchecked=tuple(facts.get("unchecked", ())),
        detail=detail,
    )


def failed(row: int, name: str, message: str = "it broke") -> Outcome:
    """A row that failed."""
    return Outcome(
        id=RecordId(name), row=row, status=Status.FAILED, error=Failure(kind="OSError", message=message, hint="try")
    )


def past(*outcomes: Outcome, **facts: Any) -> PastRun:
    """A finished run over the whole sheet."""
    return PastRun(
        **{
            "run_id": "20260102-030405-abcd",
            "workbook": Path("/somewhere/book & co.xlsx"),
            "sheet": "Packages",
            "started": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "finished": True,
            "records": len(outcomes),
            "whole": True,
            "settings": {"ihacpa": {"processor": "package-review"}},
            "outcomes": outcomes,
            **facts,
        }
    )


def review(*outcomes: Outcome, **facts: Any) -> ReviewedRun:
    """The same, read."""
    return reviewed(past(*outcomes, **facts))


def names(rows: Sequence[Any]) -> list[str]:
    """The names of rows."""
    return [row.name for row in rows]
