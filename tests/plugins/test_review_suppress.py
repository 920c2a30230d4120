"""Suppressions: which findings they hold back, until when, and where they are told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.processor.package_review.answers import result_text, style_of
from ihacpa_plugins.processor.package_review.detail import detail_of
from ihacpa_plugins.processor.package_review.held import HeldBack, noted
from ihacpa_plugins.processor.package_review.openvex import OpenVexFile, read_purl
from ihacpa_plugins.processor.package_review.options import ReviewOptions
from ihacpa_plugins.processor.package_review.reading import read_entry
from ihacpa_plugins.processor.package_review.recommend import RULES, Recommendation, UpdateRule, recommend
from ihacpa_plugins.processor.package_review.review import Review
from ihacpa_plugins.processor.package_review.rules import MEANINGS, rule_of
from ihacpa_plugins.processor.package_review.suppress import Suppressions, SuppressOptions, VexOptions
from review_samples import finding, review

from ihacpa_core import CellStyle, Level, UsageError, Verdict

TODAY = date(2026, 6, 1)
LATER, EARLIER = date(2026, 12, 31), date(2026, 5, 31)
ENTRY = read_entry("Requests", "2.31.0")
HIT = finding("CVE-2024-1", "GHSA-aaaa-bbbb-cccc", "PYSEC-2024-7")


def listed(name: str = "CVE-2024-1", expires: date = LATER, **more: str) -> SuppressOptions:
    return SuppressOptions(id=name, reason="  not\n reachable ", expires=expires, **more)


def held(*options: SuppressOptions, vex: tuple[VexOptions, ...] = (), folder: Path = Path()) -> HeldBack:
    made = HeldBack(ReviewOptions(suppress=options, vex=vex), folder, today=lambda: TODAY)
    made.open(lambda message: warnings.append(message))
    return made


warnings: list[str] = []


@pytest.fixture(autouse=True)
def _no_warnings() -> None:
    warnings.clear()


def advice(subject: Review) -> Recommendation:
    return noted(recommend(subject, UpdateRule()), subject)


@pytest.mark.parametrize(
    "name", ["CVE-2024-1", "cve-2024-1", "GHSA-aaaa-bbbb-cccc", "ghsa-AAAA-bbbb-cccc", "PYSEC-2024-7"]
)
def test_any_id_of_the_finding_will_do(name: str) -> None:
    """A suppression follows aliases, and capital letters do not matter."""
    found = Suppressions([listed(name)], today=TODAY).of(ENTRY, [HIT])

    assert set(found) == set(HIT.ids)
    assert found["CVE-2024-1"].reason == "not reachable"


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({"package": "requests"}, True),
        ({"package": "REQUESTS"}, True),
        ({"package": "urllib3"}, False),
        ({"version": "2.31.0"}, True),
        ({"version": "2.31"}, True),
        ({"version": "2.32"}, False),
        ({"version": "NEW"}, False),
    ],
)
def test_it_holds_where_it_says(more: dict[str, str], fits: bool) -> None:
    """In its package, under any spelling, and its version, however many noughts that has."""
    assert bool(Suppressions([listed(**more)], today=TODAY).of(ENTRY, [HIT])) is fits


@pytest.mark.parametrize(("expires", "holds"), [(TODAY, True), (LATER, True), (EARLIER, False)])
def test_its_last_day_counts(expires: date, holds: bool) -> None:
    """It holds on its last day, and on no later one; then it is told that it does not."""
    made = Suppressions([listed(expires=expires)], today=TODAY)

    assert bool(made.of(ENTRY, [HIT])) is holds
    assert bool(made.expired) is not holds


def test_what_does_not_affect_is_not_suppressed() -> None:
    """A finding that does not affect the version needs no reason to be left alone; an uncertain one does."""
    made = Suppressions([listed()], today=TODAY)

    assert not made.of(ENTRY, [replace(HIT, verdict=Verdict.NOT_AFFECTED)])
    assert made.of(ENTRY, [replace(HIT, verdict=Verdict.UNCERTAIN)])


def test_a_suppressed_finding_is_shown_and_does_not_count() -> None:
    """The column still says VULNERABLE and that it is suppressed; the recommendation goes on to the next rule."""
    subject = held(listed()).applied(review(HIT))

    text = result_text("nvd", subject)
    assert text == "VULNERABLE - 1 affect 2.31.0: CVE-2024-1 (HIGH 7.5, suppressed until 2026-12-31); fixed in 2.32.0"
    assert style_of(text) is CellStyle.BAD
    assert advice(subject).text == "PROCEED - 1 suppressed: CVE-2024-1 (not reachable, until 2026-12-31)"
    assert (advice(subject).level, advice(subject).code) == (Level.NONE, "PROCEED")


def test_other_findings_count_all_the_same() -> None:
    """One suppressed of two: the recommendation is about the other, and names the one at its end."""
    other = finding("CVE-2024-2", level=Level.LOW, score=2.0)
    subject = held(listed()).applied(review(HIT, other))

    assert advice(subject).text == (
        "SECURITY RISK - 1 affect 2.31.0, worst LOW 2.0, update to 2.32.4; "
        "1 suppressed: CVE-2024-1 (not reachable, until 2026-12-31)"
    )
    assert advice(subject).level is Level.LOW
    assert result_text("nvd", subject).startswith("VULNERABLE - 2 affect 2.31.0: ")


def test_an_uncertain_finding_can_be_suppressed() -> None:
    """It no longer asks for a person, and its cell still says UNCERTAIN."""
    doubt = replace(HIT, verdict=Verdict.UNCERTAIN, why="bound unreadable: 2-NA")
    subject = held(listed()).applied(review(doubt))

    assert result_text("nvd", subject).startswith("UNCERTAIN - 1 may affect 2.31.0")
    assert "suppressed until 2026-12-31" in result_text("nvd", subject)
    assert advice(subject).code == "PROCEED"


def test_without_suppressions_nothing_is_different() -> None:
    """A review that none of them is about is the same object, and its recommendation the same words."""
    plain = review(finding("CVE-2024-9"))

    assert held(listed()).applied(plain) is plain
    assert noted(recommend(plain, UpdateRule()), plain) == recommend(plain, UpdateRule())


def test_what_is_kept_for_reports_says_why() -> None:
    """Reason, last day and who says so are kept with the finding, and the rule that held."""
    subject = held(listed()).applied(review(HIT, finding("CVE-2024-2")))
    kept = detail_of(subject, advice(subject), rule_of(subject, UpdateRule()))

    assert kept["findings"][0]["suppressed"] == {"reason": "not reachable", "expires": "2026-12-31", "by": "settings"}
    assert kept["findings"][1]["suppressed"] is None
    assert kept["recommendation"]["rule"] == "affected"
    json.dumps(kept)


def test_the_end_of_the_run_lists_what_held() -> None:
    """Each suppressed finding with its reason and the packages in which it was held back."""
    made = held(listed(), listed("CVE-2024-8"))
    made.applied(review(HIT))
    made.applied(review(HIT, entry=read_entry("requests", "2.30.0")))

    assert made.notes == (
        "suppressed: CVE-2024-1 (not reachable, until 2026-12-31) in requests 2.31.0, requests 2.30.0",
    )


def test_expired_ones_are_warned_of() -> None:
    """What is over is told at the beginning, and holds nothing back."""
    made = held(listed(expires=EARLIER, package="requests"))

    assert warnings == [
        "the suppression of CVE-2024-1 in requests expired on 2026-05-31 and does not hold: not reachable"
    ]
    assert not made.applied(review(HIT)).suppressed


def test_every_rule_has_a_meaning() -> None:
    """The rules of the recommendation and their meanings are the same, in the same order."""
    assert [rule.__name__.strip("_") for rule in RULES] == list(MEANINGS)


# --- OpenVEX ----------------------------------------------------------------------------------------------------------


def vex(folder: Path, *statements: Any, expires: date = LATER, **document: Any) -> VexOptions:
    """A document with these statements."""
    content = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.com/vex",
        "author": "Example",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": list(statements),
        **document,
    }
    (folder / "vendor.json").write_text(json.dumps(content))
    return VexOptions(file="vendor.json", expires=expires)


def statement(status: str = "not_affected", product: str = "pkg:pypi/requests@2.31.0", **more: Any) -> dict[str, Any]:
    reason = {"justification": "vulnerable_code_not_in_execute_path"} if status == "not_affected" else {}
    return {
        "vulnerability": {"name": "CVE-2024-1"},
        "products": [{"@id": product}],
        "status": status,
        **reason,
        **more,
    }


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        (statement(), True),
        (statement("fixed"), True),
        (statement("affected"), False),
        (statement("under_investigation"), False),
        (statement(product="pkg:pypi/requests"), True),
        (statement(product="PKG:pypi/Requests@2.31.0?repository_url=x#y"), True),
        (statement(product="pkg:pypi/requests@2.30.0"), False),
        (statement(product="pkg:npm/requests@2.31.0"), False),
        (statement(products=[{"@id": "urn:x", "identifiers": {"purl": "pkg:pypi/requests"}}]), True),
        (statement(products=["pkg:pypi/requests@2.31.0"]), True),
        (statement(vulnerability="CVE-2024-1"), True),
        (statement(vulnerability={"name": "X-1", "aliases": ["PYSEC-2024-7"]}), True),
        (statement(vulnerability={"name": "CVE-2024-9"}), False),
        (statement(justification="", impact_statement="we do not call it"), True),
        (statement(justification=""), False),  # the format asks for a reason
        (statement("nonsense"), False),
    ],
)
def test_statements_of_openvex(tmp_path: Path, said: dict[str, Any], holds: bool) -> None:
    """Not affected and fixed hold for the product and version that they name, by any id of the finding."""
    made = held(vex=(vex(tmp_path, said),), folder=tmp_path)

    assert bool(made.applied(review(HIT)).suppressed) is holds


def test_the_latest_statement_counts(tmp_path: Path) -> None:
    """Who takes a statement back is believed; of two at one time, the later in the file."""
    early, late = {"timestamp": "2026-02-01T00:00:00Z"}, {"timestamp": "2026-03-01T00:00:00+01:00"}
    cases = [
        ((statement("affected", **late), statement(**early)), False),
        ((statement("affected", **early), statement(**late)), True),
        ((statement(), statement("affected")), False),
        ((statement("affected"), statement()), True),
        ((statement("affected", product="pkg:pypi/requests", **late), statement(**early)), False),
    ]
    for said, holds in cases:
        made = held(vex=(vex(tmp_path, *said),), folder=tmp_path)
        assert bool(made.applied(review(HIT)).suppressed) is holds


def test_a_document_is_relied_on_until_a_day(tmp_path: Path) -> None:
    """The format has no expiry, so the settings give it one; after it nothing of it holds."""
    made = held(vex=(vex(tmp_path, statement(), expires=EARLIER),), folder=tmp_path)

    assert warnings == ["the OpenVEX document vendor.json was to be relied on until 2026-05-31: it does not hold"]
    assert not made.applied(review(HIT)).suppressed


def test_who_says_so_is_told(tmp_path: Path) -> None:
    """The recommendation names the document and its reason."""
    subject = held(vex=(vex(tmp_path, statement()),), folder=tmp_path).applied(review(HIT))

    assert advice(subject).text == (
        "PROCEED - 1 suppressed: CVE-2024-1 (vulnerable_code_not_in_execute_path, says vendor.json, until 2026-12-31)"
    )


def test_what_is_not_used_is_counted(tmp_path: Path) -> None:
    """Statements about other products, or without what the format asks for, are told."""
    held(vex=(vex(tmp_path, statement(), statement(product="pkg:oci/app"), "x", {}, None),), folder=tmp_path)

    assert warnings == ["4 statements of vendor.json are about no package of Python, or give no reason"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"@context": "https://example.com", "statements": []}', "{}", "\x00"]
)
def test_what_is_no_openvex_document_is_refused(tmp_path: Path, content: str) -> None:
    """Before the first record, with the file's name and the setting that names it."""
    (tmp_path / "vendor.json").write_text(content)

    with pytest.raises(UsageError, match=r"vendor\.json"):
        held(vex=(VexOptions(file="vendor.json", expires=LATER),), folder=tmp_path)


