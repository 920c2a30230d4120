"""Alias groups, severities and the version to update to."""

from __future__ import annotations

from typing import Any

import msgspec
import osv_sets
import pytest
from ihacpa_plugins.source.osv.clean import Clean, clean_version
from ihacpa_plugins.source.osv.evaluate import Advisory, advisory
from ihacpa_plugins.source.osv.group import findings

from ihacpa_core import Level, Severity, Verdict

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"
HARMLESS = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"
V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"


def advisories(*records: dict[str, Any]) -> list[Advisory]:
    return [advisory(msgspec.json.encode(item), "thing") for item in records]


def test_records_that_share_an_alias_are_one_finding() -> None:
    """Records are one flaw if they share ids or aliases, also through a third, and go by the CVE."""
    chained = advisories(
        osv_sets.record("PYSEC-2024-7", aliases=["GHSA-b"]),
        osv_sets.record("GHSA-a", aliases=["CVE-2024-10"]),
        osv_sets.record("PYSEC-2024-9"),
        osv_sets.record("GHSA-b", aliases=["CVE-2024-10", "SNYK-1"]),
    )

    found = findings(chained, "1.0")

    assert [finding.ids for finding in found] == [
        ("CVE-2024-10", "GHSA-a", "GHSA-b", "PYSEC-2024-7", "SNYK-1"),
        ("PYSEC-2024-9",),
    ]


@pytest.mark.parametrize(
    ("aliases", "expected"),
    [
        (["GHSA-x", "CVE-2024-10", "CVE-2024-9"], "CVE-2024-9"),
        (["GHSA-x", "SNYK-1"], "GHSA-x"),
        (["SNYK-1", "MAL-2024-1"], "PYSEC-2024-1"),
    ],
)
def test_a_finding_goes_by_its_best_known_id(aliases: list[str], expected: str) -> None:
    """CVE comes before GHSA before PYSEC before any other, and of several the first by year and number."""
    (found,) = findings(advisories(osv_sets.record(aliases=aliases)), "1.0")

    assert found.id == found.ids[0] == expected


def test_withdrawn_records_neither_count_nor_merge() -> None:
    """A record that was withdrawn affects nothing, and does not tie others together."""
    bridged = advisories(
        osv_sets.record("PYSEC-2024-1", aliases=["CVE-2024-1"]),
        osv_sets.record("PYSEC-2024-2", aliases=["CVE-2024-1", "CVE-2024-2"], withdrawn="2024-05-01T00:00:00Z"),
        osv_sets.record("PYSEC-2024-3", aliases=["CVE-2024-2"], withdrawn=None),
    )

    found = findings(bridged, "1.0")

    assert [finding.ids for finding in found] == [("CVE-2024-1", "PYSEC-2024-1"), ("CVE-2024-2", "PYSEC-2024-3")]


def test_the_strongest_verdict_of_a_group_wins() -> None:
    """A flaw affects a version if one of its records says so, whatever the others say."""
    one = osv_sets.record("PYSEC-2024-1", aliases=["CVE-2024-1"], events=["introduced 0", "fixed 0.5"])
    two = osv_sets.record("GHSA-1", aliases=["CVE-2024-1"], events=["introduced 0", "fixed 2.0-NA"])
    three = osv_sets.record("GHSA-2", aliases=["CVE-2024-1"])

    verdicts = [findings(advisories(*group), "1.0")[0].verdict for group in ([one], [one, two], [one, two, three])]

    assert verdicts == [Verdict.NOT_AFFECTED, Verdict.UNCERTAIN, Verdict.AFFECTED]


def test_fixes_are_those_that_mend_lowest_first() -> None:
    """A version that one record calls fixed and another hits is no fix; what fixes it there is."""
    disagreeing = advisories(
        osv_sets.record("PYSEC-2024-1", aliases=["CVE-2024-1"], events=["introduced 0", "fixed 1.9"]),
        osv_sets.record("GHSA-1", aliases=["CVE-2024-1"], events=["introduced 0", "fixed 1.10"]),
        osv_sets.record("GHSA-2", aliases=["CVE-2024-1"], events=["introduced 1.10.5", "fixed 1.11"]),
    )

    assert findings(disagreeing, "1.0")[0].fixed_in == ("1.10",)


def test_intervals_that_touch_have_their_fix_at_the_end() -> None:
    """Where one interval ends and the next begins at one version, that version is no fix."""
    touching = ["introduced 0", "fixed 2.0.0", "introduced 2.0.0", "fixed 2.11.2"]

    (found,) = findings(advisories(osv_sets.record(events=touching)), "1.8")

    assert found.fixed_in == ("2.11.2",)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ([{"type": "CVSS_V3", "score": V3}], Severity(level=Level.CRITICAL, score=9.8, vector=V3)),
        ([{"type": "CVSS_V4", "score": V4}], Severity(level=Level.HIGH, score=8.7, vector=V4)),
        ([{"type": "CVSS_V2", "score": V2}], Severity(level=Level.HIGH, score=7.5, vector=V2)),
        (
            [{"type": "CVSS_V4", "score": V4}, {"type": "CVSS_V3", "score": V3}],
            Severity(level=Level.CRITICAL, score=9.8, vector=V3),
        ),
        ([{"type": "CVSS_V3", "score": HARMLESS}], Severity(level=Level.NONE, score=0.0, vector=HARMLESS)),
        ([{"type": "CVSS_V3", "score": "CVSS:3.1/nonsense"}, None, {"type": "Ubuntu", "score": "low"}, {}], Severity()),
        ([], Severity()),
    ],
)
def test_severity_is_the_highest_score(severity: list[Any], expected: Severity) -> None:
    """Vectors of every version are scored and the highest is taken; what is no vector is unknown, never none."""
    (found,) = findings(advisories(osv_sets.record(severity=severity)), "1.0")

    assert found.severity == expected


