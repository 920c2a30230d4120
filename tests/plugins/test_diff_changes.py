"""What changed between two reviews."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ihacpa_plugins.command.diff.changes import Kind, compare
from ihacpa_plugins.command.diff.output import as_json, as_text
from report_samples import failed, finding, outcome, review, source

from ihacpa_core import Outcome

HELD = {"reason": "not reachable", "expires": "2099-12-31", "by": "settings"}
UNRATED = {"rating": "UNKNOWN", "score": None, "vector": ""}


def changes(before: Outcome, after: Outcome) -> list[tuple[str, str, str]]:
    """Kind, id and reason of each change of a package."""
    found = compare(review(before), review(after))
    return [(str(each.kind), each.finding.id, each.why) for package in found for each in package.changes]


def test_the_same_review_twice_has_no_difference() -> None:
    """What did not change is not told."""
    run = review(outcome(4, "a", finding()), outcome(5, "b"))

    assert compare(run, run) == []
    assert as_text(run, run, []).endswith("no difference\n")


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({"severity": UNRATED}, {}, ("worse", "severity: UNKNOWN → HIGH 7.5")),
        ({}, {"severity": UNRATED}, ("better", "severity: HIGH 7.5 → UNKNOWN")),
        ({"verdict": "uncertain"}, {}, ("worse", "verdict: uncertain → affected")),
        ({}, {"known_exploited": True}, ("worse", "known exploited: no → yes")),
        ({}, {"exploits": ["EDB-1"]}, ("worse", "public exploit: no → yes")),
        ({}, {"malicious": True}, ("worse", "malicious: no → yes")),
        ({}, {"suppressed": HELD}, ("better", "suppression: not suppressed → suppressed")),
        ({"suppressed": HELD}, {}, ("worse", "suppression: suppressed → not suppressed")),
        (
            {"verdict": "uncertain"},
            {"severity": UNRATED},
            ("worse", "verdict: uncertain → affected; severity: HIGH 7.5 → UNKNOWN"),
        ),
    ],
)
def test_worse_and_better(before: dict[str, Any], after: dict[str, Any], wanted: tuple[str, str]) -> None:
    """A finding that is worse in any way is worse, whatever got better; the reason names both."""
    found = changes(outcome(4, "a", finding(**before)), outcome(4, "a", finding(**after)))

    assert found == [(wanted[0], "CVE-2024-1", wanted[1])]


def test_new_findings_say_why() -> None:
    """A new version, a new advisory, one that was ranged anew, or nobody looked before."""
    hit = finding()
    not_hit = finding(verdict="not_affected", why="outside")

    assert changes(outcome(4, "a"), outcome(4, "a", hit, version="2.0")) == [("new", "CVE-2024-1", "with 2.0")]
    assert changes(outcome(4, "a"), outcome(4, "a", hit)) == [("new", "CVE-2024-1", "a new advisory")]
    assert changes(outcome(4, "a", not_hit), outcome(4, "a", hit)) == [
        ("new", "CVE-2024-1", "what the advisories say of it changed")
    ]
    assert changes(failed(4, "a"), outcome(4, "a", hit)) == [("new", "CVE-2024-1", "it was not checked before")]


def test_a_finding_that_a_record_rules_out_is_fixed() -> None:
    """With the version that mends it, or a record that was withdrawn or ranged anew."""
    hit, mended = finding(), finding(verdict="not_affected", why="outside [1.0, 2.0)")

    assert changes(outcome(4, "a", hit), outcome(4, "a", mended, version="2.0")) == [
        ("fixed", "CVE-2024-1", "outside [1.0, 2.0)")
    ]
    assert changes(outcome(4, "a", hit), outcome(4, "a")) == [("fixed", "CVE-2024-1", "no advisory names it any more")]


@pytest.mark.parametrize(
    ("later", "why"),
    [
        ({"osv": source(state="failed", note="no database")}, "not checked: osv (no database)"),
        ({"osv": source(state="not configured")}, "not checked: osv was not asked"),
        ({"pypi": source()}, "not checked: osv was not asked"),
        (
            {"osv": source(complete_for=["PYSEC"])},
            "not checked: the advisories are not complete for GHSA any more",
        ),
    ],
)
def test_silence_mends_nothing(later: dict[str, Any], why: str) -> None:
    """A finding that the later review could not have seen is unknown, never fixed."""
    assert changes(outcome(4, "a", finding()), outcome(4, "a", sources=later)) == [("unknown", "CVE-2024-1", why)]


def test_a_row_that_failed_mends_nothing() -> None:
    """The same for a row whose review failed."""
    assert changes(outcome(4, "a", finding()), failed(4, "a")) == [
        ("unknown", "CVE-2024-1", "not checked: FAILED - it broke")
    ]


def test_findings_are_paired_by_any_of_their_ids() -> None:
    """A record that got a CVE number since is the same finding."""
    before = outcome(4, "a", finding("GHSA-aaaa", "PYSEC-2024-1"))
    after = outcome(4, "a", finding("CVE-2024-1", "GHSA-aaaa"))

    assert changes(before, after) == []


def test_packages_are_paired_by_name_and_place() -> None:
    """Rows that moved or are spelt otherwise are the same; a package twice is two."""
    before = review(outcome(4, "Thing", version="1.0"), outcome(5, "other"), outcome(6, "thing", version="3.0"))
    after = review(outcome(9, "thing", version="2.0"), outcome(10, "THING", version="3.0"), outcome(11, "more"))

    found = [(each.row.name, each.versions) for each in compare(before, after)]

    assert found == [("thing", ("1.0", "2.0")), ("more", ("", "1.0")), ("other", ("1.0", ""))]


def test_what_a_partial_run_lacks_is_not_fixed() -> None:
    """A later run over some rows says nothing about the others; one over the whole sheet does."""
    before = review(outcome(4, "a", finding()), outcome(5, "b"))

    part = compare(before, review(outcome(5, "b"), whole=False))
    whole = compare(before, review(outcome(5, "b")))

    assert [change.kind for change in part[0].changes] == [Kind.UNKNOWN]
    assert [(change.kind, change.why) for change in whole[0].changes] == [
        (Kind.FIXED, "the package is not in the sheet any more")
    ]


def test_the_text_tells_all_of_it() -> None:
    """Findings by kind, recommendations that changed, packages that came and went; no terminal sequence."""
    before = review(outcome(4, "a", finding()), outcome(5, "gone"), outcome(6, "same"), run_id="one")
    after = review(
        outcome(4, "a", finding(verdict="not_affected", why="outside"), version="2.0", code="UPDATE"),
        outcome(5, "added\x1b", finding("CVE-2024-2")),
        outcome(6, "same"),
        run_id="two",
    )

    assert as_text(before, after, compare(before, after)).splitlines() == [
        "from  one  2026-01-02 03:04 UTC  osv of 2026-07-23",
        "to    two  2026-01-02 03:04 UTC  osv of 2026-07-23",
        "",
        "1 new finding",
        "  added� 1.0  CVE-2024-2 (HIGH 7.5): the package is not in the earlier run",
        "",
        "1 fixed finding",
        "  a 1.0 → 2.0  CVE-2024-1 (HIGH 7.5): outside",
        "",
        "1 recommendation changed",
        "  a 1.0 → 2.0  SECURITY RISK → UPDATE",
        "",
        "1 package added",
        "  added� 1.0  SECURITY RISK",
        "",
        "1 package gone",
        "  gone 1.0  PROCEED",
    ]


def test_the_json_has_a_schema() -> None:
    """A document with both runs, numbers by kind, and each package that differs."""
    before, after = review(outcome(4, "a")), review(outcome(4, "a", finding(), version="1.5"))

    told = json.loads(as_json(before, after, compare(before, after)))

    assert (told["schema"], told["kind"]) == (1, "ihacpa-diff")
    assert told["summary"] == {"new": 1, "worse": 0, "better": 0, "fixed": 0, "unknown": 0}
    (package,) = told["packages"]
    assert package["versions"] == ["1.0", "1.5"] and package["recommendations"] == ["PROCEED", "SECURITY RISK"]
    assert package["findings"][0]["kind"] == "new" and package["findings"][0]["id"] == "CVE-2024-1"