def test_a_document_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The same for a file that is missing."""
    with pytest.raises(UsageError, match="cannot be read"):
        held(vex=(VexOptions(file="nowhere.json", expires=LATER),), folder=tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("vulnerability", "products", "status", "justification", "timestamp", "last_updated", "status_notes")


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), JSON | st.just("not_affected")) | JSON, max_size=4))
def test_no_document_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, statements: list[Any]) -> None:
    """Whatever stands in a statement, it is read or passed over."""
    folder = tmp_path_factory.mktemp("vex")
    options = vex(folder, *statements)

    read = OpenVexFile(folder / options.file, LATER)

    assert read.ignored + len(read.statements) >= len(statements)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("pkg:pypi/Django@4.2", ("django", "4.2")),
        ("pkg:pypi/zope.interface", ("zope-interface", "")),
        ("pkg:pypi/a@1%2Blocal", ("a", "1+local")),
        ("pkg:pypi/a@1!2.0?x=y#z", ("a", "1!2.0")),
        (" pkg:PyPI/a ", ("a", "")),
        ("pkg:pypi/", None),
        ("pkg:npm/a@1", None),
        ("a", None),
        ("", None),
    ],
)
def test_package_urls(text: str, wanted: tuple[str, str] | None) -> None:
    """Name in canonical form and version, percent signs decoded; nothing for products of other kinds."""
    assert read_purl(text) == wanted