def test_severity_for_the_package_and_by_word() -> None:
    """The severity of a package's own entry counts, and a word counts where there is no vector."""
    own = osv_sets.record("PYSEC-2024-1")
    own["affected"][0]["severity"] = [{"type": "CVSS_V3", "score": V3}]
    word = osv_sets.record("PYSEC-2024-2", database_specific={"severity": "MODERATE", "cwe_ids": []})
    odd = osv_sets.record("PYSEC-2024-3", database_specific="none of your business")

    found = {finding.id: finding.severity.level for finding in findings(advisories(own, word, odd), "1.0")}

    assert found == {"PYSEC-2024-1": Level.CRITICAL, "PYSEC-2024-2": Level.MEDIUM, "PYSEC-2024-3": None}


@pytest.mark.parametrize("source", [{"identity": "MAL-2024-1"}, {"aliases": ["MAL-2024-1"]}])
def test_malware_is_known_by_id_and_by_alias(source: dict[str, Any]) -> None:
    """A record of malware, or one that has such an alias, says that the release itself is malicious."""
    (found,) = findings(advisories(osv_sets.record(**source)), "1.0")

    assert found.malicious


def test_the_worst_flaw_comes_first() -> None:
    """Flaws that affect the version come before the others, malware before flaws, high scores before low ones."""
    mixed = advisories(
        osv_sets.record("PYSEC-2024-1", events=["introduced 5.0"], severity=[{"type": "CVSS_V3", "score": V3}]),
        osv_sets.record("PYSEC-2024-2", database_specific={"severity": "LOW"}),
        osv_sets.record("PYSEC-2024-3"),
        osv_sets.record("PYSEC-2024-4", severity=[{"type": "CVSS_V4", "score": V4}]),
        osv_sets.record("MAL-2024-5"),
    )

    order = [finding.id for finding in findings(mixed, "1.0")]

    assert order == ["MAL-2024-5", "PYSEC-2024-4", "PYSEC-2024-3", "PYSEC-2024-2", "PYSEC-2024-1"]


# --- the version to update to -----------------------------------------------------------------------------------------

RELEASES = ("1.0", "1.1", "1.2rc1", "1.3", "2.0a1", "2.0", "2.1", "junk", "0.9")


@pytest.mark.parametrize(
    ("events", "installed", "expected"),
    [
        (["introduced 0", "fixed 1.2"], "1.0", "1.3"),
        (["introduced 0", "fixed 1.1"], "1.0", "1.1"),
        (["introduced 0", "last_affected 1.3"], "1.0", "2.0"),
        (["introduced 0", "fixed 1.2rc1", "introduced 1.3"], "1.0", "1.2rc1"),
        (["introduced 0"], "1.0", None),
        (["introduced 0", "fixed 2.0"], "2.1", None),
        (["introduced 0", "fixed 2.0"], "NEW", None),
    ],
)
def test_the_lowest_clean_release_is_proposed(events: list[str], installed: str, expected: str | None) -> None:
    """The lowest release above that no record hits: final before pre-release, the same major version first."""
    found = clean_version(advisories(osv_sets.record(events=events)), installed, RELEASES)

    assert found == (Clean(expected) if expected else None)


def test_every_live_record_has_a_say() -> None:
    """A release that another flaw of the package is in is not proposed; a withdrawn record does not hinder one."""
    records = advisories(
        osv_sets.record("PYSEC-2024-1", events=["introduced 0", "fixed 1.1"]),
        osv_sets.record("PYSEC-2024-2", events=["introduced 1.1", "fixed 1.3"]),
        osv_sets.record("PYSEC-2024-3", events=["introduced 0"], withdrawn="2024-05-01T00:00:00Z"),
    )

    assert clean_version(records, "1.0", RELEASES) == Clean("1.3")


def test_without_releases_the_fixed_versions_are_tried() -> None:
    """Where no index was asked, the versions that records call fixed are the ones to choose from."""
    records = advisories(
        osv_sets.record("PYSEC-2024-1", events=["introduced 0", "fixed 1.1", "introduced 2.0", "fixed 2.2"]),
        osv_sets.record("PYSEC-2024-2", events=["introduced 0", "fixed 1.1.5"]),
    )

    assert clean_version(records, "1.0", ()) == Clean("1.1.5")


def test_a_release_in_doubt_is_the_last_resort() -> None:
    """A release that a record is uncertain about is proposed only if all others are worse, and told as such."""
    doubtful = osv_sets.record("PYSEC-2024-1", events=["introduced 0", "fixed 1.1-NA", "introduced 1.3"])
    plain = osv_sets.record("PYSEC-2024-2", events=["introduced 0", "fixed 1.1"])

    assert clean_version(advisories(doubtful, plain), "1.0", RELEASES) == Clean("1.1", sure=False)
    assert clean_version(advisories(doubtful, plain), "1.0", [*RELEASES, "1!0.1"]) == Clean("1.1", sure=False)
    assert clean_version(advisories(plain), "1.0", RELEASES) == Clean("1.1")
