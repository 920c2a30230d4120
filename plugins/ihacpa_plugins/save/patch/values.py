"""From an update to what is to stand in the cell: its kind, its text in XML, and what its format has to be.

Text is written into the cell itself (`inlineStr`, ECMA-376 part 1, 18.18.11), not into the shared strings: that part
is as large as the sheet and would be packed anew with each save, and every reader knows inline text; openpyxl has
long written nothing else. Excel moves it to the shared strings when a person saves the file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ihacpa_core import CellStyle, CellUpdate, CellValue
from ihacpa_plugins.save.patch.markup import escape, unescape
from ihacpa_plugins.save.patch.refs import MAX_COLUMN, MAX_ROW, number
from ihacpa_plugins.save.patch.refusals import unfit

MAX_TEXT: Final = 32_767
MAX_LINK: Final = 2_079
"""UTF-16 units of a cell and of a link."""
DATE: Final = "yyyy-mm-dd"
MOMENT: Final = "yyyy-mm-dd hh:mm:ss"
GENERAL: Final = "General"

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel reads _x0041_ as "A" (22.9.2.19), and XML readers turn a bare carriage return into a line feed.
_NEEDS_ESCAPE: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|\r")
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_NOT_IN_LINK: Final = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
# Typed again by a person, a text that begins so would become a formula; the prefix tells Excel that it is text.
_LOOKS_LIKE_FORMULA: Final = frozenset("=+-@")
_EPOCH_1900: Final = datetime(1899, 12, 30)
_EPOCH_1904: Final = datetime(1904, 1, 1)
_LEAP_DAY: Final = datetime(1900, 3, 1)
_DAY: Final = timedelta(days=1)
_INLINE: Final = b' t="inlineStr"'


class Kind(Enum):
    """What a cell holds."""

    NOTHING = 0
    TEXT = 1
    NUMBER = 2
    TRUTH = 3
    MOMENT = 4


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a cell's format is to become: each field that says something changes that and nothing else.

    :param format: the number format, if the cell has none of its kind: `DATE`, `MOMENT`, or `GENERAL` for a number.
    :param quoted: marks a text that a person's typing would make a formula.
    """

    style: CellStyle | None = None
    format: str = ""
    quoted: bool = False

    @property
    def is_anything(self) -> bool:
        return self is not NO_LOOK


NO_LOOK: Final = Look()


class Write(NamedTuple):
    """An update, made ready: nothing in it can fail any more.

    :param ref: ``b"B7"``.
    :param type: the attribute ``t`` with its leading space, or nothing.
    :param body: the element inside the cell, for the prefix of the sheet.
    :param value: the text, the number, or the serial number of a day.
    """

    row: int
    column: int
    ref: bytes
    kind: Kind
    value: str | int | float | bool | None
    type: bytes
    body: bytes
    look: Look
    link: str | None


_LOOKS: Final[dict[tuple[CellStyle | None, str, bool], Look]] = {(None, "", False): NO_LOOK}


def prepare(update: CellUpdate, prefix: bytes, *, date1904: bool) -> Write:
    """What `update` means for the sheet's XML.

    :raises WorkbookError: the cell cannot hold the value.
    """
    cell, row = update.cell, update.row
    column = number(update.column)
    ref = f"{update.column}{row}"
    if not (1 <= column <= MAX_COLUMN and 1 <= row <= MAX_ROW):
        raise unfit(ref, "anything: a sheet has no such cell")
    value, format_ = cell.value, ""
    if isinstance(value, str) and value:
        kind, type_, body = Kind.TEXT, _INLINE, _text(value, ref, prefix)
    else:
        kind, value, format_ = _stored(value, ref, date1904)
        type_, body = _written(kind, value, prefix)
    key = (cell.style, format_, kind is Kind.TEXT and str(value)[0] in _LOOKS_LIKE_FORMULA)
    look = _LOOKS.get(key) or _LOOKS.setdefault(key, Look(*key))
    link = cell.link
    if link is not None:
        link = None if kind is Kind.NOTHING else _checked_link(link, ref)
    return Write(row, column, ref.upper().encode(), kind, value, type_, body, look, link)


