"""References: columns by letter and number, areas, and lists of areas (ECMA-376 part 1, 18.18.62 and 18.18.76)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_ROW: Final = 1_048_576
MAX_COLUMN: Final = 16_384
_CELL: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})", re.ASCII)


class Area(NamedTuple):
    """A rectangle of cells, all four borders within it, columns as numbers from 1."""

    left: int
    top: int
    right: int
    bottom: int

    def holds(self, column: int, row: int) -> bool:
        return self.left <= column <= self.right and self.top <= row <= self.bottom

    def with_cell(self, column: int, row: int) -> Area:
        """The smallest area that holds this one and a cell."""
        return Area(min(self.left, column), min(self.top, row), max(self.right, column), max(self.bottom, row))

    def without_cell(self, column: int, row: int) -> list[Area]:
        """Areas that together are this one without a cell in it: above, below, left and right of it."""
        pieces = [
            Area(self.left, self.top, self.right, row - 1),
            Area(self.left, row, column - 1, row),
            Area(column + 1, row, self.right, row),
            Area(self.left, row + 1, self.right, self.bottom),
        ]
        return [piece for piece in pieces if piece.left <= piece.right and piece.top <= piece.bottom]

    @property
    def is_cell(self) -> bool:
        return self.left == self.right and self.top == self.bottom

    def __str__(self) -> str:
        first, last = f"{letters(self.left)}{self.top}", f"{letters(self.right)}{self.bottom}"
        return first if first == last else f"{first}:{last}"


def letters(column: int) -> str:
    """1 is A, 28 is AB."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def number(column: str) -> int:
    """A is 1, AB is 28."""
    found = _NUMBERS.get(column)
    if found is None:
        found = 0
        for letter in column.upper():
            found = found * 26 + ord(letter) - 64
    return found


_NUMBERS: Final = {letters(column): column for column in range(1, 703)}


def cell(ref: str) -> tuple[int, int]:
    """Column and row of ``B7``.

    :raises ValueError: it is no reference to a cell of a sheet.
    """
    match = _CELL.fullmatch(ref.strip())
    if match is None:
        raise ValueError(f"{ref!r} is no cell reference")
    column, row = number(match[1]), int(match[2])
    if not (1 <= column <= MAX_COLUMN and 1 <= row <= MAX_ROW):
        raise ValueError(f"no sheet has a cell {ref}")
    return column, row


def area(ref: str) -> Area:
    """The area ``B7:C9`` or ``B7``.

    :raises ValueError: it is none.
    """
    first, _, last = ref.partition(":")
    (left, top), (right, bottom) = cell(first), cell(last or first)
    return Area(min(left, right), min(top, bottom), max(left, right), max(top, bottom))


def areas(refs: str) -> list[Area]:
    """The areas of a list parted by spaces; what is none (a whole column, an error) is left out."""
    found = []
    for ref in refs.split():
        try:
            found.append(area(ref))
        except ValueError:
            continue
    return found
