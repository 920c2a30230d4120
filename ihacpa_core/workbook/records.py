"""The records of a sheet: its header row, and every row below that has a key."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from ihacpa_core.errors import UsageError, WorkbookError
from ihacpa_core.records import CellValue, Headers, Record
from ihacpa_core.workbook.book import read_book
from ihacpa_core.workbook.package import Package, Source
from ihacpa_core.workbook.refs import INDEX_OF, column_index
from ihacpa_core.workbook.sheet_reader import CellContent, Row, package_rows

MAX_RECORDS = 250_000
"""Rows with a key. They are held in memory for the run: 250,000 of five cells are 0.3 GB."""
MAX_CELLS = 6_000_000
"""Cells of those rows: 250,000 rows of the founding workbook's 23 columns."""
_PREVIEW = 20
"""Rows from the top in which a header row is looked for when the one that was named has no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet as a run sees it when it starts.

    :param key: the letter of the key column.
    :param warnings: what a person should know before anything is written, a sentence each.
    """

    name: str
    headers: Headers
    key: str
    records: tuple[Record, ...]
    warnings: tuple[str, ...] = ()


def read_sheet(
    source: Source, *, name: str | None = None, header_row: int = 3, first_row: int | None = None, key: str = "B"
) -> Sheet:
    """The records of sheet `name` (default: the active one), from `first_row` (default: the row below the header).

    A row without a key is no record, wherever it is; a gap never ends the sheet. `key` is a header's text or a letter.

    :raises WorkbookError: the file cannot be read, lacks the sheet, has no text in its header row, or no column `key`.
    :raises UsageError: `first_row` is not below the header.
    """
    if first_row is not None and first_row <= header_row:
        raise UsageError(f"sheet.first_row {first_row} is not below sheet.header_row {header_row}")
    with Package(source) as package:
        book = read_book(package)
        info = book.sheet(name)
        layout = _Layout(f'{package.name}, sheet "{info.name}"', header_row, first_row or header_row + 1, key)
        with closing(package_rows(package, book, info.name)) as rows:
            top, row = _read_top(rows, layout)
            headers = _headers(top, layout)
            letter = _key_column(headers, layout)
            gathering = _Gathering(headers, letter, layout, list(_doubts(top, headers, layout)))
            for later in chain([row] if row else [], rows):
                gathering.take(later)
        return gathering.sheet(info.name)


