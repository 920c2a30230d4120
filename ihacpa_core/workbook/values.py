"""Values made fit for Excel before they are journaled, so that one bad value never blocks a save.

A value that Excel can hold comes out as it went in, but for what Excel does to every such value anyway: line breaks
become LF, and times are cut to the millisecond. Everything else is changed as little as possible, and named.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from ihacpa_core.records import Cell, CellValue

MAX_TEXT = 32_767
"""UTF-16 units in a cell."""
MAX_LINK = 2_079
"""UTF-16 units of a link's address."""
MAX_DIGITS = 15
"""Decimal digits that Excel keeps of a number; an id of more would come back as another one."""
LARGEST = 9.99999999999999e307
SMALLEST = 2.2250738585072014e-308
"""The range of Excel's numbers; a smaller one becomes 0."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BROKEN = re.compile("[\ud800-\udfff\ufffe\uffff]")
_NOT_IN_LINK = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_EARLIEST = date(1900, 1, 1)

Fitted = tuple[CellValue, tuple[str, ...]]


def fit(cell: Cell) -> tuple[Cell, tuple[str, ...]]:
    """The cell that Excel can hold instead of `cell`, and a note on each thing that had to change.

    :raises TypeError: the value or link is of a type that no cell holds; its name is in the message.
    """
    value, notes = fit_value(cell.value)
    link, link_notes = _fit_link(cell.link)
    if value is cell.value and link is cell.link:
        return cell, notes
    return Cell(value, cell.style, link), notes + link_notes


def fit_value(value: Any) -> Fitted:
    """The value that Excel can hold instead of `value`, and a note on each thing that had to change.

    :raises TypeError: as `fit`.
    """
    fitter = _FITTERS.get(type(value))
    if fitter is not None:
        return fitter(value)
    for kinds, plain in _PLAIN:
        if isinstance(value, kinds):
            return fit_value(plain(value))
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise TypeError(f"a cell holds text, a number, a truth value, a date or nothing, not {kind}")


def same_value(wanted: CellValue, found: CellValue) -> bool:
    """Whether `found`, read from a workbook, is what became of `wanted`, a fitted value that was written to it.

    Numbers are compared to Excel's 15 digits, a date equals its midnight, an empty text equals nothing.
    """
    if wanted in ("", None) or found in ("", None):
        return wanted in ("", None) and found in ("", None)
    if isinstance(wanted, date) and isinstance(found, date):
        return abs((_moment(wanted) - _moment(found)).total_seconds()) < 0.001
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return wanted == found or (isinstance(wanted, float) and math.isclose(wanted, found, rel_tol=5e-15))
    return type(wanted) is type(found) and wanted == found


def _moment(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)


def _as_it_is(value: CellValue) -> Fitted:
    return value, ()


def _fit_int(value: int) -> Fitted:
    if abs(value) < 10**MAX_DIGITS:
        return value, ()
    try:
        text = str(value)
    except ValueError:  # Python's own limit on digits
        text = hex(value)
    fitted, notes = _fit_text(text)
    return fitted, (f"a number of more than {MAX_DIGITS} digits is text", *notes)


def _fit_float(value: float) -> Fitted:
    if math.isfinite(value) and SMALLEST <= abs(value) <= LARGEST:
        return value, ()
    if math.isnan(value):
        return "NaN", ('not a number is the text "NaN"',)
    if abs(value) > LARGEST:
        text = repr(value)
        return text, (f'a number beyond Excel\'s range is the text "{text}"',)
    return 0.0, (("a number too small for Excel is 0",) if value else ())


def _fit_text(text: str) -> Fitted:
    notes = []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _FORBIDDEN.search(text):
        text, count = _FORBIDDEN.subn("", text)
        notes.append(f"{count} control characters removed" if count > 1 else "1 control character removed")
    if _BROKEN.search(text):
        text, count = _BROKEN.subn("\ufffd", text)
        notes.append(f"{count} broken characters replaced" if count > 1 else "1 broken character replaced")
    if len(text) > MAX_TEXT // 2 and _units(text) > MAX_TEXT:
        whole = len(text)
        text = _cut(text)
        notes.append(f"a text of {whole:,} characters cut to Excel's {MAX_TEXT:,}")
    return text, tuple(notes)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str) -> str:
    """As much of `text` as fits with the mark that says how much is gone."""
    room = MAX_TEXT - len(f"… [cut, {len(text):,} more characters]")
    kept = text.encode("utf-16-le")[: 2 * room].decode("utf-16-le", "ignore")
    return f"{kept}… [cut, {len(text) - len(kept):,} more characters]"


def _fit_datetime(value: datetime) -> Fitted:
    notes: tuple[str, ...] = ()
    if value.tzinfo is not None:
        try:
            value = value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            return value.isoformat(), ("a time beyond the calendar is text",)
        notes = ("a time with a zone is UTC without one",)
    value = value.replace(microsecond=value.microsecond // 1000 * 1000, fold=0)
    if value.date() < _EARLIEST:
        return value.isoformat(sep=" "), (*notes, "a date before 1900 is text")
    return value, notes


def _fit_date(value: date) -> Fitted:
    return (value, ()) if value >= _EARLIEST else (value.isoformat(), ("a date before 1900 is text",))


def _fit_link(link: object) -> tuple[str | None, tuple[str, ...]]:
    if link is None:
        return None, ()
    if not isinstance(link, str):
        raise TypeError(f"a link is text, not {type(link).__name__}")
    if _NOT_IN_LINK.search(link):
        return None, ("a link with characters that no address holds dropped",)
    if not _is_web(link):
        return None, ("a link that is not http or https dropped",)
    if _units(link) > MAX_LINK:
        return None, (f"a link of more than {MAX_LINK:,} characters dropped",)
    return link, ()


def _is_web(link: str) -> bool:
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


_FITTERS: dict[type, Callable[[Any], Fitted]] = {
    type(None): _as_it_is,
    bool: _as_it_is,
    int: _fit_int,
    float: _fit_float,
    str: _fit_text,
    datetime: _fit_datetime,
    date: _fit_date,
}

_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),  # an enumeration's member is its text
    (datetime, lambda moment: datetime.combine(date(*moment.timetuple()[:3]), moment.timetz())),
    (date, lambda day: date(day.year, day.month, day.day)),
    (numbers.Integral, int),
    (numbers.Real, float),
    (Decimal, float),
)
"""Kinds of values that other libraries make (numpy, pandas, enum, decimal), and how they become Python's own."""
