"""Findings of several sources become one list, and lose nothing on the way."""

from __future__ import annotations

from ihacpa_plugins.processor.package_review.merge import enriched, united
from review_samples import finding

from ihacpa_core import Level, Verdict


def test_one_source_is_taken_as_it_is() -> None:
    """What a single source united stays as that source left it."""
    findings = (finding("CVE-2024-1"), finding("CVE-2024-2"))

    assert united([findings]) == findings
    assert united([]) == ()


def test_shared_ids_are_one_finding() -> None:
    """Findings that share an id, also through a third, are one: strongest verdict, worst severity, CVE first."""
    ghsa = finding("GHSA-a", verdict=Verdict.NOT_AFFECTED, level=Level.CRITICAL, score=9.8)
    bridge = finding("PYSEC-1", "GHSA-a", level=None, score=None)
    cve = finding("CVE-2024-1", "PYSEC-1", verdict=Verdict.UNCERTAIN, level=Level.LOW, score=2.0)

    (one,) = united([(ghsa,), (cve,), (bridge,)])

    assert one.ids == ("CVE-2024-1", "GHSA-a", "PYSEC-1") and one.id == "CVE-2024-1"
    assert (one.verdict, one.severity.level) == (Verdict.AFFECTED, Level.CRITICAL)


def test_enrichments_add_and_never_take() -> None:
    """What an enrichment knows is added to the finding that it means; it makes no finding of its own."""
    known = [finding("CVE-2024-1", "GHSA-a", epss=0.2, exploits=("EDB-1",)), finding("CVE-2024-2")]
    more = [
        finding("CVE-2024-1", known_exploited=True, exploits=("EDB-1", "EDB-2"), verdict=Verdict.NOT_AFFECTED),
        finding("CVE-9999-9"),
    ]

    first, second = enriched(known, more)

    assert (first.known_exploited, first.epss, first.exploits) == (True, 0.2, ("EDB-1", "EDB-2"))
    assert first.verdict is Verdict.AFFECTED
    assert second == known[1]