def key_text(value: CellValue) -> str:
    """A key as it is compared and shown: without white space around it; a whole number without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value).strip()


@dataclass(frozen=True, slots=True)
class _Layout:
    where: str
    header_row: int
    first_row: int
    key: str


def _read_top(rows: Iterator[Row], layout: _Layout) -> tuple[list[Row], Row | None]:
    """The rows above the data, for the header or for telling where it could be, and the first row below them."""
    top: list[Row] = []
    for row in rows:
        if row.number > layout.header_row and any(seen.number == layout.header_row for seen in top):
            return top, row
        if row.number > max(layout.header_row, _PREVIEW):
            return top, row
        top.append(row)
    return top, None


def _headers(top: list[Row], layout: _Layout) -> Headers:
    for row in top:
        if row.number == layout.header_row:
            texts = _texts(row)
            if any(isinstance(content.value, str) and content.value.strip() for content in row.cells.values()):
                return Headers(texts)
    raise _no_header(top, layout)


def _texts(row: Row) -> dict[str, str]:
    columns = sorted(row.cells, key=column_index)
    texts = {letter: key_text(row.cells[letter].value) for letter in columns}
    return {letter: text for letter, text in texts.items() if text}


def _no_header(top: list[Row], layout: _Layout) -> WorkbookError:
    rows = {row.number: _texts(row) for row in top}
    found = rows.get(layout.header_row)
    stands = f"row {layout.header_row} holds {_listed(found)}" if found else f"row {layout.header_row} is empty"
    best = max(rows, key=lambda number: (len(rows[number]), -number), default=None)
    if best is None:
        hint = "choose another sheet with --sheet NAME"
    else:
        stands += f"; row {best} holds {_listed(rows[best])}"
        hint = f"if that is the header, set header_row = {best} under [sheet], or -o sheet.header_row={best}"
    return WorkbookError(f"{layout.where}: no header in row {layout.header_row}", why=stands, hint=hint)


def _doubts(top: list[Row], headers: Headers, layout: _Layout) -> Iterator[str]:
    """A row above the header that has as many texts as it is the header more likely than a title."""
    for row in top:
        texts = _texts(row)
        if row.number < layout.header_row and len(texts) >= max(len(headers.texts), 2):
            yield (
                f"row {row.number} looks like the header ({_listed(texts)}), but row {layout.header_row} was "
                f"taken; if that is wrong, set header_row = {row.number} under [sheet]"
            )
            return


def _listed(texts: dict[str, str]) -> str:
    shown = [f'{letter} "{text[:40]}"' for letter, text in list(texts.items())[:8]]
    return ", ".join(shown) + (f" and {len(texts) - 8} more" if len(texts) > 8 else "")


def _key_column(headers: Headers, layout: _Layout) -> str:
    letter = headers.letter(layout.key)
    try:
        if letter is not None and column_index(letter):
            return letter
    except ValueError:
        letter = None  # letters beyond XFD are no column
    raise _no_key(headers, layout)


def _no_key(headers: Headers, layout: _Layout) -> WorkbookError:
    close = difflib.get_close_matches(layout.key, list(headers.texts.values()), n=1, cutoff=0.5)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    return WorkbookError(
        f'{layout.where}: no key column "{layout.key}"',
        why=f"row {layout.header_row} holds {_listed(dict(headers.texts))}",
        hint=f'{hint}set key = "..." and header_row = N under [sheet]',
    )


@dataclass(slots=True)
class _Gathering:
    """Takes rows and makes records of those with a key."""

    headers: Headers
    key: str
    layout: _Layout
    warnings: list[str]
    records: list[Record] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    cells: int = 0
    uncalculated: list[int] = field(default_factory=list)
    below: int = 0

    def take(self, row: Row) -> None:
        if row.number < self.layout.first_row:
            return
        self.below += 1
        content = row.cells.get(self.key)
        key = key_text(content.value) if content else ""
        if key:
            self._add(key, row)
        elif content and content.formula and content.value is None:
            self.uncalculated.append(row.number)

    def _add(self, key: str, row: Row) -> None:
        self.seen[key] += 1
        self.cells += len(row.cells)
        self.records.append(
            Record(
                row=row.number,
                key=key,
                occurrence=self.seen[key],
                number=len(self.records) + 1,
                contents=_values(row.cells),
                formulas={letter: cell.formula for letter, cell in row.cells.items() if cell.formula},
                headers=self.headers,
            )
        )
        if len(self.records) > MAX_RECORDS or self.cells > MAX_CELLS:
            why = f"more than {MAX_RECORDS:,} rows with a key, or {MAX_CELLS:,} cells in them"
            raise WorkbookError(f"{self.layout.where} is too large", why=why, hint="split it into several workbooks")

    def sheet(self, name: str) -> Sheet:
        if not self.records and self.below and not self.uncalculated and self.key not in self.headers.texts:
            raise _no_key(self.headers, self.layout)
        return Sheet(
            name=name,
            headers=self.headers,
            key=self.key,
            records=tuple(self.records),
            warnings=(*self.warnings, *self._uncalculated()),
        )

    def _uncalculated(self) -> Iterator[str]:
        count = len(self.uncalculated)
        if count:
            rows = "1 row" if count == 1 else f"{count} rows"
            yield (
                f"{rows} skipped, the first is row {self.uncalculated[0]}: the key in column {self.key} is a formula "
                "without a calculated value; open the workbook in Excel and save it once"
            )


def _values(cells: dict[str, CellContent]) -> dict[str, CellValue]:
    return {letter: cell.value for letter, cell in sorted(cells.items(), key=_position) if cell.value is not None}


def _position(item: tuple[str, CellContent]) -> int:
    return INDEX_OF.get(item[0]) or column_index(item[0])
