"""Counting a whole workbook: cells by what they hold, comments and controls by what they show, the rest as it is."""

from __future__ import annotations

import re
import zipfile
from typing import Final
from xml.parsers import expat

from ihacpa_plugins.save.openpyxl import reencodings as rules
from ihacpa_plugins.save.openpyxl.tally import Node, PartCounter, Tally, content_types, kind_of, parse, short

_M: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_ROW, _COL, _C, _V, _T, _F = (f"{_M}{tag}" for tag in ("row", "col", "c", "v", "t", "f"))
_RUN, _FURIGANA, _TEXT, _INLINE, _MERGE = (f"{_M}{tag}" for tag in ("r", "rPh", "si", "is", "mergeCell"))
_HOLDS: Final = {"n": "number", "b": "truth value", "e": "error", "d": "date"}
_ROW_MARKS: Final = ("hidden", "ht", "outlineLevel", "collapsed", "s")
_COLUMN_MARKS: Final = ("hidden", "width", "outlineLevel", "collapsed", "style")
# A switch that is off says what is so without it.
_OFF: Final = ("0", "false")
_SIZE: Final = re.compile(r"(?:^|;)\s*(width|height):\s*([\d.]+)pt")
_RANGE: Final = re.compile(r"([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)")


def count(archive: zipfile.ZipFile) -> Tally:
    """Count everything in `archive`."""
    tally, types = Tally(), content_types(archive)
    for name in archive.namelist():
        kind = kind_of(name, types)
        if name.endswith("/") or name == "[Content_Types].xml" or kind in rules.IGNORED_KINDS:
            continue
        if kind not in _COUNTED_BY_CONTENT:
            tally.root(kind).add(name)
        if name.lower().endswith((".xml", ".vml")):
            _count_part(tally, archive, kind, name)
    return tally


def _count_part(tally: Tally, archive: zipfile.ZipFile, kind: str, name: str) -> None:
    counter = _COUNTERS.get(kind, PartCounter)(tally, kind, name)
    try:
        with archive.open(name) as stream:
            parse(stream, counter.start, counter.end, counter.text)
    except expat.ExpatError:  # drawings in VML are often no XML; what cannot be read may hold anything
        tally.root(kind).child("unreadable").add(name)


class _SheetCounter(PartCounter):
    """Counts a worksheet. Where a text stands, in its cell or in the list of shared ones, makes no difference."""

    def __init__(self, tally: Tally, kind: str, part: str) -> None:
        super().__init__(tally, kind, part)
        self._cells = tally.root("cells")
        self._cell: dict[str, str] | None = None
        self._element = ""
        self._formula: Node | None = None
        self._filled = False
        self._texts = _StringsCounter(tally, kind, part)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._cell is not None:
            self._start_in_cell(name, attributes)
        elif name == _C:
            self._cell, self._element, self._formula, self._filled = attributes, "", None, False
        elif name == _ROW:
            self._count_marks("row", attributes, _ROW_MARKS, 1)
        elif name == _COL:
            columns = int(attributes.get("max", 1)) - int(attributes.get("min", 1)) + 1
            self._count_marks("column", attributes, _COLUMN_MARKS, columns)
        else:
            if name == _MERGE:
                self.tally.covered += _covered(attributes.get("ref", ""))
            super().start(name, attributes)

    def end(self, name: str) -> None:
        if self._cell is None:
            if name not in (_ROW, _COL):
                super().end(name)
        elif name == _C:
            self._end_cell(self._cell)
            self._cell = None

    def text(self, data: str) -> None:
        if self._cell is None:
            super().text(data)
        elif self._element in (_V, _T):
            self._filled = True

    def _start_in_cell(self, name: str, attributes: dict[str, str]) -> None:
        self._element = name
        if name == _F:
            # A shared formula is written out for each cell; an array's or a data table's is one for many.
            kind = attributes.get("t", "normal")
            self._formula = self._cells.child("formula" if kind in ("normal", "shared") else f"{kind} formula")
        elif name in (_INLINE, _RUN, _FURIGANA):
            self._texts.start(_TEXT if name == _INLINE else name, attributes)

    def _end_cell(self, attributes: dict[str, str]) -> None:
        if self._formula is not None:
            self._formula.add(self.part)
            if self._filled:
                self._cells.child("cached value").add(self.part)
        elif self._filled:
            self._cells.child(_HOLDS.get(attributes.get("t", "n"), "text")).add(self.part)
        elif attributes.get("s", "0") != "0":
            self._cells.child("styled").add(self.part)
        for mark in ("cm", "vm"):
            if mark in attributes:
                self._cells.child(mark).add(self.part)

    def _count_marks(self, what: str, attributes: dict[str, str], marks: tuple[str, ...], times: int) -> None:
        for mark in marks:
            if attributes.get(mark, "0") not in _OFF:
                self._cells.child(f"{what} {mark}").add(self.part, times)


