"""The pools of formats in styles.xml, and new cell formats that differ from an old one in what was asked, and no more.

ECMA-376 part 1, 18.8. A cell names a format (`xf`) of the pool `cellXfs`, which in turn names a font, a fill, a border
and a number format. Pools only grow: whatever the other cells name stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

from ihacpa_core import CellStyle, WorkbookError
from ihacpa_plugins.save.patch.formats import shows_day
from ihacpa_plugins.save.patch.markup import Edit, attributes, opening, quote, splice, unescape, with_attribute
from ihacpa_plugins.save.patch.outline import Node, outline, within
from ihacpa_plugins.save.patch.refusals import damaged
from ihacpa_plugins.save.patch.values import DATE, GENERAL, MOMENT, Look

MAX_FORMATS: Final = 65_490
"""Cell formats of a workbook: Excel's own limit."""
_FIRST_OWN_FORMAT: Final = 164
_BEFORE_COLOUR: Final = frozenset(
    ["b", "i", "strike", "condense", "extend", "outline", "shadow", "u", "vertAlign", "sz"]
)
_POOLS: Final = ("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs")
"""In the order of the schema; `cellXfs` and what stands before it."""
EMPTY: Final = (
    '<styleSheet xmlns="{}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
"""The styles of a workbook that has none."""


class Colours(Protocol):
    """What a style looks like, as RRGGBB."""

    @property
    def fill(self) -> str: ...

    @property
    def font(self) -> str: ...


class Styles:
    """The formats of a workbook.

    :param text: the part, in UTF-8.
    :raises WorkbookError: it is no style sheet.
    """

    def __init__(self, text: bytes, book: str, part: str, palette: Mapping[CellStyle, Colours]) -> None:
        self._text, self._book, self._palette = text, book, palette
        self._root = outline(text, book, part, 3)
        prefix = self._root.tag.rpartition(b":")[0]
        self._prefix = prefix + b":" if prefix else b""
        self._pools = {name: self._pool(name) for name in _POOLS}
        self._old = {name: len(pool) for name, pool in self._pools.items()}
        self._codes = self._number_formats()
        # Formats for conditions (dxfs) have numbers of the same row, and readers that mix them up are easily misled.
        numbered = re.findall(rb"<(?:[\w.-]+:)?numFmt\s[^<>]*?numFmtId=[\"']([0-9]{1,9})", text)
        self._last_format = max(map(int, numbered), default=0)
        self._derived: dict[tuple[int, Look], int] = {}
        self._days: dict[int, bool] = {}

    @property
    def changed(self) -> int:
        """How many entries are new: the part need not be written anew while this stays."""
        return sum(len(pool) - self._old[name] for name, pool in self._pools.items())

    def derive(self, base: int, look: Look) -> int:
        """The number of a format that is `base` with `look`; `base` itself if it looks so already.

        :raises WorkbookError: there is no such base, or no room for one more format.
        """
        key = (base, look)
        found = self._derived.get(key)
        if found is None:
            found = self._derived[key] = self._add(base, look)
        return found

    def is_locked(self, base: int) -> bool:
        """Whether a protected sheet protects cells of this format: unless they say otherwise, it does (18.8.33)."""
        match = opening(self._prefix + b"protection").search(self._xf(base))
        return match is None or attributes(match[1]).get(b"locked", b"1") not in (b"0", b"false")

    def text(self) -> bytes:
        """The part, with all that is new."""
        edits: list[Edit] = []
        missing: list[bytes] = []
        for name, pool in self._pools.items():
            node, new = self._root.child(name), pool[self._old[name] :]
            if not new:
                continue
            if node is None:
                tag = self._prefix + name.encode()
                missing.append(b'<%s count="%d">%s</%s>' % (tag, len(pool), b"".join(new), tag))
                edits.append((*self._place(name), missing.pop()))
            else:
                edits += self._grown(node, b"".join(new), len(pool))
        return splice(self._text, edits)

    # --- one format ---------------------------------------------------------------------------------------------------

    def _add(self, base: int, look: Look) -> int:
        old = self._xf(base)
        xf = old
        if look.style is not None:
            xf = self._coloured(xf, self._palette[look.style])
        if look.format and (look.format != GENERAL) is not self._shows_day(base):
            xf = _with(xf, (b"numFmtId", self._format_id(look.format)), (b"applyNumberFormat", 1))
        if look.quoted and attributes(_tag(xf)).get(b"quotePrefix") not in (b"1", b"true"):
            xf = _with(xf, (b"quotePrefix", 1))
        if xf == old:
            return base
        pool = self._pools["cellXfs"]
        if len(pool) >= MAX_FORMATS:
            why = f"it has {len(pool):,} cell formats, and Excel can hold no more"
            what = f"{self._book} has no room for another cell format"
            raise WorkbookError(what, why=why, hint="delete sheets or formats that are not needed any more")
        return _index(pool, xf)

    def _xf(self, number: int) -> bytes:
        pool = self._pools["cellXfs"]
        if number == 0 and not pool:
            pool.append(b'<%sxf numFmtId="0" fontId="0" fillId="0" borderId="0"/>' % self._prefix)
        if not 0 <= number < len(pool):
            raise damaged(self._book, f"a cell has format {number}, and there are {len(pool):,}")
        return pool[number]

    def _coloured(self, xf: bytes, colours: Colours) -> bytes:
        """The format with these colours, unless it shows them already: Excel writes one colour in more than one way."""
        attrs = attributes(_tag(xf))
        font = self._entry("fonts", _whole(attrs.get(b"fontId")))
        if _rgb(self._first(font, b"color")) != colours.font:
            new = _index(self._pools["fonts"], self._font(font, colours.font))
            xf = _with(xf, (b"fontId", new), (b"applyFont", 1))
        fill = self._entry("fills", _whole(attrs.get(b"fillId")))
        solid = attributes(self._first(fill, b"patternFill")).get(b"patternType") == b"solid"
        if not solid or _rgb(self._first(fill, b"fgColor")) != colours.fill:
            new = _index(self._pools["fills"], self._fill(colours.fill))
            xf = _with(xf, (b"fillId", new), (b"applyFill", 1))
        return xf

    def _entry(self, pool: str, number: int) -> bytes:
        entries = self._pools[pool]
        return entries[number] if number < len(entries) else b""

    def _first(self, entry: bytes, name: bytes) -> bytes:
        match = opening(self._prefix + name).search(entry)
        return match[0] if match else b""

    def _fill(self, rgb: str) -> bytes:
        p = self._prefix
        return (
            b'<%sfill><%spatternFill patternType="solid"><%sfgColor rgb="FF%s"/>'
            b'<%sbgColor indexed="64"/></%spatternFill></%sfill>' % (p, p, p, rgb.encode(), p, p, p)
        )

    def _font(self, font: bytes, rgb: str) -> bytes:
        """`font` with another colour, which has its place among the elements of a font (18.8.22)."""
        new = b'<%scolor rgb="FF%s"/>' % (self._prefix, rgb.encode())
        wrapped = font or b"<%sfont/>" % self._prefix
        node = _fragment(wrapped, self._book)
        old = node.child("color")
        if old is not None:
            return splice(wrapped, [(old.start, old.end, new)])
        before = [child.end for child in node.children if child.name in _BEFORE_COLOUR]
        return splice(wrapped, [(before[-1], before[-1], new) if before else _first_child(node, new, wrapped)])

    # --- number formats -----------------------------------------------------------------------------------------------

    def _shows_day(self, base: int) -> bool:
        number = _whole(attributes(_tag(self._xf(base))).get(b"numFmtId"))
        if number not in self._days:
            self._days[number] = shows_day(number, self._codes.get(number))
        return self._days[number]

    def _format_id(self, code: str) -> int:
        if code == GENERAL:
            return 0
        assert code in (DATE, MOMENT)
        for number, known in self._codes.items():
            if known == code:
                return number
        number = max(_FIRST_OWN_FORMAT - 1, self._last_format, *self._codes) + 1
        self._codes[number] = code
        entry = b'<%snumFmt numFmtId="%d" formatCode="%s"/>' % (self._prefix, number, quote(code))
        self._pools["numFmts"].append(entry)
        return number

    def _number_formats(self) -> dict[int, str]:
        codes = {}
        for entry in self._pools["numFmts"]:
            attrs = attributes(entry)
            codes[_whole(attrs.get(b"numFmtId"))] = unescape(attrs.get(b"formatCode", b""))
        return codes

    # --- the part -----------------------------------------------------------------------------------------------------

    def _pool(self, name: str) -> list[bytes]:
        node = self._root.child(name)
        return [self._text[child.start : child.end] for child in node.children] if node else []

    def _grown(self, node: Node, new: bytes, count: int) -> list[Edit]:
        tag = self._text[node.start : node.inside]
        start, end, added = within(node, new, self._text)
        if "count" in node.attrs:
            changed = with_attribute(tag, b"count", b"%d" % count)
            if start < node.inside:  # an empty element, which gets a start and an end tag
                return [(node.start, node.inside, changed[:-2].rstrip() + added)]
            return [(node.start, node.inside, changed), (start, end, added)]
        return [(start, end, added)]

    def _place(self, name: str) -> tuple[int, int]:
        """Where a pool that is missing belongs: behind the last one before it in the order of the schema."""
        for before in reversed(_POOLS[: _POOLS.index(name)]):
            node = self._root.child(before)
            if node is not None:
                return node.end, node.end
        return self._root.inside, self._root.inside


def _fragment(text: bytes, book: str) -> Node:
    """The outline of an element that was cut out of its part, with whatever prefixes it uses."""
    names = {
        name for name in re.findall(rb"[<\s/]([A-Za-z_][\w.-]*):[A-Za-z_]", text) if name not in (b"xml", b"xmlns")
    }
    declared = b"".join(b' xmlns:%s="urn:x"' % name for name in sorted(names))
    wrapper = b"<x" + declared + b">"
    node = outline(wrapper + text + b"</x>", book, "a font", 3).children[0]
    for inner in node.walk():
        inner.start, inner.inside = inner.start - len(wrapper), inner.inside - len(wrapper)
        inner.close, inner.end = inner.close - len(wrapper), inner.end - len(wrapper)
    return node


def _first_child(node: Node, new: bytes, text: bytes) -> Edit:
    return within(node, new, text) if node.end == node.inside else (node.inside, node.inside, new)


def _tag(entry: bytes) -> bytes:
    """The start tag of an entry, which is well-formed."""
    at, quoted = 0, b""
    for at in range(len(entry)):
        letter = entry[at : at + 1]
        if quoted:
            quoted = b"" if letter == quoted else quoted
        elif letter in (b'"', b"'"):
            quoted = letter
        elif letter == b">":
            break
    return entry[: at + 1]


def _with(xf: bytes, *changes: tuple[bytes, int]) -> bytes:
    tag = _tag(xf)
    rest = xf[len(tag) :]
    for name, value in changes:
        tag = with_attribute(tag, name, b"%d" % value)
    return tag + rest


def _index(pool: list[bytes], entry: bytes) -> int:
    """The place of `entry` among the entries of a pool, where it is put if it is not there yet."""
    try:
        return pool.index(entry)
    except ValueError:
        pool.append(entry)
        return len(pool) - 1


def _rgb(tag: bytes) -> str | None:
    rgb = attributes(tag).get(b"rgb")
    return rgb[-6:].decode("ascii", "replace").upper() if rgb else None


def _whole(value: bytes | None) -> int:
    return int(value) if value and value.isdigit() and len(value) < 10 else 0
