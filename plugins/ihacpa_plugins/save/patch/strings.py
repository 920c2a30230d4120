"""Looking up shared strings one by one, without keeping them all (ECMA-376 part 1, 18.4).

A workbook of 100,000 rows has a hundred megabytes of them, of which a save needs those in the cells that it is about to
overwrite: to see whether the new text stands there already. The part is unpacked once, a window at a time, and what is
kept of each window is the number of its first string and the state of the unpacker, from which it can go on again.
"""

from __future__ import annotations

import re
import zlib
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from xml.parsers import expat

from ihacpa_plugins.save.patch.archive import Archive, Member
from ihacpa_plugins.save.patch.markup import is_plain, is_utf16, quote, to_utf8
from ihacpa_plugins.save.patch.outline import outline
from ihacpa_plugins.save.patch.refusals import damaged
from ihacpa_plugins.save.patch.values import decoded

WINDOW: Final = 128 * 1024
MARKS: Final = 64
"""Bytes of text in a window, or more for a large part: each mark costs the 40 KB of an unpacker's state."""
_KEPT: Final = 3
_SHORT: Final = 64
_REMEMBERED: Final = 10_000
_ROOT: Final = re.compile(rb"<([\w.-]+:)?sst[\s>]")
_END: Final = re.compile(rb"</(?:[\w.-]+:)?(?:si|is)\s*>")
_EMPTY: Final = re.compile(rb"<[^<>]*/>\s*\Z")
_SIMPLE: Final = re.compile(rb"<(?:si|is)(?: [^<>]*)?><t(?: [^<>]*)?>([^<]*)</t></(?:si|is)>")


class _Mark(NamedTuple):
    """Where a window begins.

    :param first: the number of the first string whose tag ends in it.
    :param unpacker: the unpacker's state; `at` is where it stands in the input.
    :param edge: the last bytes of the window before, in which a tag may have begun.
    """

    first: int
    unpacker: Any
    at: int
    edge: bytes = b""


class _Window(NamedTuple):
    """Some text, and where its strings begin; the last number is where the last of them ends."""

    text: bytes
    starts: Sequence[int]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def entry(self, at: int) -> bytes:
        return self.text[self.starts[at] : self.starts[at + 1]]


