"""The shared strings of a workbook, and the way in which texts are written in XML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ihacpa_core.workbook.book import Book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.xmlstream import check_runs, damaged, main_names, parse

MAX_STRINGS = 4_000_000
"""Shared strings of a workbook: about 60 bytes each before their text. 100,000 reviewed rows have a million."""
MAX_CHARACTERS = 200_000_000
"""Characters of all of them: twice what 100,000 reviewed rows have."""

_NAMES = main_names("si", "t", "rPh")
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


def unescape(text: str) -> str:
    """`text` with ``_xHHHH_`` decoded, Excel's way of writing what XML cannot hold (ECMA-376 part 1, 22.9.2.19)."""
    if "_x" not in text:
        return text
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    # Two escapes may be the halves of one character; half a character alone is none.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def read_strings(package: Package, book: Book) -> list[str]:
    """The shared strings in order: rich text joined, phonetic hints left out.

    :raises WorkbookError: the part cannot be read or breaks a bound.
    """
    if book.strings_part is None:
        return []
    listener = _StringListener()
    for _ in parse(package.chunks(book.strings_part), listener, book=book.name, part=book.strings_part):
        check_runs(listener.runs, f"{book.name}: {book.strings_part}")
        if len(listener.strings) > MAX_STRINGS or listener.characters > MAX_CHARACTERS:
            raise damaged(book.name, f"more than {MAX_STRINGS:,} texts or {MAX_CHARACTERS:,} characters")
    return listener.strings


@dataclass(slots=True)
class _StringListener:
    strings: list[str] = field(default_factory=list)
    characters: int = 0
    chunks: list[str] = field(default_factory=list)
    depth: int = 0
    runs: list[str] = field(default_factory=list)
    _phonetic: bool = False

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        tag = _NAMES.get(name)
        if tag == "t":
            self.chunks.clear()
        elif tag == "si":
            self.runs.clear()
        elif tag == "rPh":
            self._phonetic = True

    def end(self, name: str) -> None:
        self.depth -= 1
        tag = _NAMES.get(name)
        if tag == "t":
            if not self._phonetic:
                self.runs.append("".join(self.chunks))
        elif tag == "si":
            text = "".join(self.runs)
            self.characters += len(text)
            self.strings.append(unescape(text) if "_x" in text else text)
        elif tag == "rPh":
            self._phonetic = False
