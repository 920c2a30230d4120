"""CVSS vectors and severity words as one rating.

Vectors of versions 2, 3.0, 3.1 and 4.0 are computed by the `cvss` package, whose scores are tested against the
calculators of FIRST, https://www.first.org/cvss/.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ihacpa_core import Level, Severity
from ihacpa_plugins.source.osv.evaluate import Advisory
from ihacpa_plugins.source.osv.records import Score

_WORDS = {
    "NONE": Level.NONE,
    "LOW": Level.LOW,
    "MODERATE": Level.MEDIUM,
    "MEDIUM": Level.MEDIUM,
    "HIGH": Level.HIGH,
    "IMPORTANT": Level.HIGH,
    "CRITICAL": Level.CRITICAL,
}


def worst(advisories: Iterable[Advisory]) -> Severity:
    """The highest score that any of the records has; else the worst word; else unknown."""
    records = list(advisories)
    scored = [found for record in records for item in record.scores if (found := rate(item)) is not None]
    if scored:
        return max(scored, key=lambda severity: (severity.score or 0.0, severity.vector))
    levels = [level for record in records if (level := _WORDS.get(record.severity_word.strip().upper())) is not None]
    return Severity(level=max(levels)) if levels else Severity()


def rate(item: Score) -> Severity | None:
    """What one entry of a record's ``severity`` says; None if it is no CVSS vector that can be read."""
    return _rate((item.type or "").strip().upper(), (item.score or "").strip())


@lru_cache(maxsize=4096)
def _rate(kind: str, vector: str) -> Severity | None:
    from cvss import CVSS2, CVSS3, CVSS4  # tables of several hundred kilobytes, only where there is a vector
    from cvss.exceptions import CVSSError

    vector = vector.rstrip("/")
    try:
        if vector.startswith("CVSS:4"):
            parsed = CVSS4(vector)
        elif vector.startswith("CVSS:3"):
            parsed = CVSS3(vector)
        elif kind == "CVSS_V2":
            parsed = CVSS2(vector.strip("()"))
        else:
            return None
    except CVSSError:
        return None
    score = float(parsed.base_score)
    return Severity(level=_level(score, two=kind == "CVSS_V2"), score=score, vector=vector)


def _level(score: float, *, two: bool) -> Level:
    """The qualitative rating, https://www.first.org/cvss/v4.0/specification-document §6; NVD's bands for version 2."""
    if two:
        return Level.LOW if score < 4.0 else Level.MEDIUM if score < 7.0 else Level.HIGH
    bands = ((9.0, Level.CRITICAL), (7.0, Level.HIGH), (4.0, Level.MEDIUM), (0.1, Level.LOW))
    return next((level for floor, level in bands if score >= floor), Level.NONE)
