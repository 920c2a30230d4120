"""Which cells hold a date: a date in a sheet is a number whose format shows it as one.

Built-in formats: ECMA-376 part 1, 18.8.30; of the ids whose meaning depends on the language of the program, those that
are a date in all of them. Formats that show a time alone or a duration leave the number a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ihacpa_core.workbook.book import Book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.xmlstream import damaged, main_names, parse

MAX_FORMATS = 1 << 17
"""Cell formats of a workbook; Excel ends at 65,490."""

_DATES = frozenset([14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 54, 57, 58])
_DATE_TIMES = frozenset([22])
_LITERAL = re.compile(r'"[^"]*"?|\\.|_.|\*.|AM/PM|A/P', re.IGNORECASE | re.DOTALL)
_BRACKETS = re.compile(r"\[[^\]]*\]?")
_DURATION = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_EXPONENT = re.compile(r"e[+-]", re.IGNORECASE)
_NAMES = main_names("numFmt", "cellXfs", "xf")
_EPOCH_1900 = datetime(1899, 12, 30)
_EPOCH_1904 = datetime(1904, 1, 1)
_DAY_MS = 86_400_000


def date_kind(code: str) -> str:
    """What a format code shows: ``date``, ``datetime``, or nothing for numbers, times and durations."""
    if len(code) > 1024:
        return ""
    code = _LITERAL.sub("", code)
    if _DURATION.search(code):
        return ""
    code = _EXPONENT.sub("", _BRACKETS.sub("", code).partition(";")[0]).lower()
    if code.strip() == "general":
        return ""
    clock = "h" in code or "s" in code
    if "y" in code or "d" in code or "e" in code or "mmm" in code or ("m" in code and not clock):
        return "datetime" if clock else "date"
    return ""


def to_date(serial: float, *, clock: bool, date1904: bool) -> date | datetime | str | float:
    """The day that a serial number means, to a millisecond; the number itself where it means none.

    A date for a whole number, unless the format shows a time as well (`clock`). Excel believes that 1900 was a leap
    year: its day 60 is the text "1900-02-29", since no date can be.
    """
    if not (0 if date1904 else 1) <= serial < 2_958_466:
        return serial
    days, rest = divmod(round(serial * _DAY_MS), _DAY_MS)
    if date1904:
        moment = _EPOCH_1904
    elif days == 60:
        return "1900-02-29"
    else:
        moment = _EPOCH_1900 + timedelta(days=1) if days < 60 else _EPOCH_1900
    try:
        moment += timedelta(days=days, milliseconds=rest)
    except OverflowError:
        return serial
    return moment if clock or rest else moment.date()


def read_date_styles(package: Package, book: Book) -> dict[str, str]:
    """Number of a cell format, as text, to ``date`` or ``datetime``, for those that show one.

    :raises WorkbookError: the styles cannot be read.
    """
    if book.styles_part is None:
        return {}
    listener = _StyleListener()
    for _ in parse(package.chunks(book.styles_part), listener, book=book.name, part=book.styles_part):
        if max(len(listener.formats), len(listener.codes)) > MAX_FORMATS:
            raise damaged(book.name, f"more than {MAX_FORMATS:,} cell formats")
    kinds = {str(id_): "date" for id_ in _DATES} | {str(id_): "datetime" for id_ in _DATE_TIMES}
    kinds |= {id_: date_kind(code) for id_, code in listener.codes.items()}
    return {str(at): kind for at, id_ in enumerate(listener.formats) if (kind := kinds.get(id_))}


@dataclass(slots=True)
class _StyleListener:
    codes: dict[str, str] = field(default_factory=dict)
    formats: list[str] = field(default_factory=list)
    chunks: list[str] = field(default_factory=list)
    depth: int = 0
    _cells: bool = False

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        tag = _NAMES.get(name)
        if tag == "numFmt":
            self.codes[attrs.get("numFmtId", "")] = attrs.get("formatCode", "")
        elif tag == "cellXfs":
            self._cells = True
        elif tag == "xf" and self._cells:
            self.formats.append(attrs.get("numFmtId", "0"))

    def end(self, name: str) -> None:
        self.depth -= 1
        if _NAMES.get(name) == "cellXfs":
            self._cells = False
