"""The review's fields are found in a sheet by header, then by letter, and never over somebody else's column."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from ihacpa_plugins.processor.package_review import ReviewOptions
from ihacpa_plugins.processor.package_review.columns import FIELDS, find_columns

from ihacpa_core import Headers, WorkbookError

FOUNDING = (
    "#", "Package Name", "Version", "PyPi Links\n(installed version)", "Date Published", "Latest Version",
    "PyPi Links\n(latest version)", "Latest Version Release Date", "Requires", "Development Status", "GitHub URL",
    "GitHub Mirror Security Advisory Lookup URL", "GitHub Security Advisory Result", "Notes", "NIST NVD Lookup URL",
    "NIST NVD Lookup Result", "MITRE CVE Lookup URL", "MITRE CVE Lookup Result", "SNYK Vulnerability Lookup URL",
    "SNYK Vulnerability Lookup Result", "Exploit Database Lookup URL", "Exploit Database Lookup Result",
    "Recommendation",
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def headers(*texts: str) -> Headers:
    return Headers(dict(zip(LETTERS, texts, strict=False)))


def test_the_founding_layout() -> None:
    """Every field of the founding workbook is at its letter, without a word of warning."""
    layout = find_columns(headers(*FOUNDING), {})

    assert layout.letters == {field.name: field.letter for field in FIELDS}
    assert layout.warnings == ()
    assert layout.inputs == ("B", "C")
    assert set(layout.written) == set("DEFGHIJKLMOPQRSTUVW")


def test_columns_that_moved_are_followed() -> None:
    """A header's text counts more than its place, whatever its case and spacing."""
    texts = ["Owner", *FOUNDING[:-1], "  RECOMMENDATION ", "Manual Review"]
    layout = find_columns(headers(*texts), {})

    assert layout.letters["name"] == "C"
    assert layout.letters["recommendation"] == "X"
    assert "A" not in layout.letters.values()


def test_a_sheet_without_headers_is_read_by_letter() -> None:
    """Where the header row is empty, the founding letters hold."""
    assert find_columns(headers(), {}).letters == {field.name: field.letter for field in FIELDS}


def test_somebody_elses_column_is_never_written() -> None:
    """A header that says something else keeps its column; the field is left out, and that is told."""
    texts = [*FOUNDING]
    texts[19] = "Reviewed by Anna"

    layout = find_columns(headers(*texts), {})

    assert "snyk" not in layout.letters and "T" not in layout.written
    assert layout.warnings == (
        "the field snyk is left out: no header names it, and column T is headed 'Reviewed by Anna'",
    )


def test_vague_headers_count_at_their_place_only() -> None:
    """Under merged headings a column may just be called Result; over its founding letter that is enough."""
    texts = [*FOUNDING]
    texts[14:20] = ["Lookup URL", "Result", "Lookup URL", "Result", "Lookup URL", "Result"]

    layout = find_columns(headers(*texts), {})

    assert [layout.letters[name] for name in ("nvd", "mitre", "snyk")] == ["P", "R", "T"]


def test_columns_by_hand() -> None:
    """A field goes where the settings send it, by letter or header text, or nowhere."""
    layout = find_columns(headers(*FOUNDING, "My Verdict"), {"recommendation": "my verdict", "snyk": "", "nvd": "AB"})

    assert layout.letters["recommendation"] == "X"
    assert layout.letters["nvd"] == "AB"
    assert "snyk" not in layout.letters and layout.warnings == ()


@pytest.mark.parametrize(
    ("texts", "wanted", "told"),
    [
        (["Id", "Owner", "Version"], {}, "no column of package names: the headers are A 'Id', B 'Owner', C 'Version'"),
        (["#", "Package", "Owner"], {}, "no column of installed versions"),
        (["#", "Package", "Version"], {"name": ""}, "no column of package names"),
        (["#", "Package", "Version"], {"nvd": "no such header"}, "no column 'no such header' for the field nvd"),
        (["#", "Package", "Version"], {"nvd": "P", "snyk": "p"}, "the fields nvd and snyk were both sent to column P"),
    ],
)
def test_a_sheet_that_does_not_fit(texts: list[str], wanted: dict[str, str], told: str) -> None:
    """What cannot be placed is an error that names the headers and the setting."""
    with pytest.raises(WorkbookError) as error:
        find_columns(headers(*texts), wanted)

    assert told in str(error.value)
    assert "[processor.package-review.columns]" in error.value.hint


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"columns": {"recomendation": "W"}}, "'recomendation' (did you mean 'recommendation'?)"),
        ({"columns": {"zzz": "W"}}, "the fields are index, name, version"),
        ({"sources": ["osv", "osv"]}, "named twice: osv"),
        ({"concurrency": 65}, "concurrency"),
        ({"update_policy": "always"}, "always"),
    ],
)
def test_bad_options_are_refused(table: dict[str, Any], told: str) -> None:
    """A mistake in the settings says what there is instead."""
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(table, ReviewOptions)

    assert told in str(error.value)