def _covered(merged: str) -> int:
    """How many cells of a merged range are hidden under its first."""
    match = _RANGE.fullmatch(merged)
    if match is None:
        return 0
    left, top, right, bottom = match.groups()
    return (_column(right) - _column(left) + 1) * (int(bottom) - int(top) + 1) - 1


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


class _StringsCounter(PartCounter):
    """Counts texts with several formats, and furigana; the texts themselves are counted where their cells are."""

    _plain = True

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _TEXT:
            self._plain = True
        elif name == _RUN and self._plain:
            self._plain = False
            self.tally.root("texts").child("rich").add(self.part)
        elif name == _FURIGANA:
            self.tally.root("texts").child("furigana").add(self.part)

    def end(self, name: str) -> None:
        """Nothing ends that was begun."""

    def text(self, data: str) -> None:
        """The text of a cell."""


class _CommentsCounter(PartCounter):
    """Counts comments, and those with several formats; one format for all of a comment is what openpyxl writes."""

    _runs = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = short(name)
        if tag == "comment":
            self._runs = 0
            self._stack[0].child("comment").add(self.part)
        elif tag == "r":
            self._runs += 1
            if self._runs == 2:
                self._stack[0].child("rich comment").add(self.part)

    def end(self, name: str) -> None:
        """Nothing ends that was begun."""

    def text(self, data: str) -> None:
        """The text of a comment."""


class _VmlCounter(PartCounter):
    """Counts what old drawings show: boxes of comments that are not as usual, form controls, header pictures."""

    _style = ""
    _object = ""
    _shown = False
    _picture = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = short(name)
        if tag in ("v:shape", "v:rect"):
            self._style, self._object = attributes.get("style", ""), ""
            self._shown = self._picture = False
        elif tag == "x:ClientData":
            self._object = attributes.get("ObjectType", "")
        elif tag == "x:Visible":
            self._shown = True
        elif tag == "v:imagedata":
            self._picture = True

    def end(self, name: str) -> None:
        if short(name) not in ("v:shape", "v:rect"):
            return
        root = self.tally.root("vml")
        if self._object == "Note":
            if self._shown:
                root.child("shown comment").add(self.part)
            if not _is_usual(dict(_SIZE.findall(self._style))):
                root.child("comment box").add(self.part)
        elif self._object:
            root.child("control").add(self.part)
        elif self._picture:
            root.child("header picture").add(self.part)

    def text(self, data: str) -> None:
        """The caption of a control."""


def _is_usual(size: dict[str, str]) -> bool:
    """Whether a comment's box has a size that a program gives it by itself; `size` in points, as far as it is told."""
    width, height, near = float(size.get("width", 96)), float(size.get("height", 55.5)), rules.COMMENT_BOX_TOLERANCE
    return any(abs(width - w) <= near and abs(height - h) <= near for w, h in rules.COMMENT_BOX_SIZES)


class _PropertiesCounter(PartCounter):
    """Counts the properties of the document that hold something and that a person may have written."""

    def end(self, name: str) -> None:
        tag = short(name)
        if self._has_text and self.is_kept(tag):
            self.tally.root("properties").child(tag).add(self.part)
        self._has_text = False

    def is_kept(self, tag: str) -> bool:
        return tag not in rules.STAMPED_PROPERTIES

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._has_text = False


class _ProgramPropertiesCounter(_PropertiesCounter):
    """Counts those of the properties that the program writes for which a person is asked."""

    def is_kept(self, tag: str) -> bool:
        return tag in rules.DOCUMENT_PROPERTIES


_COUNTERS: Final[dict[str, type[PartCounter]]] = {
    "worksheet": _SheetCounter,
    "sharedStrings": _StringsCounter,
    "comments": _CommentsCounter,
    "vmlDrawing": _VmlCounter,
    "core-properties": _PropertiesCounter,
    "extended-properties": _ProgramPropertiesCounter,
}

_COUNTED_BY_CONTENT: Final = frozenset(
    {"sharedStrings", "vmlDrawing", "core-properties", "extended-properties", "custom-properties", "drawing"}
)
