"""Whether a number format shows a day (ECMA-376 part 1, 18.8.30 and 18.8.31)."""

from __future__ import annotations

import re
from typing import Final

_BUILTIN_DAYS: Final = frozenset([14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 54, 57, 58])
"""Built-in formats that show a day in every language of Excel."""
_SHOWN_AS_IT_IS: Final = re.compile(r'"[^"]*"?|\\.|_.|\*.|AM/PM|A/P', re.IGNORECASE | re.DOTALL)
_ELAPSED: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_BRACKETS: Final = re.compile(r"\[[^\]]*\]?")
_EXPONENT: Final = re.compile("e[+-]", re.IGNORECASE)


def shows_day(number: int, code: str | None) -> bool:
    """Whether a cell of this format shows a day; a time of day or a duration alone is none.

    :param code: of a format that the workbook defines; None for a built-in one.
    """
    if code is None:
        return number in _BUILTIN_DAYS
    code = _SHOWN_AS_IT_IS.sub("", code)
    if len(code) > 1024 or _ELAPSED.search(code):
        return False
    first = _EXPONENT.sub("", _BRACKETS.sub("", code).partition(";")[0]).lower()
    if first.strip() == "general":
        return False
    if any(letter in first for letter in "yde") or "mmm" in first:
        return True
    return "m" in first and not any(letter in first for letter in "hs")
