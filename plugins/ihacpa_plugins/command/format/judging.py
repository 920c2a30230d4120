"""Which colour a cell of a reviewed row has to have, by its text alone.

Only what the review itself writes is judged: a person's own words, empty cells and formulas have any colour they like,
and so has a row that was not reviewed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date

from ihacpa_core import CellStyle, CellValue, Record, Sheet
from ihacpa_plugins.processor.package_review.answers import VIEWS, style_of
from ihacpa_plugins.processor.package_review.cells import NOT_AVAILABLE
from ihacpa_plugins.processor.package_review.columns import find_columns
from ihacpa_plugins.processor.package_review.reading import read_entry
from ihacpa_plugins.processor.package_review.recommend import STYLES
from ihacpa_plugins.processor.package_review.versions import is_newer

_RESULTS = ("VULNERABLE - ", "SAFE - ", "UNCERTAIN - ", "NOT CHECKED - ")
_LATEST = ("latest_version", "latest_link", "latest_date")
_READ_ONLY = ("index", "name", "version", "notes")
_GITHUB = "https://github.com/"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A cell whose colour does not match its text; `found` is None for a look that is none of the review's."""

    row: int
    column: str
    field: str
    value: CellValue
    found: CellStyle | None
    expected: CellStyle

    @property
    def ref(self) -> str:
        return f"{self.column}{self.row}"


def mismatches(
    sheet: Sheet, columns: Mapping[str, str], colours: Callable[[Set[str]], Mapping[str, CellStyle | None]]
) -> list[Mismatch]:
    """The cells of `sheet` that have another colour than their text asks for, row by row.

    :param columns: the review's setting ``columns``.
    :param colours: what the colours of cells mean, by their references.
    :raises WorkbookError: the sheet has no columns of names and versions.
    """
    letters = find_columns(sheet.headers, columns).letters
    written = {field: letter for field, letter in letters.items() if field not in _READ_ONLY}
    judged = [mismatch for record in sheet.records for mismatch in _judged(record, letters, written)]
    found = colours({each.ref for each in judged})
    named = [
        Mismatch(each.row, each.column, each.field, each.value, found.get(each.ref), each.expected) for each in judged
    ]
    return [each for each in named if each.found is not each.expected]


def _judged(record: Record, letters: Mapping[str, str], written: Mapping[str, str]) -> Iterator[Mismatch]:
    """Every cell of the row of which the text says what its colour is to be."""
    values = {field: record.contents.get(letter) for field, letter in written.items() if letter not in record.formulas}
    if not _is_reviewed(values):
        return
    entry = read_entry(record.contents.get(letters["name"]), record.contents.get(letters["version"]))
    newer = is_newer(str(values.get("latest_version", "")), entry.version)
    for field, value in values.items():
        expected = _expected(field, value, newer=newer, known="latest_version" in values)
        if expected is not None:
            yield Mismatch(record.row, written[field], field, value, None, expected)


def _is_reviewed(values: Mapping[str, CellValue]) -> bool:
    """Whether any result or the recommendation is in the review's words."""
    return any(
        _of_result(str(value)) if field in VIEWS else _of_recommendation(str(value))
        for field, value in values.items()
        if field in VIEWS or field == "recommendation"
    )


def _expected(field: str, value: CellValue, *, newer: bool, known: bool) -> CellStyle | None:
    """The colour for what stands in `field`; None if that is nobody's business."""
    if value is None or value == "":
        return None
    text = str(value)
    if field == "recommendation":
        return _of_recommendation(text)
    if field in VIEWS:
        return _of_result(text)
    if text == NOT_AVAILABLE.value:
        return NOT_AVAILABLE.style
    if text.startswith("NOT CHECKED - "):
        return style_of(text)
    if field in _LATEST:
        return (CellStyle.WARN if newer else CellStyle.INFO) if known else None
    if field.endswith("_link") or field == "github":
        return _of_link(field, text)
    if field == "date_published":
        return CellStyle.INFO if isinstance(value, date) else None
    return CellStyle.INFO


def _of_recommendation(text: str) -> CellStyle | None:
    return STYLES.get(text.partition(" - ")[0])


def _of_result(text: str) -> CellStyle | None:
    return style_of(text) if text.startswith(_RESULTS) or text == "None found" else None


def _of_link(field: str, text: str) -> CellStyle | None:
    if text == "n/a":
        return CellStyle.INFO
    if not text.startswith(("http://", "https://")):
        return None
    of_repository = field == "github" or (field == "github_advisory_link" and text.endswith("/security/advisories"))
    return CellStyle.ACCENT if of_repository and text.startswith(_GITHUB) else CellStyle.INFO
