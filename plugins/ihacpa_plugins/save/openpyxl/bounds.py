"""What openpyxl may be given to load. It makes an object for every cell, row and format, for every cell that a merged
range or a link covers, and all of them again for each reference to a part: a kilobyte can ask for billions of objects.

So a workbook is read once as a stream, and its objects are counted before openpyxl makes them.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from ihacpa_core import WorkbookError

MAX_OBJECTS: Final = 3_000_000
"""Cells, rows, formats and the like, 0.4 to 0.5 KB each. 100,000 reviewed rows have 2.4 million."""
MAX_XML: Final = 256 << 20
"""Inflated bytes of all XML parts. 100,000 reviewed rows have 0.16 GB."""
MAX_BYTES: Final = 768 << 20
"""Inflated bytes of all parts: pictures and macros are kept in memory as well."""
MAX_TRANSLATED: Final = 20_000_000
"""Characters of formulas that share another cell's text: openpyxl reads it and writes it out for each of them."""
MAX_TOKEN: Final = 1 << 20
"""Bytes of one tag."""
MAX_NAMES: Final = 20_000
"""Different names of elements and attributes in a part."""

_CHUNK: Final = 1 << 16
_M: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_CELL, _FORMULA = f"{_M}c", f"{_M}f"
_FREE: Final = frozenset(f"{_M}{tag}" for tag in ("v", "t", "is", "si", "r", "rPr"))
"""Kept as a part of a cell or of a text, whose bytes count."""
_COVERING: Final = ("mergeCell", "hyperlink", "comment")
"""Of these openpyxl makes every cell that `ref` covers; it looks at their local names alone."""
_RANGE: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Za-z]{1,3})\$?([0-9]{1,7}))?", re.ASCII)


def check_bounds(source: Path) -> None:
    """See whether openpyxl can load `source` in bounded memory. The file is only read, and never held whole.

    :raises WorkbookError: it cannot, or the file is damaged.
    :raises OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            # `zipfile` unpacks no more of a part than its directory says, so that the directory can be trusted.
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise _too_large(source.name, f"its parts unpack to more than {MAX_BYTES >> 20:,} MB")
            census = _Census(source.name)
            for info in archive.infolist():
                _count_part(archive, info, census)
            census.check_references()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WorkbookError(
            f"openpyxl cannot load {source.name}", why=f"it is damaged: {error}", hint="take an older copy of it"
        ) from error


def _count_part(archive: zipfile.ZipFile, info: zipfile.ZipInfo, census: _Census) -> None:
    parser = census.parser(info.filename)
    fed = 0
    with archive.open(info) as stream:
        while chunk := stream.read(_CHUNK):
            try:
                parser.Parse(chunk, False)
            except expat.ExpatError:
                return  # a picture, or damage: openpyxl's parser is the same and ends where this one does
            fed += len(chunk)
            census.check(fed)


class _Census:
    """Counts what openpyxl would make from the parts of a workbook."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._part = ""
        self._parser = expat.ParserCreate()
        self._objects = 0
        self._before: Counter[str] = Counter()
        self._references: Counter[str] = Counter()
        self._sheets: Counter[str] = Counter()
        self._xml = self._fed = 0
        self._translated = 0
        self._masters: dict[str, int] = {}
        self._master = ""

    def parser(self, part: str) -> expat.XMLParserType:
        """A parser for the next part."""
        self._end_part()
        self._part = part
        self._masters = {}
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        return self._parser

    def check(self, fed: int) -> None:
        """Called once a chunk, when `fed` bytes of the part are parsed.

        :raises WorkbookError: a bound is broken.
        """
        self._fed = fed
        if self._objects > MAX_OBJECTS:
            raise _too_large(self._name, f"{self._part} asks for more than {MAX_OBJECTS:,} cells and formats")
        if self._xml + fed > MAX_XML:
            raise _too_large(self._name, f"its XML parts unpack to more than {MAX_XML >> 20:,} MB")
        if self._translated > MAX_TRANSLATED:
            why = f"the shared formulas of {self._part} spell out to more than {MAX_TRANSLATED:,} characters"
            raise _too_large(self._name, why)
        if fed - self._parser.CurrentByteIndex > MAX_TOKEN or len(self._parser.intern) > MAX_NAMES:
            raise _too_large(self._name, f"{self._part} is not what a spreadsheet program writes")

    def check_references(self) -> None:
        """A part is loaded once for each reference to it.

        :raises WorkbookError: they are too many.
        """
        self._end_part()
        total = sum(count * max(1, self._references[part]) for part, count in self._before.items())
        if total > MAX_OBJECTS or max(self._sheets.values(), default=1) > 1:
            why = f"its sheets and their parts ask for more than {MAX_OBJECTS:,} cells and formats, or for some twice"
            raise _too_large(self._name, why)

    def _end_part(self) -> None:
        self._before[self._part.casefold()] += self._objects
        self._xml, self._fed, self._objects = self._xml + self._fed, 0, 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _CELL:
            self._objects += 1
        elif name == _FORMULA:
            if attributes.get("t") == "shared":
                self._shared(attributes.get("si", ""))
        elif name not in _FREE:
            self._objects += 1
            self._start_rare(name, attributes)

    def _start_rare(self, name: str, attributes: dict[str, str]) -> None:
        if name.endswith(_COVERING):
            self._objects += _area(attributes.get("ref", ""))
        elif name.endswith("Relationship"):
            self._references[_resolved(self._part, attributes.get("Target", ""))] += 1
        elif name == f"{_M}sheet":
            self._sheets.update(value for key, value in attributes.items() if key.endswith(" id"))

    def _shared(self, index: str) -> None:
        """The first formula with an index is the master, whose text the others get."""
        if index in self._masters:
            self._translated += self._masters[index]
            return
        self._masters[index], self._master = 0, index
        self._parser.CharacterDataHandler = self._measure
        self._parser.EndElementHandler = self._end_of_master

    def _measure(self, text: str) -> None:
        self._masters[self._master] += len(text)
        self._translated += len(text)

    def _end_of_master(self, _name: str) -> None:
        self._parser.CharacterDataHandler = None
        self._parser.EndElementHandler = None

    def _refuse_doctype(self, *_: Any) -> None:
        raise WorkbookError(
            f"openpyxl cannot load {self._name}",
            why=f"its part {self._part} has a DOCTYPE, which no workbook has",
            hint="open it in Excel and save it once, or take an older copy of it",
        )


def _area(ref: str) -> int:
    """How many cells a range has; more than any sheet may have if it is none that programs write."""
    match = _RANGE.fullmatch(ref)
    if match is None:
        return MAX_OBJECTS + 1 if ":" in ref else 1
    left, top, right, bottom = match[1], match[2], match[3] or match[1], match[4] or match[2]
    return (abs(_column(right) - _column(left)) + 1) * (abs(int(bottom) - int(top)) + 1)


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _resolved(rels: str, target: str) -> str:
    """The part that a relationship of the part `rels` leads to."""
    if target.startswith("/"):
        return target[1:].casefold()
    folder = posixpath.dirname(posixpath.dirname(rels))
    return posixpath.normpath(posixpath.join(folder, target)).casefold()


def _too_large(name: str, why: str) -> WorkbookError:
    return WorkbookError(
        f"{name} is too large for openpyxl",
        why=why,
        hint='is it the file that you meant? save = "patch" does not hold all of it in memory',
    )
