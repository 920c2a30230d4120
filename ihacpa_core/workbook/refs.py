"""Cell references: column letters, column numbers, "B7"."""

from __future__ import annotations

import re

MAX_ROW = 1_048_576
MAX_COLUMN = 16_384
"""XFD. Both are the size of a sheet since Excel 2007."""

_REF = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})", re.ASCII)


def column_letter(index: int) -> str:
    """The letter of a column number, from 1: 28 is "AB".

    :raises ValueError: no sheet has such a column.
    """
    if not 1 <= index <= MAX_COLUMN:
        raise ValueError(f"no column {index}: a sheet has columns 1 to {MAX_COLUMN}")
    letters = ""
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_index(letters: str) -> int:
    """The number of a column letter, from 1: "AB" is 28.

    :raises ValueError: no sheet has such a column.
    """
    if not (letters.isascii() and letters.isalpha() and len(letters) <= 3):
        raise ValueError(f"{letters!r} is no column letter")
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    if index > MAX_COLUMN:
        raise ValueError(f"no column {letters}: the last one is XFD")
    return index


def split_ref(ref: str) -> tuple[str, int]:
    """Column letter and row of a reference: "b7" is ("B", 7).

    :raises ValueError: it is no reference to one cell of a sheet.
    """
    match = _REF.fullmatch(ref)
    if match is None:
        raise ValueError(f"{ref!r} is no cell reference")
    letters, row = match[1].upper(), int(match[2])
    column_index(letters)
    if not 1 <= row <= MAX_ROW:
        raise ValueError(f"no row {row}: a sheet has rows 1 to {MAX_ROW}")
    return letters, row


INDEX_OF = {column_letter(index): index for index in range(1, 703)}
"""A to ZZ: the columns that real sheets have, looked up without arithmetic."""
LETTER_OF = {index: letter for letter, index in INDEX_OF.items()}
