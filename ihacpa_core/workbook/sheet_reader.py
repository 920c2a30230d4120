"""Reading a worksheet as a stream of rows, by expat alone.

It is quick enough to be the only reader of a run, and it shares no code with any save backend, so that it can tell
whether what a backend wrote is what it was asked to write. Memory is bounded by the shared strings and one row.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Set
from contextlib import closing, suppress
from datetime import datetime
from typing import NamedTuple

from ihacpa_core.errors import WorkbookError
from ihacpa_core.records import CellValue
from ihacpa_core.workbook.book import Book, read_book
from ihacpa_core.workbook.formats import read_date_styles, to_date
from ihacpa_core.workbook.package import Package, Source
from ihacpa_core.workbook.refs import INDEX_OF, LETTER_OF, MAX_ROW, column_index, column_letter, split_ref
from ihacpa_core.workbook.strings import read_strings, unescape
from ihacpa_core.workbook.xmlstream import check_runs, damaged, main_names, parse

MAX_FORMULA = 8_192
"""Characters of a formula; Excel's own limit. A longer one is told by its "=" alone."""
MAX_MASTERS = 1 << 16
"""Shared formulas whose text is remembered for the cells that share it."""

_NAMES = main_names("sheetData", "row", "c", "v", "f", "t", "rPh")
_NO_ATTRS: dict[str, str] = {}


class CellContent(NamedTuple):
    """What a cell holds: its value, a formula's being the one last calculated, and the formula's text with its "=".

    A cell that shares another cell's formula has the text of that other cell, as it stands there.
    """

    value: CellValue
    formula: str | None = None


class Row(NamedTuple):
    """A row that holds something: its number, and column letter to content, empty cells left out."""

    number: int
    cells: dict[str, CellContent]


def iter_rows(source: Source, sheet: str | None = None) -> Generator[Row, None, None]:
    """The rows of a worksheet from top to bottom, read as they are asked for; by default of the active one.

    :raises WorkbookError: the file cannot be read, lacks the sheet, is damaged, or breaks a bound.
    """
    with Package(source) as package:
        yield from package_rows(package, read_book(package), sheet)


def package_rows(package: Package, book: Book, sheet: str | None = None) -> Generator[Row, None, None]:
    """As `iter_rows`, for a workbook that is open."""
    info = book.sheet(sheet)
    dates = read_date_styles(package, book)
    listener = _SheetListener(package, book, info.name, dates)
    with closing(package.chunks(info.part)) as chunks:
        for _ in parse(chunks, listener, book=package.name, part=info.part):
            check_runs(listener.runs, f"{package.name}: {info.part}")
            yield from listener.rows
            listener.rows.clear()
            if listener.finished:
                break


def read_cells(source: Source, sheet: str | None, wanted: Set[str]) -> dict[str, CellContent]:
    """The contents of the cells in `wanted` ("B7"), those that hold nothing left out.

    :raises WorkbookError: as `iter_rows`.
    :raises ValueError: `wanted` holds something that is no reference.
    """
    by_row: dict[int, list[tuple[str, str]]] = {}
    for ref in wanted:
        letter, row = split_ref(ref)
        by_row.setdefault(row, []).append((letter, ref))
    found: dict[str, CellContent] = {}
    last = max(by_row, default=0)
    with closing(iter_rows(source, sheet)) as rows:
        for number, cells in rows:
            if number > last:
                break
            for letter, ref in by_row.get(number, ()):
                if letter in cells:
                    found[ref] = cells[letter]
    return found