class SharedStrings:
    """The shared strings of a workbook, by number.

    :param member: the part; None if the workbook has none.
    """

    def __init__(self, archive: Archive, member: Member | None) -> None:
        self._archive, self._member = archive, member
        self._marks: list[_Mark] | None = None
        self._tag = b"<si"
        self._whole: list[str] | None = None
        self._windows: OrderedDict[int, _Window] = OrderedDict()
        self._size = max(WINDOW, (member.size if member else 0) // MARKS)
        self._short: dict[int, str] = {}

    def __getitem__(self, number: int) -> str:
        """The text of a shared string, its formats and phonetic hints left out.

        :raises WorkbookError: there is none of this number, or the part is damaged.
        """
        known = self._short.get(number)
        if known is not None:
            return known
        text = self._look_up(number)
        if len(text) <= _SHORT and len(self._short) < _REMEMBERED:
            self._short[number] = text
        return text

    def _look_up(self, number: int) -> str:
        if self._marks is None:
            self._index()
        if self._whole is not None:
            if 0 <= number < len(self._whole):
                return self._whole[number]
            raise self._missing(number)
        assert self._marks is not None
        at = bisect_right(self._marks, number, key=lambda mark: mark.first) - 1
        if at < 0 or number - self._marks[at].first >= len(self._window(at)):
            raise self._missing(number)
        return rich_text(self._window(at).entry(number - self._marks[at].first))

    def _missing(self, number: int) -> Exception:
        return damaged(self._archive.name, f"a cell asks for shared text {number}, which is not there")

    # --- windows ------------------------------------------------------------------------------------------------------

    def _index(self) -> None:
        """Go through the part once, and leave a mark at the beginning of each window."""
        self._marks = []
        if self._member is None:
            return
        marks: list[_Mark] = []
        count, edge = 0, b""
        for mark, text in self._inflated():
            if not marks:
                self._tag = _string_tag(text)
            if (not marks and is_utf16(text)) or not is_plain((edge + text).removeprefix(b"<?xml")):
                self._whole = _all_strings(self._archive, self._member)
                return
            marks.append(mark._replace(first=count, edge=edge))
            joined = edge + text
            count += joined.count(self._tag)
            edge = joined[-len(self._tag) + 1 :]
        self._marks = marks

    def _inflated(self) -> Any:
        """Mark and text of each window; the checksum is compared at the end."""
        assert self._member is not None
        member, crc = self._member, 0
        self._archive.check(member)
        unpacker, at = zlib.decompressobj(-15), 0
        try:
            while True:
                mark = _Mark(0, unpacker.copy(), at)
                text, at = self._more(unpacker, at)
                if not text:
                    break
                crc = zlib.crc32(text, crc)
                yield mark, text
        except zlib.error as error:
            raise damaged(self._archive.name, f"its part {member.name} cannot be unpacked: {error}") from error
        if crc != member.crc:
            raise damaged(self._archive.name, f"the checksum of its part {member.name} is wrong")

    def _more(self, unpacker: Any, at: int) -> tuple[bytes, int]:
        """The next window, and where in the input it ends; nothing at the end of the part."""
        assert self._member is not None
        if self._member.method == 0:
            data = self._archive.packed(self._member, at, self._size)
            return data, at + len(data)
        pieces, left = [], self._size
        while left and not unpacker.eof:
            data = self._archive.packed(self._member, at, self._size // 4)
            piece = unpacker.decompress(data, left)
            at += len(data) - len(unpacker.unconsumed_tail)
            if not piece and not data:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces), at

    def _window(self, at: int) -> _Window:
        """The strings of a window, as they are written."""
        if at in self._windows:
            self._windows.move_to_end(at)
            return self._windows[at]
        assert self._marks is not None
        mark = self._marks[at]
        unpacker = mark.unpacker.copy()
        text, end = self._more(unpacker, mark.at)
        inside = len(mark.edge) + len(text)
        text = mark.edge + text
        while len(window := self._divided(text, inside)) and not _is_whole(window.entry(len(window) - 1)):
            more, end = self._more(unpacker, end)
            if not more:
                break
            text += more
        self._windows[at] = window
        if len(self._windows) > _KEPT:
            self._windows.popitem(last=False)
        return window

    def _divided(self, text: bytes, inside: int) -> _Window:
        """The strings whose tag ends before `inside`; the last one may be cut at the end of `text`."""
        starts = array("I", [match.start() for match in re.finditer(re.escape(self._tag), text)])
        starts.append(len(text))
        count = bisect_right(starts, inside - len(self._tag), hi=len(starts) - 1)
        return _Window(text, starts[: count + 1])


def _is_whole(entry: bytes) -> bool:
    return _END.search(entry) is not None or _EMPTY.match(entry) is not None


def _string_tag(head: bytes) -> bytes:
    """The beginning of the tag of a string, with the prefix that the part's root has."""
    root = _ROOT.search(head)
    return b"<" + ((root[1] if root else None) or b"") + b"si"


def _all_strings(archive: Archive, member: Member) -> list[str]:
    """Every string of a part that is not written as programs write it."""
    text = to_utf8(archive.read(member), archive.name, member.name)
    root = outline(text, archive.name, member.name, 1)
    return [rich_text(text[node.start : node.end]) for node in root.children if node.name == "si"]


def rich_text(entry: bytes) -> str:
    """The text of a string (`si`) or of an inline one (`is`): its runs joined, phonetic hints left out."""
    match = _SIMPLE.match(entry)
    if match:
        return decoded(match[1])
    end = _END.search(entry)
    gather = _Gatherer()
    try:
        gather.parser.Parse(entry[: end.end()] if end else entry, True)
    except expat.ExpatError:
        return ""  # cut short by what is damaged: no text equals it, so the cell is written
    return decoded(quote("".join(gather.texts)))


class _Gatherer:
    """Gathers the texts of the runs of a string. Prefixes are of no matter: the string was cut out of its part."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("UTF-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.texts: list[str] = []
        self._in_text = False
        self._phonetic = 0

    def _start(self, name: str, _: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._phonetic += local == "rPh"
        self._in_text = local == "t"

    def _end(self, name: str) -> None:
        self._phonetic -= name.rpartition(":")[2] == "rPh"
        self._in_text = False

    def _text(self, text: str) -> None:
        if self._in_text and not self._phonetic:
            self.texts.append(text)
