"""Rows and cells of a sheet, in the bytes of a segment: found, changed, put where they belong.

ECMA-376 part 1, 18.3.1.73 (row) and 18.3.1.4 (c). Rows and cells stand in their order; either may lack its number, and
is then the next one (18.3.1.4, `r` is optional).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ihacpa_plugins.save.patch.cells import Old
from ihacpa_plugins.save.patch.markup import ATTRIBUTES, Edit, attributes, mask, opening, splice, with_attribute
from ihacpa_plugins.save.patch.refs import MAX_COLUMN, MAX_ROW, cell, letters
from ihacpa_plugins.save.patch.values import Write

Draw = Callable[[Write, Old | None, int], bytes | None]
"""Draws a cell anew: what is to be written, what stands there, and the format of the row or column if nothing does.
None leaves it as it is."""


class Row(NamedTuple):
    """Where a row stands in a segment: its start tag, and all of it."""

    number: int
    start: int
    inside: int
    end: int
    is_empty: bool


class _Cell(NamedTuple):
    column: int
    start: int
    end: int
    old: Old


class Disorder(Exception):
    """The rows or cells are not what a sheet has; the message says how."""


class Grammar:
    """How rows and cells are written in a sheet whose elements have a prefix (``b"x:"``, or nothing)."""

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        p = re.escape(prefix)
        self.row_start = b"<" + prefix + b"row"
        self.row = opening(prefix + b"row")
        self._row_end = re.compile(rb"</" + p + rb"row\s*>")
        self._numbered = re.compile(rb"<" + p + rb"row(?:\s[^<>]*?)??\sr=[\"']([0-9]{1,7})[\"']")
        inside = rb"((?:[^<]++|<(?!/" + p + rb"c[\s>]))*+)</" + p + rb"c\s*+>"
        # Attributes in the order in which all programs write them; any other is read the long way.
        self._usual = re.compile(
            rb"<"
            + p
            + rb'c r="([A-Z]{1,3}[0-9]{1,7})"(?: s="([0-9]{1,5})")?(?: t="([a-zA-Z]{1,9})")?(?:/>|>'
            + inside
            + rb")"
        )
        self._cell = b'<%sc r="%%s"' % prefix
        self._any = re.compile(rb"<" + p + rb"c(?=[\s/>])(" + ATTRIBUTES + rb")\s*+(?:/>|>" + inside + rb")")

    def numbers(self, text: bytes, before: int) -> list[int]:
        """The numbers of all rows in a masked text that begins behind row `before`.

        :raises Disorder: they do not rise, or a tag is not a row's.
        """
        count = text.count(self.row_start)
        found = [int(number) for number in self._numbered.findall(text)]
        if len(found) != count:
            found = [row.number for row in self._each_row(text, before)]
            if len(found) != count:
                raise Disorder("there is a tag like a row's that is none")
        last = before
        for number in found:
            if number <= last:
                raise Disorder(f"row {number} comes after row {last}")
            last = number
        if last > MAX_ROW:
            raise Disorder(f"row {last} is beyond the last row of a sheet")
        return found

    def _each_row(self, text: bytes, before: int) -> Iterator[Row]:
        """The rows of a masked text, their ends not looked up."""
        for match in self.row.finditer(text):
            raw = attributes(match[1]).get(b"r")
            if raw is not None and not (raw.isdigit() and len(raw) < 10):
                raise Disorder(f"a row is numbered {raw.decode('utf-8', 'replace')[:20]!r}")
            before = int(raw) if raw is not None else before + 1
            yield Row(before, match.start(), match.end(), match.end(), bool(match[2]))

    def rows(self, text: bytes, before: int) -> list[Row]:
        """As `_each_row`; a row's end is that of its end tag."""
        found = []
        for row in self._each_row(text, before):
            if not row.is_empty:
                end = self._row_end.search(text, row.inside)
                if end is None:
                    raise Disorder(f"row {row.number} has no end")
                row = row._replace(end=end.end())
            found.append(row)
        return found

    def _usual_row(self, masked: bytes, number: int, after: int) -> Row | None:
        """The row of this number from `after` on, if it is there and written as all programs write rows."""
        start = masked.find(b'%s r="%d"' % (self.row_start, number), after)
        match = self.row.match(masked, start) if start >= 0 else None
        if match is None:
            return None
        if match[2]:
            return Row(number, start, match.end(), match.end(), is_empty=True)
        end = self._row_end.search(masked, match.end())
        return Row(number, start, match.end(), end.end(), is_empty=False) if end else None

    # --- changing -----------------------------------------------------------------------------------------------------

    def change(self, text: bytes, before: int, writes: Sequence[Write], draw: Draw, base: ColumnFormats) -> bytes:
        """The text of a segment with `writes` made, which are sorted by row and column.

        :raises Disorder: a row or cell that is concerned is not written as one.
        """
        masked = mask(text)
        rows: list[Row] = []
        numbers: list[int] = []
        edits: list[Edit] = []
        last = 0
        for number, group in _by_row(writes):
            found = self._usual_row(masked, number, last)
            if found is None and not rows:
                rows = self.rows(masked, before)
                numbers = [row.number for row in rows]
            at = bisect_left(numbers, number)
            if found is not None or (at < len(rows) and numbers[at] == number):
                row = found or rows[at]
                last = row.end
                edits += self._change_row(text, masked, row, group, draw, base)
            else:
                place = rows[at].start if at < len(rows) else (rows[-1].end if rows else len(text))
                new = self._new_row(number, group, draw, base)
                edits += [(place, place, new)] if new else []
        return splice(text, edits)

    def _new_row(self, number: int, writes: Sequence[Write], draw: Draw, base: ColumnFormats) -> bytes:
        cells = [drawn for write in writes if (drawn := draw(write, None, base.of(write.column))) is not None]
        if not cells:
            return b""
        return b'<%srow r="%d">%s</%srow>' % (self.prefix, number, b"".join(cells), self.prefix)

    def _change_row(
        self, text: bytes, masked: bytes, row: Row, writes: Sequence[Write], draw: Draw, base: ColumnFormats
    ) -> list[Edit]:
        tag = text[row.start : row.inside]
        edits: list[Edit] = []
        rest: list[Write] = []
        last = row.inside
        for write in writes:
            at = masked.find(self._cell % write.ref, last, row.end)
            match = self._usual.match(masked, at) if at >= 0 else None
            if match is None:
                rest.append(write)
                continue
            start, end = match.span(4)
            style = match[2]
            old = Old(int(style) if style else 0, match[3] or b"", text[start:end] if start >= 0 else b"")
            new = draw(write, old, 0)
            last = match.end()
            if new is not None:
                edits.append((at, last, new))
        if rest:
            edits += self._change_slowly(text, masked, row, rest, draw, _row_format(tag), base)
        return edits

    def _change_slowly(
        self, text: bytes, masked: bytes, row: Row, writes: Sequence[Write], draw: Draw, row_format: int | None,
        base: ColumnFormats,
    ) -> list[Edit]:  # fmt: skip
        """Cells that are not there, or are written in an unusual way: all cells of the row are looked at."""
        cells = list(self._cells(text, masked, row))
        columns = [found.column for found in cells]
        edits: list[Edit] = []
        new: list[tuple[int, bytes]] = []
        for write in writes:
            at = bisect_left(columns, write.column)
            if at < len(cells) and columns[at] == write.column:
                if (drawn := draw(write, cells[at].old, 0)) is not None:
                    edits.append((cells[at].start, cells[at].end, drawn))
                continue
            drawn = draw(write, None, base.of(write.column) if row_format is None else row_format)
            if drawn is not None:
                place = cells[at].start if at < len(cells) else (cells[-1].end if cells else row.inside)
                edits.append((place, place, drawn))
                new.append((write.column, drawn))
        return self._opened(text, row, edits, [column for column, _ in new])

    def _opened(self, text: bytes, row: Row, edits: list[Edit], new: Sequence[int]) -> list[Edit]:
        """`edits`, with the row's tag changed for new cells: its spans widened, an end tag for one that had none."""
        if not new:
            return edits
        tag = text[row.start : row.inside]
        changed = _with_spans(tag, min(new), max(new))
        if row.is_empty:
            cells = b"".join(edit[2] for edit in edits)
            changed = changed[:-2].rstrip() + b">" + cells + b"</%srow>" % self.prefix
            return [(row.start, row.end, changed)]
        return edits if changed == tag else [(row.start, row.inside, changed), *edits]

    def _cells(self, text: bytes, masked: bytes, row: Row) -> Iterator[_Cell]:
        """All cells of a row.

        :raises Disorder: there is something else between them, or they are not in order.
        """
        last, at = 0, row.inside
        end = row.end if row.is_empty else masked.rindex(b"</", row.inside, row.end)
        while True:
            start = _skip_space(masked, at, end)
            if start == end:
                return
            found = self._cell_at(text, masked, start, row.number, last)
            if found.column <= last or found.column > MAX_COLUMN or found.end > end:
                raise Disorder(f"the cells of row {row.number} are not in order")
            last, at = found.column, found.end
            yield found

    def _cell_at(self, text: bytes, masked: bytes, at: int, row: int, last: int) -> _Cell:
        match = self._any.match(masked, at)
        if match is None:
            raise Disorder(f"row {row} holds something else than cells")
        attrs = attributes(match[1])
        column = last + 1
        if b"r" in attrs:
            try:
                column, stated = cell(attrs[b"r"].decode("ascii", "replace"))
            except ValueError as error:
                raise Disorder(str(error)) from error
            if stated != row:
                raise Disorder(f"cell {letters(column)}{stated} stands in row {row}")
        style = attrs.get(b"s", b"0")
        if not style.isdigit():
            raise Disorder(f"a cell of row {row} has the format {style.decode('utf-8', 'replace')[:20]!r}")
        start, end = match.span(2)
        old = Old(int(style), attrs.get(b"t", b""), text[start:end] if start >= 0 else b"")
        return _Cell(column, match.start(), match.end(), old)

    def cell_before(self, masked: bytes, at: int) -> bytes:
        """The start tag of the cell in which a masked text is at `at`."""
        start = masked.rindex(b"<" + self.prefix + b"c", 0, at)
        match = opening(self.prefix + b"c").match(masked, start)
        return match[0] if match else b""