class _SheetListener:
    """Hears a worksheet part and gathers its rows. `start`, `end` and `_end_cell` are called for every cell."""

    __slots__ = (
        "_attrs", "_book", "_cells", "_column", "_dates", "_formula", "_formula_attrs", "_masters", "_package",
        "_phonetic", "_row", "_row_text", "_sheet", "_strings", "_text", "chunks", "depth", "finished", "rows", "runs",
    )  # fmt: skip

    def __init__(self, package: Package, book: Book, sheet: str, dates: dict[str, str]) -> None:
        self.rows: list[Row] = []
        self.chunks: list[str] = []
        self.depth = 0
        self.finished = False
        self._package = package
        self._book = book
        self._sheet = sheet
        self._dates = dates
        self._strings: list[str] = []
        self._masters: dict[str, str] = {}
        self._row = 0
        self._row_text = "0"
        self._column = 0
        self._cells: dict[str, CellContent] = {}
        self._attrs = _NO_ATTRS
        self._text: str | None = None
        self._formula: str | None = None
        self._formula_attrs = _NO_ATTRS
        self.runs: list[str] = []
        self._phonetic = False

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        tag = _NAMES.get(name)
        if tag == "c":
            self._attrs = attrs
            self._text = self._formula = None
        elif tag == "v" or tag == "t":
            self.chunks.clear()
        elif tag == "f":
            self.chunks.clear()
            self._formula_attrs = attrs
        elif tag == "row":
            self._start_row(attrs)
        elif tag == "rPh":
            self._phonetic = True

    def end(self, name: str) -> None:
        self.depth -= 1
        tag = _NAMES.get(name)
        if tag == "v":
            self._text = "".join(self.chunks)
        elif tag == "c":
            self._end_cell()
        elif tag == "t":
            if not self._phonetic:
                self.runs.append("".join(self.chunks))
        elif tag == "f":
            self._end_formula()
        elif tag == "row":
            if self._cells:
                self.rows.append(Row(self._row, self._cells))
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "sheetData":
            self.finished = True

    def _start_row(self, attrs: dict[str, str]) -> None:
        text = attrs.get("r")
        if text is None:
            row = self._row + 1
        elif text.isascii() and text.isdecimal() and len(text) < 20:
            row = int(text)
        else:
            raise self._damaged(f"a row is numbered {text[:20]!r}")
        if not self._row < row <= MAX_ROW:
            raise self._damaged(f"row {row} comes after row {self._row}, and a sheet ends at row {MAX_ROW:,}")
        self._row = row
        self._row_text = str(row)
        self._column = 0
        self._cells = {}

    def _end_cell(self) -> None:
        attrs = self._attrs
        ref = attrs.get("r")
        if ref is None:
            letter = self._next_letter()
        else:
            letter = ref.removesuffix(self._row_text)
            column = INDEX_OF.get(letter)
            if column is None:
                letter, column = self._far(ref)
            self._column = column
        text = self._text
        kind = attrs.get("t")
        value: CellValue
        if kind == "s":
            value = None if text is None else self._shared(text, letter)
        elif kind is None or kind == "n":
            value = None if not text else self._number(text, attrs.get("s"), letter)
        else:
            value = self._other(kind, text)
        if value is not None or self._formula is not None:
            self._cells[letter] = CellContent(value, self._formula)
        if self.runs:
            self.runs.clear()

    def _next_letter(self) -> str:
        self._column += 1
        try:
            return LETTER_OF.get(self._column) or column_letter(self._column)
        except ValueError as error:
            raise self._damaged(f"row {self._row}: {error}") from error

    def _far(self, ref: str) -> tuple[str, int]:
        try:
            letter, row = split_ref(ref)
        except ValueError as error:
            raise self._damaged(f"row {self._row}: {error}") from error
        if row != self._row:
            raise self._damaged(f"cell {ref} stands in row {self._row}")
        return letter, column_index(letter)

    def _shared(self, text: str, letter: str) -> str:
        try:
            index = int(text)
            if index >= 0:
                return self._strings[index]
        except (ValueError, IndexError):
            if not self._strings:  # they are read when the first cell asks for one
                self._strings = read_strings(self._package, self._book)
                if self._strings:
                    return self._shared(text, letter)
        count = len(self._strings)
        raise self._damaged(f"cell {letter}{self._row} asks for shared text {text[:20]!r}, and there are {count:,}")

    def _number(self, text: str, style: str | None, letter: str) -> CellValue:
        number = parse_number(text)
        if number is None:
            raise self._damaged(f"cell {letter}{self._row} holds {text[:20]!r} where a number should be")
        kind = self._dates.get(style) if style is not None else None
        if kind is None:
            return number
        return to_date(number, clock=kind == "datetime", date1904=self._book.date1904)

    def _other(self, kind: str, text: str | None) -> CellValue:
        if kind == "inlineStr":
            return unescape("".join(self.runs)) if self.runs else None
        if text is None:
            return None
        if kind == "b":
            return text.strip() in ("1", "true")
        if kind == "d":
            with suppress(ValueError):  # what is no date stays the text that it is
                return datetime.fromisoformat(text)
        return text if kind == "e" else unescape(text)

    def _end_formula(self) -> None:
        attrs = self._formula_attrs
        text = "".join(self.chunks)
        text = "=" + (text if len(text) <= MAX_FORMULA else "")
        shared = attrs.get("si") if attrs.get("t") == "shared" else None
        if shared is not None:
            if text == "=":
                text = self._masters.get(shared, text)
            elif len(self._masters) < MAX_MASTERS:
                self._masters[shared] = text
        self._formula = text

    def _damaged(self, why: str) -> WorkbookError:
        return damaged(self._book.name, f'sheet "{self._sheet}": {why}')


def parse_number(text: str) -> int | float | None:
    """A number as sheets write it: whole without a point or exponent; None for what is no finite number."""
    if text.isdecimal() and text.isascii() and len(text) <= 20:
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number) or "_" in text:
        return None
    digits = text.strip()
    return int(digits) if digits.lstrip("+-").isdecimal() and len(digits) <= 20 else number
