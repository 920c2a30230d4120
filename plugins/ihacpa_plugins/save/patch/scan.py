"""Taking a worksheet apart: what stands before its rows, the rows in segments, what stands behind them.

The part is unpacked as a stream, cut before row tags, and packed again by a few threads (zlib lets go of the
interpreter); the text is never whole in memory, but for sheets that are written in an unusual way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from ihacpa_plugins.save.patch.book import MAIN
from ihacpa_plugins.save.patch.markup import attributes, is_plain, is_utf16, mask, opening, to_utf8
from ihacpa_plugins.save.patch.outline import split_name
from ihacpa_plugins.save.patch.refusals import beyond, damaged
from ihacpa_plugins.save.patch.rows import Disorder, Grammar
from ihacpa_plugins.save.patch.segments import SEGMENT, Segments, pack, pack_stream

_HEAD: Final = 8192
MAX_UNUSUAL: Final = 256 << 20
"""Bytes of a sheet that is taken whole into memory, because it has comments or is in UTF-16."""

Masking = Callable[[bytes], bytes]
"""Blanks out comments and the like, or leaves a text that has none as it is."""


class Unusual(Exception):
    """The sheet cannot be cut as a stream."""


@dataclass(slots=True)
class Scanned:
    """A worksheet in pieces.

    :param head: up to and with the start tag of sheetData; `tail` from its end tag on.
    :param firsts: numbers of the first row of each segment; `lasts` of the last ones.
    :param areas: of array formulas and data tables, as they stand in ``ref``.
    """

    head: bytes = b""
    tail: bytes = b""
    prefix: bytes = b""
    rows: Segments = field(default_factory=Segments)
    firsts: list[int] = field(default_factory=list)
    lasts: list[int] = field(default_factory=list)
    has_formulas: bool = False
    areas: list[str] = field(default_factory=list)


def scan(chunks: Iterable[bytes], book: str, part: str) -> Scanned:
    """Take a worksheet apart, of which `chunks` are the text.

    :raises WorkbookError: it is no worksheet, or written in a way that cannot be changed safely.
    :raises Unusual: it has to be given to `scan_whole`.
    """
    stream = iter(chunks)
    begin = next(stream, b"")
    if is_utf16(begin):
        raise Unusual
    to_utf8(begin[:256], book, part)  # which refuses any other encoding
    return _scan(_Reader(begin, stream), book, part, lambda text: text)


def scan_whole(text: bytes, book: str, part: str) -> Scanned:
    """As `scan`, for a sheet that is whole in memory: with comments, CDATA, instructions, or in UTF-16."""
    if len(text) > MAX_UNUSUAL:
        raise beyond(book, f"{part} has comments or an unusual encoding, and {len(text):,} bytes")
    return _scan(_Reader(to_utf8(text, book, part), iter(())), book, part, mask)


class _Reader:
    """The text of a part, as far as it is needed."""

    def __init__(self, begin: bytes, more: Iterator[bytes]) -> None:
        self.text = begin
        self._more = more

    def grow(self) -> bool:
        """Have one more chunk; False at the end."""
        chunk = next(self._more, None)
        if chunk is None:
            return False
        self.text += chunk
        return True

    def rest(self) -> bytes:
        """All that is left."""
        self.text += b"".join(self._more)
        return self.text


def _scan(reader: _Reader, book: str, part: str, masked: Masking) -> Scanned:
    found = Scanned()
    head = _find_head(reader, book, part)
    found.head, found.prefix = head.text, head.prefix
    reader.text = reader.text[head.end :]
    if head.is_empty:
        found.head = re.sub(rb"\s*/>\Z", b">", found.head)
        found.tail = b"</%ssheetData>" % found.prefix + reader.rest()
    else:
        _Cutter(found, masked, book, part).cut(reader)
    if not len(found.rows):
        found.rows.append(pack(b""))
        found.firsts, found.lasts = [0], [0]
    return found


# --- before the rows --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Head:
    text: bytes
    prefix: bytes
    end: int
    is_empty: bool


class _HeadFinder:
    """Hears a part until sheetData begins."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.StartElementHandler = self._start
        self.parser.StartNamespaceDeclHandler = self._declared
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.root = ""
        self.at = -1
        self.tag = b""
        self.prefixes: set[str | None] = set()
        self.has_doctype = False

    def _start(self, name: str, _: dict[str, str]) -> None:
        uri, local, prefix = split_name(name)
        if not self.root:
            self.root = local if uri in MAIN else "?"
        if local == "sheetData" and uri in MAIN and self.at < 0:
            self.at = self.parser.CurrentByteIndex
            self.tag = f"{prefix}:{local}".encode() if prefix else local.encode()

    def _declared(self, prefix: str | None, uri: str) -> None:
        if uri in MAIN and self.at < 0:
            self.prefixes.add(prefix)

    def _doctype(self, *_: object) -> None:
        self.has_doctype = True


