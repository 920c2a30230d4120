"""A guess at how a sheet is laid out, for somebody who has not said so yet: the header's row and the key's column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from ihacpa_core.errors import WorkbookError
from ihacpa_core.records import Headers, fold
from ihacpa_core.workbook.book import Book, read_book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.records import key_text
from ihacpa_core.workbook.refs import column_index
from ihacpa_core.workbook.sheet_reader import Row, package_rows

_HEADER_WITHIN = 20
"""Rows from the top in which a header is looked for."""
_SAMPLE = 300
"""Rows that are looked at in all."""
_KEY_HEADERS = (
    "package name", "package", "packages", "library name", "library", "module", "distribution", "dependency",
    "component", "project", "name",
)  # fmt: skip
"""Headers of a column that names packages, the surest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found.

    :param sheets: how many worksheets there are; `active` tells whether `sheet` is the one that is shown on opening.
    :param letter: of the key column; `key` is its header, or the letter where the header would mean another column.
    :param sure: the key's header says what it is; otherwise the first column was taken whose values tell rows apart.
    """

    sheet: str
    sheets: int
    active: bool
    header_row: int
    headers: Headers
    letter: str
    key: str
    sure: bool


def survey(path: Path) -> Survey:
    """Look at the first rows of every worksheet, and say where the records most likely are.

    :raises WorkbookError: it cannot be read, or no worksheet has anything like a header.
    """
    with Package(path) as package:
        book = read_book(package)
        shown = book.sheet().name
        found = [_look(package, book, name, active=name == shown) for name in _in_order(book, shown)]
    surveys = [one for one in found if one is not None]
    if not surveys:
        why = f"no row of the first {_HEADER_WITHIN} holds texts that could be column headers"
        raise WorkbookError(f"{path.name} has no header", why=why, hint="give the columns headers, then look again")
    return next((one for one in surveys if one.sure), surveys[0])


def _in_order(book: Book, shown: str) -> list[str]:
    names = [sheet.name for sheet in book.sheets if sheet.kind == "worksheet" and sheet.visible]
    return [shown, *(name for name in names if name != shown)]


def _look(package: Package, book: Book, name: str, *, active: bool) -> Survey | None:
    with closing(package_rows(package, book, name)) as stream:
        rows = list(takewhile(lambda row: row.number <= _SAMPLE, stream))
    top = [row for row in rows if row.number <= _HEADER_WITHIN and _texts(row)]
    if not top:
        return None
    header = max(top, key=lambda row: (_rank(row), len(set(_texts(row).values())), -row.number))
    headers = Headers(_texts(header))
    letter = _key_by_header(headers)
    sure = letter is not None
    letter = letter or _key_by_values(headers, [row for row in rows if row.number > header.number])
    text = headers.texts[letter]
    return Survey(
        sheet=name,
        sheets=sum(sheet.kind == "worksheet" for sheet in book.sheets),
        active=active,
        header_row=header.number,
        headers=headers,
        letter=letter,
        key=text if headers.letter(text) == letter else letter,
        sure=sure,
    )


def _texts(row: Row) -> dict[str, str]:
    """The texts of a row by column; empty if it holds no more than a title could."""
    columns = sorted(row.cells, key=column_index)
    texts = {letter: row.cells[letter].value for letter in columns}
    return {letter: key_text(value) for letter, value in texts.items() if isinstance(value, str) and value.strip()}


def _rank(row: Row) -> int:
    """How surely a row has a header for packages: 0 if it has none."""
    return max((_surely(text) for text in _texts(row).values()), default=0)


def _surely(text: str) -> int:
    folded = fold(text).strip(":*#")
    return len(_KEY_HEADERS) - _KEY_HEADERS.index(folded) if folded in _KEY_HEADERS else 0


def _key_by_header(headers: Headers) -> str | None:
    best = max(headers.texts, key=lambda letter: _surely(headers.texts[letter]))
    return best if _surely(headers.texts[best]) else None


def _key_by_values(headers: Headers, below: Sequence[Row]) -> str:
    """The first column whose cells are filled and differ, texts before numbers; the first of all if none is."""
    telling = [letter for letter in headers.texts if _tells_apart(list(_values(below, letter)), len(below))]
    texts = [letter for letter in telling if any(not _is_number(value) for value in _values(below, letter))]
    return next(iter([*texts, *telling, *headers.texts]))


def _values(rows: Sequence[Row], letter: str) -> Iterator[str]:
    for row in rows:
        if letter in row.cells and (text := key_text(row.cells[letter].value)):
            yield text


def _tells_apart(values: Sequence[str], rows: int) -> bool:
    return bool(values) and len(values) >= 0.8 * rows and len(set(values)) >= 0.9 * len(values)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()