def _text(text: str, ref: str, prefix: bytes) -> bytes:
    """The element that holds a text, which is checked on the way."""
    if len(text) > MAX_TEXT // 2 and len(text.encode("utf-16-le", "surrogatepass")) > 2 * MAX_TEXT:
        raise unfit(ref, f"a text of {len(text)} characters")
    printable = text.isprintable()
    if not printable and (found := _FORBIDDEN.search(text)):
        raise unfit(ref, f"the character U+{ord(found[0]):04X}")
    # White space at the ends, doubled, or other than blanks would not survive every reader (XML 1.0, 2.10).
    space = not printable or text[0] == " " or text[-1] == " " or "  " in text
    if "_" in text or not printable:
        text = _NEEDS_ESCAPE.sub(lambda match: "_x000D_" if match[0] == "\r" else "_x005F_", text)
    if not prefix:
        return (
            b'<is><t xml:space="preserve">%s</t></is>' % escape(text) if space else b"<is><t>%s</t></is>" % escape(text)
        )
    shown = b' xml:space="preserve"' if space else b""
    return b"<%sis><%st%s>%s</%st></%sis>" % (prefix, prefix, shown, escape(text), prefix, prefix)


def _stored(value: CellValue, ref: str, date1904: bool) -> tuple[Kind, int | float | bool | None, str]:
    if value is None or isinstance(value, str):
        return Kind.NOTHING, None, ""
    if isinstance(value, bool):
        return Kind.TRUTH, value, ""
    if isinstance(value, date):
        return Kind.MOMENT, serial(value, ref, date1904=date1904), _format(value)
    if not math.isfinite(value):
        raise unfit(ref, str(value))
    return Kind.NUMBER, value, GENERAL


def _format(value: date) -> str:
    return MOMENT if isinstance(value, datetime) and value.time() != time.min else DATE


def _written(kind: Kind, value: int | float | bool | None, prefix: bytes) -> tuple[bytes, bytes]:
    if kind is Kind.NOTHING:
        return b"", b""
    if kind is Kind.TRUTH:
        return b' t="b"', b"<%sv>%d</%sv>" % (prefix, bool(value), prefix)
    digits = repr(value).removesuffix(".0").encode()
    return b"", b"<%sv>%s</%sv>" % (prefix, digits, prefix)


def _checked_link(link: str, ref: str) -> str:
    try:
        parts = urlsplit(link)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or _NOT_IN_LINK.search(link) or len(link.encode("utf-16-le")) > 2 * MAX_LINK:
        raise unfit(ref, f"the link {link[:80]!r}: only http and https addresses of up to {MAX_LINK:,} characters")
    return link


def serial(value: date, ref: str, *, date1904: bool) -> int | float:
    """The number that stands for a day: days since the workbook's day 0; 1900 has one that never was (18.17.4).

    :raises WorkbookError: no number does.
    """
    if not isinstance(value, datetime):
        moment = datetime(value.year, value.month, value.day)
    elif value.tzinfo is not None:
        raise unfit(ref, "a time with a time zone")
    else:
        moment = value
    since = moment - (_EPOCH_1904 if date1904 else _EPOCH_1900)
    if not date1904 and moment < _LEAP_DAY:
        since -= _DAY
    if since < timedelta(0):
        raise unfit(ref, f"{value.isoformat()}: the workbook's days begin later")
    fraction = since.seconds * 1000 + since.microseconds // 1000
    return since.days + fraction / 86_400_000 if fraction else since.days


def decoded(raw: bytes) -> str:
    """The text that a `t` or `v` element holds, Excel's own escapes undone."""
    text = unescape(raw)
    if "_x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
