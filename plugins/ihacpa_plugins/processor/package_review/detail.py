"""What is kept of a review for reports: JSON values only, sorted as they are, the same for the same facts."""

from __future__ import annotations

from typing import Any

import msgspec

from ihacpa_core import Finding, Release, SourceAnswer
from ihacpa_plugins.processor.package_review.recommend import Recommendation
from ihacpa_plugins.processor.package_review.review import Review
from ihacpa_plugins.processor.package_review.suppress import Suppression


def detail_of(review: Review, recommendation: Recommendation, rule: str) -> dict[str, Any]:
    """The review as plain data; every version of a package is left out, it would outweigh all the rest."""
    entry = review.entry
    return {
        "name": entry.name,
        "canonical": entry.canonical,
        "version": entry.version,
        "problem": entry.problem or review.version_problem or review.ambiguity,
        "release": _release(review.release) if review.release is not None else None,
        "findings": [_finding(finding, review.suppression(finding)) for finding in review.findings],
        "clean_version": review.clean_version,
        "clean_version_sure": review.clean_version_sure,
        "sources": {name: _source(answer) for name, answer in review.answers.items()},
        "recommendation": {"code": recommendation.code, "text": recommendation.text, "rule": rule},
    }


def _release(release: Release) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(release)
    del facts["versions"]
    return facts


def _finding(finding: Finding, suppression: Suppression | None) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(finding)
    level = finding.severity.level
    facts["severity"]["rating"] = level.name if level is not None else "UNKNOWN"
    del facts["severity"]["level"]
    facts["suppressed"] = None if suppression is None else _suppressed(suppression)
    return facts


def _suppressed(suppression: Suppression) -> dict[str, Any]:
    return {"reason": suppression.reason, "expires": suppression.expires.isoformat(), "by": suppression.by}


def _source(answer: SourceAnswer) -> dict[str, Any]:
    return {
        "state": answer.state.value,
        "note": answer.note,
        "as_of": answer.as_of.isoformat() if answer.as_of else None,
        "complete_for": sorted(answer.complete_for),
    }
