"""Reviews, findings and sources for the tests of the package review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from ihacpa_plugins.processor.package_review.reading import Entry, read_entry
from ihacpa_plugins.processor.package_review.review import Review

from ihacpa_core import (
    AnswerState,
    Finding,
    Level,
    Package,
    Release,
    ReviewSource,
    Severity,
    SourceAnswer,
    SourceKind,
    Verdict,
)

WHOLE = frozenset({"PYSEC", "GHSA", "MAL"})
RELEASE = Release(
    name="requests",
    latest="2.31.0",
    latest_date=date(2024, 1, 2),
    installed_exists=True,
    installed_date=date(2024, 1, 2),
    versions=("2.30.0", "2.31.0"),
)
NEWER = replace(RELEASE, latest="3.0.0", latest_date=date(2025, 1, 2), versions=("2.30.0", "2.31.0", "3.0.0"))


def finding(
    name: str = "CVE-2024-1", *more: str, level: Level | None = Level.HIGH, score: float | None = 7.5, **facts: Any
) -> Finding:
    """A finding that affects, unless `facts` say otherwise."""
    return Finding(
        id=name,
        ids=(name, *more),
        severity=Severity(level=level, score=score),
        **{"verdict": Verdict.AFFECTED, "fixed_in": ("2.32.0",), **facts},
    )


def advisories(*findings: Finding, complete: frozenset[str] = WHOLE, **facts: Any) -> SourceAnswer:
    """What an advisory source says."""
    return SourceAnswer(
        **{"source": "osv", "state": AnswerState.OK, "findings": findings, "complete_for": complete, **facts}
    )


def indexed(release: Release | None = RELEASE) -> SourceAnswer:
    """What an index says that answered."""
    return SourceAnswer(source="pypi", state=AnswerState.OK, release=release)


def failed(source: str, note: str = "the index answered 503, 4 tries") -> SourceAnswer:
    """What a source says that did not answer."""
    return SourceAnswer(source=source, state=AnswerState.FAILED, note=note)


def review(
    *findings: Finding,
    entry: Entry | None = None,
    index: SourceAnswer | None = None,
    complete: frozenset[str] = WHOLE,
    **facts: Any,
) -> Review:
    """A review of requests 2.31.0 in which the index and one advisory source answered."""
    answer = advisories(*findings, complete=complete, clean_version="2.32.4" if findings else None)
    return Review(
        **{
            "entry": entry or read_entry("requests", "2.31.0"),
            "index": index or indexed(),
            "advisories": {"osv": answer},
            "findings": findings,
            **facts,
        }
    )


class Scripted(ReviewSource):
    """A source that answers what `answer` says, and remembers what it was asked."""

    def __init__(self, kind: SourceKind, answer: Callable[[Package], SourceAnswer]) -> None:
        self.kind = kind
        self.asked: list[tuple[Package, Sequence[Finding]]] = []
        self.steps: list[str] = []
        self._answer = answer

    async def open(self) -> None:
        self.steps.append("open")

    async def close(self) -> None:
        self.steps.append("close")

    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        self.asked.append((package, known))
        return self._answer(package)
