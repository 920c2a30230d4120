"""The recommendation: each rule, their order, and what counts for the exit code."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from ihacpa_plugins.processor.package_review.reading import read_entry
from ihacpa_plugins.processor.package_review.recommend import UpdateRule, recommend
from ihacpa_plugins.processor.package_review.review import Review
from review_samples import NEWER, RELEASE, WHOLE, advisories, failed, finding, indexed, review

from ihacpa_core import AnswerState, CellStyle, Level, SourceAnswer, Verdict

ANY = UpdateRule()
HIT = finding("CVE-2024-1", "GHSA-aaaa")
DOUBT = finding("CVE-2024-2", verdict=Verdict.UNCERTAIN, why="bound unreadable: 2.6.0-NA")
MALWARE = finding("MAL-2024-1", malicious=True, level=None, score=None)
YANKED = indexed(replace(NEWER, yanked=True, yanked_reason="broken\nbuild"))
GONE = indexed(replace(NEWER, installed_exists=False, installed_date=None))
DOWN = failed("pypi")


def numbered(cell: float, *versions: str, exists: bool = True) -> Review:
    release = replace(RELEASE, versions=versions, latest=versions[-1], installed_exists=exists)
    return review(entry=read_entry("requests", cell), index=indexed(release))


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        # 1: cannot be read, or is not known
        (review(entry=read_entry("", "1.0")), "MANUAL REVIEW - the package name is empty"),
        (review(entry=read_entry("my package", "1.0")), "MANUAL REVIEW - 'my package' is not a package name"),
        (review(entry=read_entry("requests", None)), "MANUAL REVIEW - the version is empty"),
        (review(entry=read_entry("requests", "NEW"), index=GONE), "MANUAL REVIEW - 'NEW' is not a version"),
        (review(index=indexed(None)), "MANUAL REVIEW - requests is not on the index"),
        (
            review(MALWARE, index=indexed(None)),
            "MANUAL REVIEW - requests is not on the index; known malicious (MAL-2024-1), worst UNKNOWN",
        ),
        # 2: malware
        (review(MALWARE, HIT), "SECURITY RISK - remove: known malicious (MAL-2024-1)"),
        # 3: a flaw
        (review(HIT), "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, update to 2.32.4"),
        (
            review(
                HIT,
                finding("CVE-2023-4863", level=Level.CRITICAL, score=9.6, known_exploited=True, epss=0.9971),
                finding("CVE-2020-1", level=None, score=None, exploits=("EDB-1",), epss=0.01),
            ),
            "SECURITY RISK - 3 affect 2.31.0, worst CRITICAL 9.6, 1 unrated, known exploited, exploit public, EPSS 1.00, update to 2.32.4",  # noqa: E501
        ),
        (
            review(HIT, advisories={"osv": advisories(HIT)}),
            "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, no fix",
        ),
        # a version to go to that somebody is not content with
        (
            review(HIT, advisories={"osv": advisories(HIT, clean_version="2.32.4", clean_version_sure=False)}),
            "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, update to 2.32.4 (may be affected as well)",
        ),
        (
            review(HIT, advisories={"osv": advisories(HIT, clean_version="2.32.4"), "snyk": advisories(HIT)}),
            "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, update to 2.32.4",
        ),
        (
            review(
                HIT,
                advisories={
                    "osv": advisories(HIT, clean_version="2.32.4"),
                    "snyk": advisories(replace(HIT, fixed_in=("2.33.0",))),
                },
            ),
            "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, update to 2.32.4 (may be affected as well)",
        ),
        # a chance that is next to none, and what is exploited although somebody has to look by hand
        (
            review(replace(HIT, epss=0.0004)),
            "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, EPSS <0.01, update to 2.32.4",
        ),
        (
            review(replace(HIT, known_exploited=True), index=indexed(None)),
            "MANUAL REVIEW - requests is not on the index; 1 affect it, worst HIGH 7.5, known exploited",
        ),
        (
            review(finding(level=None, score=None)),
            "SECURITY RISK - 1 affect 2.31.0, worst UNKNOWN, update to 2.32.4",
        ),
        (
            review(finding(level=None, score=None), finding("CVE-2024-3", level=Level.LOW, score=3.1)),
            "SECURITY RISK - 2 affect 2.31.0, worst LOW 3.1, 1 unrated, update to 2.32.4",
        ),
        (
            review(HIT, index=failed("pypi", "down"), advisories={"osv": advisories(HIT)}),
            "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, fixed in 2.32.0, not checked: pypi (down)",
        ),
        (
            review(HIT, DOUBT, index=YANKED),
            "SECURITY RISK - 1 affect 2.31.0, worst HIGH 7.5, update to 2.32.4, 1 more uncertain",
        ),
        (
            replace(numbered(1.1, "1.1", "1.10.0"), findings=(HIT,)),
            "SECURITY RISK - 1 affect 1.1, worst HIGH 7.5, no fix, 1.1 was typed as a number and may mean 1.10",
        ),
        # 4: not asked, or not sure
        (review(index=DOWN), "MANUAL REVIEW - not checked: pypi (the index answered 503, 4 tries)"),
        (
            review(advisories={"osv": failed("osv", "locked")}, index=indexed(NEWER)),
            "MANUAL REVIEW - not checked: osv (locked)",
        ),
        (review(DOUBT, index=YANKED), "MANUAL REVIEW - uncertain: CVE-2024-2 (bound unreadable: 2.6.0-NA)"),
        (
            review(enrichments={"kev": failed("kev", "no data")}, index=indexed(NEWER)),
            "MANUAL REVIEW - not checked: kev (no data)",
        ),
        (numbered(1.1, "1.1", "1.10"), "MANUAL REVIEW - 1.1 was typed as a number and may mean 1.10"),
        (numbered(1.1, "1.1", "1.10.0"), "MANUAL REVIEW - 1.1 was typed as a number and may mean 1.10"),
        (numbered(1.1, "1.10", exists=False), "MANUAL REVIEW - 1.1 was typed as a number and may mean 1.10"),
        # 5: yanked or gone
        (review(index=YANKED), "MANUAL REVIEW - 2.31.0 was yanked (broken build); the latest is 3.0.0"),
        (review(index=GONE), "MANUAL REVIEW - 2.31.0 is not on the index; the latest is 3.0.0"),
        (numbered(1.1, "1.2", exists=False), "MANUAL REVIEW - 1.1 is not on the index; the latest is 1.2"),
        # 6: an update
        (review(index=indexed(NEWER)), "UPDATE - 2.31.0 to 3.0.0 of 2025-01-02"),
        (
            review(index=indexed(NEWER), complete=frozenset()),
            "UPDATE - 2.31.0 to 3.0.0 of 2025-01-02; not checked for flaws: the advisory set is a partial sample",
        ),
        # 7: nothing against it
        (review(complete=frozenset()), "MANUAL REVIEW - not checked: the advisory set is a partial sample"),
        (review(), "PROCEED"),
        (
            review(complete=frozenset({"PYSEC"})),
            "MANUAL REVIEW - not checked: the advisory set is not complete for GHSA",
        ),
        (review(finding(verdict=Verdict.NOT_AFFECTED)), "PROCEED"),
        (numbered(1.1, "1.1"), "PROCEED"),
        (review(advisories={}), "PROCEED - not checked for flaws: no advisory source is configured"),
        (
            review(advisories={"osv": SourceAnswer(source="osv", state=AnswerState.NOT_CONFIGURED)}),
            "PROCEED - not checked for flaws: no advisory source is configured",
        ),
    ],
)
def test_rules(subject: Review, text: str) -> None:
    """The first rule that holds speaks, and names its reasons."""
    assert recommend(subject, ANY).text == text


@pytest.mark.parametrize(
    ("version", "latest", "policy", "wanted"),
    [
        ("2.31.0", "2.32.0", UpdateRule("any"), True),
        ("2.31.0", "2.32.0", UpdateRule("major"), False),
        ("2.31.0", "3.0.0", UpdateRule("major"), True),
        ("2.31.0", "1!0.1", UpdateRule("major"), True),
        ("2.31.0", "3.0.0", UpdateRule("never"), False),
        ("2.31.0", "3.0.0", UpdateRule("older_than_days", 365), True),
        ("2.31.0", "3.0.0", UpdateRule("older_than_days", 366), False),
        ("3.0.0rc1", "2.32.0", UpdateRule("any"), False),
        ("2.31.0", "2.31", UpdateRule("any"), False),
        ("2.9.0", "2.10.0", UpdateRule("any"), True),
    ],
)
def test_update_policies(version: str, latest: str, policy: UpdateRule, wanted: bool) -> None:
    """A newer release asks for an update as far as the policy wants it; a later pre-release is not outdated."""
    dates = {
        "installed_date": date(2024, 1, 1),
        "latest_date": date(2024, 12, 31) + (date(2025, 1, 2) - date(2025, 1, 1)),
    }
    release = replace(RELEASE, latest=latest, **dates)

    advice = recommend(review(entry=read_entry("requests", version), index=indexed(release)), policy)

    assert advice.code == ("UPDATE" if wanted else "PROCEED")


@pytest.mark.parametrize(
    ("subject", "level"),
    [
        (review(), Level.NONE),
        (review(finding(level=Level.LOW), HIT), Level.HIGH),
        (review(finding(level=None, score=None)), Level.MEDIUM),
        (review(finding(level=None, score=None), finding("CVE-2024-3", level=Level.LOW)), Level.MEDIUM),
        (review(finding(level=Level.NONE, score=0.0)), Level.NONE),
        (review(MALWARE), Level.CRITICAL),
        (review(MALWARE, index=indexed(None)), Level.CRITICAL),
        (review(DOUBT), Level.NONE),
    ],
)
def test_level(subject: Review, level: Level) -> None:
    """The level is the worst of what affects; unknown counts as MEDIUM, malware as CRITICAL."""
    assert recommend(subject, ANY).level is level


@pytest.mark.parametrize(
    ("subject", "unchecked"),
    [
        (review(), ()),
        (review(index=DOWN), ("pypi: the index answered 503, 4 tries",)),
        (review(HIT, index=DOWN), ("pypi: the index answered 503, 4 tries",)),
        (review(advisories={"osv": failed("osv", "locked")}), ("osv: locked",)),
        (review(complete=frozenset()), ("the advisory set is a partial sample",)),
        (review(HIT, complete=frozenset()), ()),
        (review(complete=frozenset({"PYSEC"})), ("the advisory set is not complete for GHSA",)),
        (review(advisories={}), ()),
        (review(index=indexed(None)), ()),
        (review(entry=read_entry("requests", "NEW"), index=GONE), ("'NEW' is not a version",)),
        (review(entry=read_entry("", "1"), index=GONE, complete=WHOLE), ("the package name is empty",)),
    ],
)
def test_unchecked(subject: Review, unchecked: tuple[str, ...]) -> None:
    """What could not be looked up keeps the row from being complete; what was switched off does not."""
    assert recommend(subject, ANY).unchecked == unchecked


def test_the_same_facts_give_the_same_words() -> None:
    """The order in which findings arrive changes nothing."""
    findings = [HIT, finding("CVE-2024-9", level=Level.LOW, score=1.0), finding("CVE-2022-1")]

    texts = {recommend(review(*order), ANY).text for order in (findings, findings[::-1])}

    assert len(texts) == 1


def test_styles() -> None:
    """Each word has its colour."""
    subjects = [review(HIT), review(index=indexed(NEWER)), review(index=DOWN), review()]

    styles = [recommend(subject, ANY).style for subject in subjects]

    assert styles == [CellStyle.BAD, CellStyle.WARN, CellStyle.WARN, CellStyle.GOOD]
