"""What a formula leaves behind when it is overwritten: cells that share it, and its place in the calculation chain.

ECMA-376 part 1, 18.3.1.40: the first cell of a group that shares a formula holds its text, the others only the group's
number. When that first cell goes, the next one gets the text, moved to where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ihacpa_plugins.save.patch.markup import attributes, element, escape, mask, unescape
from ihacpa_plugins.save.patch.refs import Area, area, cell

CellBefore = Callable[[bytes, int], bytes]
"""The start tag of the cell in which a masked text is at some place."""


class Master(NamedTuple):
    """A formula that others share, whose cell was overwritten."""

    group: bytes
    text: str
    column: int
    row: int
    area: Area


def shared_master(body: bytes, column: int, row: int, prefix: bytes) -> Master | None:
    """The formula in a cell's content, if other cells share it; None if none does, or it is another cell's."""
    match = element(prefix + b"f").search(mask(body))
    attrs = attributes(match[1]) if match else {}
    if match is None or attrs.get(b"t") != b"shared" or b"ref" not in attrs or not match[2]:
        return None
    try:
        found = area(attrs[b"ref"].decode("ascii", "replace"))
    except ValueError:
        return None
    start, end = match.span(2)
    return Master(attrs.get(b"si", b""), unescape(body[start:end]), column, row, found)


class Heir(NamedTuple):
    """The formula element of the cell that a shared formula goes to, and what it becomes."""

    start: int
    end: int
    new: bytes


def find_heir(text: bytes, master: Master, prefix: bytes, cell_before: CellBefore) -> Heir | None:
    """The first cell in a text of rows that shares the formula of `master`, and its formula element anew."""
    masked = mask(text)
    if master.group not in masked:
        return None
    for match in element(prefix + b"f").finditer(masked):
        attrs = attributes(match[1])
        if attrs.get(b"t") != b"shared" or attrs.get(b"si") != master.group or b"ref" in attrs:
            continue
        ref = attributes(cell_before(masked, match.start())).get(b"r", b"").decode("ascii", "replace")
        column, row = cell(ref)
        moved = moved_formula(master.text, (master.column, master.row), (column, row))
        left = Area(min(master.area.left, column), row, max(master.area.right, column), max(master.area.bottom, row))
        new = b'<%sf t="shared" ref="%s" si="%s">%s</%sf>' % (
            prefix, str(left).encode(), master.group, escape(moved), prefix,
        )  # fmt: skip
        return Heir(match.start(), match.end(), new)
    return None


def moved_formula(text: str, origin: tuple[int, int], place: tuple[int, int]) -> str:
    """A formula as it reads in another cell: what it names relatively moves along."""
    from openpyxl.formula.translate import Translator  # a tokenizer of formulas, needed only here

    translator = Translator(f"={text}", origin=str(Area(*origin, *origin)))
    return str(translator.translate_formula(str(Area(*place, *place))))[1:]


def without_cells(chain: bytes, sheet: int, refs: set[str], prefix: bytes) -> bytes | None:
    """The chain of calculation (18.6) without some cells of a sheet; None if nothing is left of it.

    A cell that does not name its sheet is in that of the one before it (18.6.1, `i`).
    """
    pieces: list[bytes] = []
    at, current, stated, left = 0, "", "", 0
    masked = mask(chain)
    for match in re.finditer(rb"<" + re.escape(prefix) + rb"c(\s[^<>]*?)/>", masked):
        attrs = attributes(match[1])
        current = attrs.get(b"i", current.encode()).decode("ascii", "replace")
        pieces.append(chain[at : match.start()])
        at = match.end()
        if current == str(sheet) and attrs.get(b"r", b"").decode("ascii", "replace") in refs:
            continue
        entry = chain[match.start() : match.end()]
        if b"i" not in attrs and stated != current:
            entry = entry[:-2] + b' i="%s"/>' % current.encode()
        stated = current
        pieces.append(entry)
        left += 1
    return b"".join([*pieces, chain[at:]]) if left else None


def formula_refs(removed: Sequence[tuple[int, int]]) -> set[str]:
    """Cells, by column and row, as the chain of calculation names them."""
    return {str(Area(column, row, column, row)) for column, row in removed}