class ColumnFormats:
    """The formats that columns give to cells that are not there (18.3.1.13)."""

    def __init__(self, columns: Sequence[tuple[int, int, int]] = ()) -> None:
        self._columns = [column for column in columns if column[2]]

    def of(self, column: int) -> int:
        """The format of a new cell in `column`, if its row has none."""
        return next((style for first, last, style in self._columns if first <= column <= last), 0)


_SPACE: Final = re.compile(rb"\s*+")
_SPANS: Final = re.compile(rb"([0-9]{1,5}):([0-9]{1,5})")


def _skip_space(masked: bytes, at: int, end: int) -> int:
    match = _SPACE.match(masked, at, end)
    return match.end() if match else at


def _by_row(writes: Sequence[Write]) -> Iterator[tuple[int, list[Write]]]:
    group: list[Write] = []
    for write in writes:
        if group and group[0].row != write.row:
            yield group[0].row, group
            group = []
        group.append(write)
    if group:
        yield group[0].row, group


def _row_format(tag: bytes) -> int | None:
    """The format that a row gives to cells that are not there; None if it gives none (18.3.1.73, `customFormat`)."""
    if b"customFormat" not in tag:
        return None
    attrs = attributes(tag)
    style = attrs.get(b"s", b"0")
    return int(style) if attrs.get(b"customFormat") in (b"1", b"true") and style.isdigit() else None


def _with_spans(tag: bytes, first: int, last: int) -> bytes:
    """The row's tag with columns `first` to `last` within its spans, an optional hint to readers; if it has any."""
    if b"spans" not in tag:
        return tag
    match = _SPANS.fullmatch(attributes(tag).get(b"spans", b"").strip())
    if match is None or (int(match[1]) <= first and last <= int(match[2])):
        return tag
    return with_attribute(tag, b"spans", b"%d:%d" % (min(int(match[1]), first), max(int(match[2]), last)))
