"""Which colours cells have: fill and font, as far as they are written as plain colours.

Read by expat alone, as everything else here. A colour of the theme, an indexed one, a pattern or a gradient is none of
`PALETTE`, so it is enough to know that it is not plain. ECMA-376 part 1: 18.8.21 (fill), 18.8.22 (font), 18.8.10
(cellXfs).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

from ihacpa_core.records import CellStyle
from ihacpa_core.workbook.book import Book, read_book
from ihacpa_core.workbook.formats import MAX_FORMATS
from ihacpa_core.workbook.package import Package, Source
from ihacpa_core.workbook.refs import column_index, column_letter, split_ref
from ihacpa_core.workbook.styles import PALETTE, Look
from ihacpa_core.workbook.xmlstream import damaged, main_names, parse

T = TypeVar("T")

_NAMES = main_names(
    "fonts", "font", "fills", "fill", "patternFill", "fgColor", "color", "cellXfs", "xf", "c", "row", "sheetData"
)


def read_colours(source: Source, sheet: str | None, wanted: Set[str]) -> dict[str, CellStyle | None]:
    """What the colours of the cells in `wanted` ("B7") mean: one of the styles, or None for any other look.

    A cell that does not say where it is stands after the one before it.

    :raises WorkbookError: the file cannot be read, lacks the sheet, or is damaged.
    """
    with Package(source) as package:
        book = read_book(package)
        meanings = _meanings(package, book)
        listener = _CellListener(meanings, dict.fromkeys(wanted))
        part = book.sheet(sheet).part
        try:
            with closing(package.chunks(part)) as chunks:
                for _ in parse(chunks, listener, book=book.name, part=part):
                    if listener.finished:
                        break
        except ValueError as error:  # a reference that is none, or a column beyond XFD
            raise damaged(book.name, f"{part}: {error}") from error
    return listener.found


def _meanings(package: Package, book: Book) -> list[CellStyle | None]:
    """What each cell format of the workbook means, in their order."""
    if book.styles_part is None:
        return []
    listener = _StyleListener()
    for _ in parse(package.chunks(book.styles_part), listener, book=book.name, part=book.styles_part):
        if max(len(listener.formats), len(listener.fills), len(listener.fonts)) > MAX_FORMATS:
            raise damaged(book.name, f"more than {MAX_FORMATS:,} cell formats")
    meaning_of = {look: style for style, look in PALETTE.items()}
    return [meaning_of.get(Look(*listener.look(fill, font))) for fill, font in listener.formats]


@dataclass(slots=True)
class _StyleListener:
    """Gathers fills, fonts and cell formats; a colour that is not plain is empty."""

    fills: list[str] = field(default_factory=list)
    fonts: list[str] = field(default_factory=list)
    formats: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[str] = field(default_factory=list)
    depth: int = 0
    _inside: str = ""
    _solid: bool = False

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        tag = _NAMES.get(name)
        if tag in ("fonts", "fills", "cellXfs"):
            self._inside = tag
        elif tag == "fill" and self._inside == "fills":
            self.fills.append("")
        elif tag == "font" and self._inside == "fonts":
            self.fonts.append("")
        elif tag == "patternFill":
            self._solid = attrs.get("patternType") == "solid"
        elif tag == "fgColor" and self._inside == "fills" and self.fills and self._solid:
            self.fills[-1] = _plain(attrs)
        elif tag == "color" and self._inside == "fonts" and self.fonts:
            self.fonts[-1] = _plain(attrs)
        elif tag == "xf" and self._inside == "cellXfs":
            self.formats.append((attrs.get("fillId", "0"), attrs.get("fontId", "0")))

    def end(self, name: str) -> None:
        self.depth -= 1
        if _NAMES.get(name) == self._inside:
            self._inside = ""

    def look(self, fill: str, font: str) -> tuple[str, str]:
        """The two colours that a cell format names by number."""
        return _at(self.fills, fill, ""), _at(self.fonts, font, "")


@dataclass(slots=True)
class _CellListener:
    """Hears a worksheet part, and keeps for each cell in `found` what its format means."""

    meanings: list[CellStyle | None]
    found: dict[str, CellStyle | None]
    chunks: list[str] = field(default_factory=list)
    depth: int = 0
    finished: bool = False
    _row: int = 0
    _column: int = 0

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        tag = _NAMES.get(name)
        if tag == "row":
            self._row, self._column = _number(attrs.get("r", ""), self._row + 1), 0
        elif tag == "c":
            ref = attrs.get("r") or f"{column_letter(self._column + 1)}{self._row}"
            self._column = column_index(split_ref(ref)[0])
            if ref in self.found:
                self.found[ref] = _at(self.meanings, attrs.get("s", "0"), None)

    def end(self, name: str) -> None:
        self.depth -= 1
        self.chunks.clear()
        if _NAMES.get(name) == "sheetData":
            self.finished = True


def _plain(attrs: dict[str, str]) -> str:
    return attrs.get("rgb", "")[-6:].upper()


def _at(items: Sequence[T], number: str, otherwise: T) -> T:
    """The item at a place that a file names; what it cannot mean is `otherwise`."""
    place = _number(number, len(items))
    return items[place] if place < len(items) else otherwise


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise
