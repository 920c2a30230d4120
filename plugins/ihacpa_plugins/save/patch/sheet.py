"""A worksheet held open for changing: its rows in segments, what stands round them, its links.

A change is made on top of what was last committed, and is either committed as well or forgotten.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ihacpa_core import CellUpdate
from ihacpa_plugins.save.patch.book import Book, Sheet, relations_part
from ihacpa_plugins.save.patch.cells import Old, holds, render
from ihacpa_plugins.save.patch.formulas import Master, find_heir, shared_master
from ihacpa_plugins.save.patch.frame import Frame
from ihacpa_plugins.save.patch.guards import guards_of
from ihacpa_plugins.save.patch.links import NO_RELATIONS, Links
from ihacpa_plugins.save.patch.markup import mask, splice
from ihacpa_plugins.save.patch.refs import Area
from ihacpa_plugins.save.patch.refusals import beyond, locked
from ihacpa_plugins.save.patch.rows import Disorder, Grammar
from ihacpa_plugins.save.patch.scan import Unusual, scan, scan_whole
from ihacpa_plugins.save.patch.segments import SEGMENT, Content, Segment, Segments, pack, pack_stream
from ihacpa_plugins.save.patch.strings import SharedStrings
from ihacpa_plugins.save.patch.styles import Styles
from ihacpa_plugins.save.patch.values import Kind, Write, prepare

_AT_ONCE: Final = 8
"""Segments that are changed without threads."""


@dataclass(slots=True)
class Changes:
    """What became of some updates.

    :param cells: how many cells changed, by content, look or link.
    :param formulas: column and row of the formulas that were overwritten.
    :param masters: those among them that other cells share.
    :param reach: the area of all cells that are new.
    """

    cells: int = 0
    links: bool = False
    formulas: list[tuple[int, int]] = field(default_factory=list)
    masters: list[Master] = field(default_factory=list)
    reach: Area | None = None


class _Piece(NamedTuple):
    """A new segment before it is packed: its text, its first and last row, and the segment that it comes from."""

    text: bytes
    first: int
    last: int
    at: int


@dataclass(slots=True)
class _Rows:
    """The rows: segments, with the numbers of the first and the last row of each."""

    segments: Segments
    firsts: list[int]
    lasts: list[int]

    def copy(self) -> _Rows:
        return _Rows(self.segments.copy(), self.firsts.copy(), self.lasts.copy())

    def find(self, row: int) -> int:
        """The segment that holds a row, or would."""
        return max(0, bisect_right(self.firsts, row) - 1)

    def before(self, at: int) -> int:
        """The number of the row before a segment."""
        return self.lasts[at - 1] if at else 0

    def replace(self, at: int, new: Sequence[tuple[_Piece, Segment]]) -> None:
        """Put new segments in the place of one."""
        self.segments.replace(at, [segment for _, segment in new])
        self.firsts[at : at + 1] = [piece.first for piece, _ in new]
        self.lasts[at : at + 1] = [piece.last for piece, _ in new]


class OpenSheet:
    """One sheet of an open workbook.

    :raises WorkbookError: it is damaged, or written in a way that cannot be changed safely.
    """

    def __init__(
        self, book: Book, sheet: Sheet, styles: Styles, strings: SharedStrings, *, keep_formulas: bool
    ) -> None:
        self._book, self.sheet, self._styles, self._strings = book, sheet, styles, strings
        self._keep_formulas, self._date1904 = keep_formulas, book.date1904
        member = book.archive.member(sheet.part)
        try:
            found = scan(book.archive.chunks(member), book.name, sheet.part)
        except Unusual:
            found = scan_whole(book.archive.read(member), book.name, sheet.part)
        self.has_formulas = found.has_formulas
        self._prefix, self._grammar = found.prefix, Grammar(found.prefix)
        self._frame = Frame(found, book.name, sheet.part)
        self._guards = guards_of(book, sheet, self._frame, found.areas)
        self._head, self._tail = Segments([pack(found.head)]), Segments([pack(found.tail)])
        self._rows = _Rows(found.rows, found.firsts, found.lasts)
        self._reach = self._frame.dimension
        self._links: Links | None = None
        self._saved = (self._head, self._rows.copy(), self._reach)

    def apply(self, updates: Mapping[int, CellUpdate]) -> Changes:
        """Change what differs from `updates`, which are keyed by ``row << 14 | column - 1``.

        :raises WorkbookError: a cell cannot hold its value, or may not be changed. `rollback` undoes what was changed.
        """
        changes = Changes()
        order = sorted(updates)
        pieces: list[_Piece] = []
        texts = self._changed_pieces(order, updates, changes, pieces)
        first = self._rows.find(order[0] >> 14)
        last = self._rows.find(order[-1] >> 14)
        segments = list(pack_stream(texts) if last - first > _AT_ONCE else map(pack, texts))
        by_segment: dict[int, list[tuple[_Piece, Segment]]] = {}
        for piece, segment in zip(pieces, segments, strict=True):
            by_segment.setdefault(piece.at, []).append((piece._replace(text=b""), segment))
        for at in sorted(by_segment, reverse=True):
            self._rows.replace(at, by_segment[at])
        for master in changes.masters:
            self._hand_on(master)
        self._widen(changes.reach)
        return changes

    def content(self) -> Content:
        """The sheet as it is now."""
        tail = [self._tail] if self._links is None else self._links.tail()
        return Content(self._head, self._rows.segments, *tail)

    def relations(self) -> Content | None:
        """Its relationships as they are now; None while no link was looked at."""
        return None if self._links is None else self._links.relations()

    def commit(self) -> None:
        """Keep what was changed."""
        self._saved = (self._head, self._rows.copy(), self._reach)
        if self._links is not None:
            self._links.commit()

    def rollback(self) -> None:
        """Forget what was changed since the last `commit`."""
        self._head, rows, self._reach = self._saved
        self._rows = rows.copy()
        if self._links is not None:
            self._links.rollback()

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _changed_pieces(
        self, order: Sequence[int], updates: Mapping[int, CellUpdate], changes: Changes, pieces: list[_Piece]
    ) -> Iterator[bytes]:
        """Change one segment after the other; gives the text of each new one, and notes the rest of it in `pieces`."""
        start = 0
        while start < len(order):
            at = self._rows.find(order[start] >> 14)
            is_last = at + 1 == len(self._rows.firsts)
            stop = len(order) if is_last else bisect_left(order, self._rows.firsts[at + 1] << 14, start)
            writes = [prepare(updates[key], self._prefix, date1904=self._date1904) for key in order[start:stop]]
            for piece in self._changed_segment(at, writes, changes):
                pieces.append(piece._replace(text=b""))
                yield piece.text
            start = stop

    def _changed_segment(self, at: int, writes: Sequence[Write], changes: Changes) -> list[_Piece]:
        old, before = self._rows.segments[at].text(), self._rows.before(at)
        touched: set[bytes] = set()
        draw = self._drawer(changes, touched)
        try:
            text = self._grammar.change(old, before, writes, draw, self._frame.columns)
        except Disorder as error:
            raise beyond(self._book.name, f'in sheet "{self.sheet.name}", {error}') from error
        for write in writes:
            if (write.link is not None or write.kind is Kind.NOTHING) and self._change_link(write):
                changes.links = True
                touched.add(write.ref)
        changes.cells += len(touched)
        return [] if text == old else self._cut(text, before, at)

    def _cut(self, text: bytes, before: int, at: int) -> list[_Piece]:
        """A changed segment, in several if it has grown too large for one."""
        masked = mask(text)
        cuts, start = [0], self._grammar.row_start
        while len(text) - cuts[-1] > 2 * SEGMENT:
            cut = masked.rfind(start, cuts[-1] + 1, cuts[-1] + SEGMENT)
            cut = masked.find(start, cuts[-1] + SEGMENT) if cut < 0 else cut
            if cut < 0:
                break
            cuts.append(cut)
        pieces = []
        for begin, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
            numbers = self._grammar.numbers(masked[begin:end], before)
            first, before = (numbers[0], numbers[-1]) if numbers else (before, before)
            pieces.append(_Piece(text[begin:end], first, before, at))
        return pieces

    def _drawer(self, changes: Changes, touched: set[bytes]) -> Callable[[Write, Old | None, int], bytes | None]:
        """What draws the cells of one segment, and notes what becomes of them."""
        styles, strings, prefix = self._styles, self._strings, self._prefix
        guards = self._guards if self._guards.is_anything else None

        def draw(write: Write, old: Old | None, base: int) -> bytes | None:
            there = base if old is None else old.style
            style = styles.derive(there, write.look) if write.look.is_anything else there
            if style == there and (write.kind is Kind.NOTHING if old is None else holds(old, write, strings)):
                return None
            if guards is not None:
                guards.check(write, there, styles)
            if old is None:
                reach = changes.reach or Area(write.column, write.row, write.column, write.row)
                changes.reach = reach.with_cell(write.column, write.row)
            elif old.has_formula:
                self._note_formula(write, old, changes)
            touched.add(write.ref)
            return render(write, style, prefix)

        return draw

    # --- formulas, links, dimension -----------------------------------------------------------------------------------

    def _note_formula(self, write: Write, old: Old, changes: Changes) -> None:
        if self._keep_formulas:
            raise locked(
                self._book.name,
                f"cell {write.ref.decode()} holds a formula",
                "formulas are only overwritten if that is asked for",
            )
        changes.formulas.append((write.column, write.row))
        master = shared_master(old.body, write.column, write.row, self._prefix)
        if master is not None:
            changes.masters.append(master)

    def _hand_on(self, master: Master) -> None:
        """Give a shared formula whose cell is gone to the next cell that shares it."""
        rows = self._rows
        for at in range(rows.find(master.area.top), rows.find(master.area.bottom) + 1):
            text = rows.segments[at].text()
            heir = find_heir(text, master, self._prefix, self._grammar.cell_before)
            if heir is not None:
                new = splice(text, [(heir.start, heir.end, heir.new)])
                rows.replace(at, [(_Piece(b"", rows.firsts[at], rows.lasts[at], at), pack(new))])
                return

    def _change_link(self, write: Write) -> bool:
        if write.link is not None:
            return self._opened_links().set(write.column, write.row, write.link)
        if self._links is None and self._frame.links[2] is None:
            return False
        return self._opened_links().clear(write.column, write.row)

    def _opened_links(self) -> Links:
        if self._links is None:
            part = relations_part(self.sheet.part)
            member = self._book.archive.find(part)
            text = self._book.read(member.name) if member else NO_RELATIONS
            uri = self._book.relationships
            self._links = Links(self._frame, self._prefix, text, uri, (self._book.name, part))
        return self._links

    def _widen(self, reach: Area | None) -> None:
        """Let the sheet's dimension hold all new cells."""
        if reach is None or self._reach is None:
            return
        wider = self._reach.with_cell(reach.left, reach.top).with_cell(reach.right, reach.bottom)
        if wider != self._reach:
            self._reach = wider
            self._head = Segments([pack(self._frame.head_with(wider))])