def _find_head(reader: _Reader, book: str, part: str) -> _Head:
    finder, fed = _HeadFinder(), 0
    try:
        while finder.at < 0:
            if fed == len(reader.text) and not reader.grow():
                raise damaged(book, f"{part} has no rows' place (sheetData)")
            finder.parser.Parse(reader.text[fed : fed + _HEAD], False)
            fed = min(fed + _HEAD, len(reader.text))
            if finder.has_doctype or finder.root not in ("", "worksheet"):
                raise damaged(book, f"{part} is not the XML of a worksheet")
    except expat.ExpatError as error:
        raise damaged(book, f"{part} is not well-formed XML: {error}") from error
    if len(finder.prefixes) != 1:
        raise beyond(book, f"{part} writes the elements of a sheet with several prefixes")
    while (tag := opening(finder.tag).match(reader.text, finder.at)) is None:
        if not reader.grow():
            raise damaged(book, f"{part} ends within a tag")
    head = reader.text[: tag.end()]
    return _Head(head, finder.tag.removesuffix(b"sheetData"), tag.end(), bool(tag[2]))


# --- the rows ---------------------------------------------------------------------------------------------------------


class _Cutter:
    """Cuts the rows into segments and has them packed."""

    def __init__(self, found: Scanned, masked: Masking, book: str, part: str) -> None:
        self._found, self._mask, self._book, self._part = found, masked, book, part
        self._grammar = Grammar(found.prefix)
        p = re.escape(found.prefix)
        self._end = re.compile(rb"</" + p + rb"sheetData\s*>")
        self._formula = b"<%sf" % found.prefix
        self._any_formula = opening(found.prefix + b"f")
        own = found.prefix[:-1]
        self._rebound = re.compile(
            rb"<[^<>]*\sxmlns" + (rb":" + re.escape(own) if own else b"") + rb"\s*=|<[^<>]*\sxmlns[^<>=]*=\s*[\"']"
            rb"(?:" + rb"|".join(re.escape(uri.encode()) for uri in MAIN) + rb")"
        )
        self._last = 0

    def cut(self, reader: _Reader) -> None:
        """Read on to the end of the part.

        :raises Unusual: there are comments between the rows.
        """
        for segment in pack_stream(self._noted(reader)):
            self._found.rows.append(segment)

    def _noted(self, reader: _Reader) -> Iterator[bytes]:
        for text in self._pieces(reader):
            self._look(text)
            yield text

    def _pieces(self, reader: _Reader) -> Iterator[bytes]:
        """The rows in pieces of about the size of a segment; what stands behind them becomes the tail."""
        start = self._grammar.row_start
        while True:
            masked = self._mask(reader.text)
            end = self._end.search(masked)
            at, stop = 0, end.start() if end else len(masked)
            while stop - at > 2 * SEGMENT:
                cut = masked.rfind(start, at + 1, at + SEGMENT)
                cut = masked.find(start, at + SEGMENT, stop) if cut < 0 else cut
                if cut < 0:
                    break
                yield reader.text[at:cut]
                at = cut
            if end is not None:
                if stop > at:
                    yield reader.text[at:stop]
                self._found.tail = reader.rest()[stop:]
                return
            reader.text = reader.text[at:]
            if not reader.grow():
                raise damaged(self._book, f"{self._part} ends among its rows")

    def _look(self, text: bytes) -> None:
        """Note which rows a piece has, and whatever else matters of it."""
        masked = self._mask(text)
        if masked is text and not is_plain(text):
            raise Unusual
        self._check(masked)
        try:
            numbers = self._grammar.numbers(masked, self._last)
        except Disorder as error:
            raise damaged(self._book, f"in {self._part}, {error}") from error
        self._found.firsts.append(numbers[0] if numbers else self._last)
        self._last = numbers[-1] if numbers else self._last
        self._found.lasts.append(self._last)
        if self._formula in masked:
            self._note_formulas(masked)

    def _check(self, masked: bytes) -> None:
        if b"AlternateContent" in masked and re.search(rb"<[^<>]*AlternateContent[\s>]", masked):
            raise beyond(self._book, f"{self._part} has alternatives (mc:AlternateContent) among its rows")
        if b"xmlns" in masked and self._rebound.search(masked):
            raise beyond(self._book, f"{self._part} declares the namespace of sheets anew among its rows")

    def _note_formulas(self, masked: bytes) -> None:
        for match in self._any_formula.finditer(masked):
            self._found.has_formulas = True
            if b"array" in match[1] or b"dataTable" in match[1]:
                attrs = attributes(match[1])
                if attrs.get(b"t") in (b"array", b"dataTable"):
                    self._found.areas.append(attrs.get(b"ref", b"").decode("ascii", "replace"))
