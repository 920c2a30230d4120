"""Findings of several sources become one list, and lose nothing on the way."""

from __future__ import annotations

from ihacpa_plugins.processor.package_review.merge import enriched, united
from ihacpa_plugins.processor.package_review.review import worst_first
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


def test_an_enrichment_rates_what_nobody_rated() -> None:
    """A rating that a finding has stands; where nobody gave one, an enrichment's is taken."""
    known = [finding("CVE-2024-1", level=None, score=None), finding("CVE-2024-2", level=Level.LOW, score=2.0)]
    more = [finding("CVE-2024-1", level=Level.CRITICAL, score=9.8), finding("CVE-2024-2", level=Level.HIGH, score=8.0)]

    first, second = enriched(known, more)

    assert first.severity == more[0].severity
    assert second.severity == known[1].severity


def test_what_is_exploited_comes_first() -> None:
    """Malware, then what is known to be exploited, then by rating; of equals, a public exploit and a high chance."""
    found = [
        finding("CVE-2024-1", level=Level.CRITICAL, score=9.8),
        finding("CVE-2024-2", level=Level.LOW, score=2.0, known_exploited=True),
        finding("CVE-2024-3", score=7.0, epss=0.1),
        finding("CVE-2024-4", score=7.0, epss=0.9),
        finding("CVE-2024-5", score=7.0, exploits=("EDB-1",)),
        finding("MAL-2024-6", level=None, score=None, malicious=True),
    ]

    order = [each.id[-1] for each in worst_first(found)]

    assert order == ["6", "2", "1", "5", "4", "3"]
