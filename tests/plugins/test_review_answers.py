"""The texts of the result columns say exactly what was found, and never "none" for want of asking."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ihacpa_plugins.processor.package_review.answers import VIEWS, result_text, style_of
from ihacpa_plugins.processor.package_review.reading import read_entry
from ihacpa_plugins.processor.package_review.review import Review
from review_samples import WHOLE, advisories, failed, finding, indexed, review

from ihacpa_core import AnswerState, CellStyle, Level, SourceAnswer, Verdict

BOTH = finding("CVE-2024-1", "GHSA-aaaa", "PYSEC-2024-1")
SAFE = finding("CVE-2023-9", "GHSA-zzzz", verdict=Verdict.NOT_AFFECTED)
ADVISED = ("github_advisory", "nvd", "mitre")


def texts(subject: Review, *fields: str) -> list[str]:
    return [result_text(field, subject) for field in fields]


def test_none_found() -> None:
    """A complete set without a record says so in all three views of it."""
    assert texts(review(), *ADVISED) == ["None found"] * 3


def test_safe() -> None:
    """Records that do not cover the installed version are counted."""
    subject = review(SAFE, finding("CVE-2022-1", verdict=Verdict.NOT_AFFECTED))

    assert texts(subject, "nvd", "mitre", "github_advisory") == [
        "SAFE - 2 known, 2.31.0 not affected",
        "SAFE - 2 known, 2.31.0 not affected",
        "SAFE - 1 known, 2.31.0 not affected",
    ]


def test_vulnerable_worst_first() -> None:
    """Those that affect are listed by severity with their rating; the fix is the version that mends them all."""
    subject = review(
        SAFE,
        finding("CVE-2020-2", level=None, score=None, fixed_in=("2.9.0",)),
        finding("CVE-2024-3", level=Level.LOW, score=3.1),
        finding("CVE-2019-4", level=Level.CRITICAL, score=9.8, fixed_in=("2.10.0", "3.0.0")),
        finding("CVE-2024-5", level=Level.HIGH, score=None),
    )

    assert result_text("nvd", subject) == (
        "VULNERABLE - 4 affect 2.31.0: CVE-2019-4 (CRITICAL 9.8), CVE-2024-5 (HIGH), CVE-2020-2 (UNKNOWN), "
        "CVE-2024-3 (LOW 3.1); fixed in 2.32.0"
    )


def test_each_column_shows_its_own_ids() -> None:
    """NVD and MITRE show CVE aliases, GitHub shows GHSA ids and what has neither."""
    subject = review(BOTH, finding("PYSEC-2024-7", level=None, score=None, fixed_in=()), finding("CVE-2024-8"))

    assert result_text("github_advisory", subject) == (
        "VULNERABLE - 2 affect 2.31.0: GHSA-aaaa (HIGH 7.5), PYSEC-2024-7 (UNKNOWN); "
        "fixed in 2.32.0, no fix named for 1"
    )
    assert result_text("mitre", subject) == (
        "VULNERABLE - 2 affect 2.31.0: CVE-2024-1 (HIGH 7.5), CVE-2024-8 (HIGH 7.5); fixed in 2.32.0"
    )


def test_no_fix() -> None:
    """Where no record names a fix, that is said; a later release may be clean all the same."""
    assert result_text("nvd", review(finding(fixed_in=()))) == (
        "VULNERABLE - 1 affect 2.31.0: CVE-2024-1 (HIGH 7.5); no fix named"
    )


def test_uncertain() -> None:
    """What nobody can decide is told with the reason, once if it is one; beside a sure finding it is added."""
    doubt = finding("CVE-2024-2", verdict=Verdict.UNCERTAIN, why="bound unreadable: 2.6.0-NA")

    other = finding("CVE-2024-3", verdict=Verdict.UNCERTAIN, why="record unreadable: CVE-2024-3")

    assert result_text("nvd", review(doubt)) == (
        "UNCERTAIN - 1 may affect 2.31.0 (bound unreadable: 2.6.0-NA): CVE-2024-2 (HIGH 7.5)"
    )
    assert result_text("nvd", review(doubt, other)) == (
        "UNCERTAIN - 2 may affect 2.31.0: CVE-2024-2 (HIGH 7.5; bound unreadable: 2.6.0-NA), "
        "CVE-2024-3 (HIGH 7.5; record unreadable: CVE-2024-3)"
    )
    assert result_text("nvd", review(doubt, BOTH)).endswith("; fixed in 2.32.0; 1 uncertain: CVE-2024-2")


@pytest.mark.parametrize(
    ("complete", "github", "others"),
    [
        (WHOLE, "None found", "None found"),
        (frozenset({"PYSEC"}), "NOT CHECKED - the advisory set is not complete for GHSA", "None found"),
        (frozenset({"GHSA"}), "None found", "None found"),
        (frozenset({"CVE"}), "NOT CHECKED - the advisory set is not complete for GHSA", "None found"),
        (
            frozenset({"MAL"}),
            "NOT CHECKED - the advisory set is not complete for GHSA",
            "NOT CHECKED - the advisory set is not complete for CVE, PYSEC or GHSA",
        ),
        (
            frozenset(),
            "NOT CHECKED - the advisory set is a partial sample",
            "NOT CHECKED - the advisory set is a partial sample",
        ),
    ],
)
def test_an_incomplete_set_never_says_none(complete: frozenset[str], github: str, others: str) -> None:
    """Silence counts only for the families of ids of which the set has every record; a find counts always."""
    assert texts(review(complete=complete), *ADVISED) == [github, others, others]
    assert texts(review(SAFE, complete=complete), "nvd")[0].startswith("SAFE" if others == "None found" else "NOT")
    assert result_text("nvd", review(BOTH, complete=complete)).startswith("VULNERABLE")


def test_a_failed_source_never_says_none() -> None:
    """A selected source that did not answer makes the column NOT CHECKED, also beside one that did."""
    alone = review(advisories={"osv": failed("osv", "database is locked")})
    beside = review(advisories={"osv": advisories(), "other": failed("other", "timed out")})
    hit = review(BOTH, advisories={"osv": advisories(BOTH), "other": failed("other")})

    assert result_text("nvd", alone) == "NOT CHECKED - osv: database is locked"
    assert result_text("nvd", beside) == "NOT CHECKED - other: timed out"
    assert result_text("nvd", hit).startswith("VULNERABLE")


def test_what_is_off_reads_not_configured() -> None:
    """Columns of sources that are not selected, or have no key, are not configured."""
    nothing = review(advisories={})
    keyless = review(advisories={"osv": SourceAnswer(source="osv", state=AnswerState.NOT_CONFIGURED)})

    assert texts(nothing, *VIEWS) == ["NOT CHECKED - not configured"] * 5
    assert texts(keyless, *VIEWS) == ["NOT CHECKED - not configured"] * 5
    assert texts(review(), "snyk", "exploitdb") == ["NOT CHECKED - not configured"] * 2


def test_a_version_that_is_none_is_never_safe() -> None:
    """For a version that cannot be compared, only what was found is said."""
    subject = review(SAFE, entry=read_entry("requests", "NEW"), index=indexed(None))

    assert result_text("nvd", subject) == "NOT CHECKED - 'NEW' is not a version"


def test_a_number_that_may_be_two_releases_is_not_safe() -> None:
    """1.1 may be a typed 1.10: not being affected is uncertain, having no record at all is not."""
    release = replace(review().release or pytest.fail("no release"), versions=("1.1", "1.10"))
    entry = read_entry("requests", 1.1)

    unsure = review(SAFE, entry=entry, index=indexed(release))

    assert result_text("nvd", unsure) == "UNCERTAIN - 1.1 was typed as a number and may mean 1.10"
    assert result_text("nvd", review(entry=entry, index=indexed(release))) == "None found"


def test_snyk_shows_its_own_findings() -> None:
    """A source with a database of its own has a column of its own."""
    own = finding("SNYK-PYTHON-1", "CVE-2024-77")
    sources = {"osv": advisories(), "snyk": advisories(own, complete=frozenset({"SNYK"}), source="snyk")}

    assert result_text("snyk", review(own, advisories=sources)).startswith(
        "VULNERABLE - 1 affect 2.31.0: SNYK-PYTHON-1 (HIGH 7.5)"
    )
    assert result_text("snyk", review(BOTH, advisories={**sources, "snyk": advisories(
        complete=frozenset({"SNYK"}), source="snyk")})) == "None found"  # fmt: skip
    assert result_text("snyk", review(advisories={"osv": advisories(), "snyk": failed("snyk", "no")})) == (
        "NOT CHECKED - snyk: no"
    )


def test_exploits_are_joined_to_findings() -> None:
    """Exploit-DB's column lists the findings for which there is an exploit."""
    edb = {"exploitdb": advisories(complete=frozenset({"EDB"}), source="exploitdb")}

    public = review(finding(exploits=("EDB-50000", "EDB-50001")), BOTH, enrichments=edb)

    assert result_text("exploitdb", public) == (
        "VULNERABLE - 1 affect 2.31.0: CVE-2024-1 (EDB-50000, EDB-50001); fixed in 2.32.0"
    )
    assert result_text("exploitdb", review(BOTH, enrichments=edb)) == "None found"
    assert result_text("exploitdb", review(BOTH, enrichments=edb, complete=frozenset())).startswith("NOT CHECKED")


def test_a_text_that_fits_into_a_cell() -> None:
    """However many findings there are, the cell can hold the text, and says how many it leaves out."""
    subject = review(*(finding(f"CVE-2024-{number:05}") for number in range(3000)))

    text = result_text("nvd", subject)

    assert len(text) <= 32_767
    listed = text.count("CVE-")
    assert text.startswith("VULNERABLE - 3000 affect") and f"… and {3000 - listed} more; fixed in 2.32.0" in text


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("None found", CellStyle.GOOD),
        ("SAFE - 1 known, 1.0 not affected", CellStyle.GOOD),
        ("VULNERABLE - 1 affect 1.0: x; no fix", CellStyle.BAD),
        ("UNCERTAIN - 1 may affect 1.0", CellStyle.WARN),
        ("NOT CHECKED - osv: no", CellStyle.WARN),
        ("NOT CHECKED - not configured", CellStyle.INFO),
    ],
)
def test_colours(text: str, style: CellStyle) -> None:
    """The colour follows from the text alone."""
    assert style_of(text) is style
