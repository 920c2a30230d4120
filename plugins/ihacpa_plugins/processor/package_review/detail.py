"""What is kept of a review for reports: JSON values only, sorted as they are, the same for the same facts."""

from __future__ import annotations

from typing import Any

import msgspec

from ihacpa_core import Finding, Release, SourceAnswer
from ihacpa_plugins.processor.package_review.recommend import Recommendation
from ihacpa_plugins.processor.package_review.review import Review


def detail_of(review: Review, recommendation: Recommendation) -> dict[str, Any]:
    """The review as plain data; every version of a package is left out, it would outweigh all the rest."""
    entry = review.entry
    return {
        "name": entry.name,
        "canonical": entry.canonical,
        "version": entry.version,
        "problem": entry.problem or review.version_problem or review.ambiguity,
        "release": _release(review.release) if review.release is not None else None,
        "findings": [_finding(finding) for finding in review.findings],
        "clean_version": review.clean_version,
        "sources": {name: _source(answer) for name, answer in review.answers.items()},
        "recommendation": {"code": recommendation.code, "text": recommendation.text},
    }


def _release(release: Release) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(release)
    del facts["versions"]
    return facts


def _finding(finding: Finding) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(finding)
    level = finding.severity.level
    facts["severity"]["rating"] = level.name if level is not None else "UNKNOWN"
    del facts["severity"]["level"]
    return facts


def _source(answer: SourceAnswer) -> dict[str, Any]:
    return {
        "state": answer.state.value,
        "note": answer.note,
        "as_of": answer.as_of.isoformat() if answer.as_of else None,
        "complete_for": sorted(answer.complete_for),
    }
