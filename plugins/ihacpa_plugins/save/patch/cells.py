"""One cell as it is written in the sheet: what it holds, whether that is what it should hold, and the cell anew."""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from ihacpa_plugins.save.patch.markup import is_plain
from ihacpa_plugins.save.patch.strings import SharedStrings, rich_text
from ihacpa_plugins.save.patch.values import Kind, Write, decoded

_MILLISECOND: Final = 1 / 86_400_000
_FORMULA: Final = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_VALUE: Final = re.compile(rb"\s*<(?:[\w.-]+:)?v(?:\s[^<>]*)?>([^<]*)</(?:[\w.-]+:)?v\s*>\s*")
_INLINE: Final = re.compile(rb"<(?:[\w.-]+:)?is[\s>]")
_EMPTY: Final = re.compile(rb"\s*(?:<(?:[\w.-]+:)?v\s*(?:/>|>\s*</(?:[\w.-]+:)?v\s*>)\s*)?")


class Old(NamedTuple):
    """A cell as it stands: its format, the attribute ``t``, and what is inside."""

    style: int
    type: bytes
    body: bytes

    @property
    def has_formula(self) -> bool:
        return (b"<f" in self.body or b":f" in self.body) and _FORMULA.search(self.body) is not None


def holds(old: Old, write: Write, strings: SharedStrings) -> bool:
    """Whether a cell holds what is to be written already, as Excel would show it.

    In doubt it does not: then the cell is written, and holds it for certain.
    """
    body = old.body
    if write.kind is Kind.NOTHING:
        return _EMPTY.fullmatch(body) is not None
    if old.has_formula or not is_plain(body):
        return False
    if write.kind is Kind.TEXT:
        return _text(old, strings) == write.value
    match = _VALUE.fullmatch(body)
    if match is None:
        return False
    if write.kind is Kind.TRUTH:
        return old.type == b"b" and (match[1].strip() in (b"1", b"true")) is write.value
    if old.type not in (b"", b"n"):
        return False
    return _same_number(match[1], write)


def _same_number(digits: bytes, write: Write) -> bool:
    assert isinstance(write.value, int | float)
    try:
        there = float(digits)
    except ValueError:
        return False
    if write.kind is Kind.MOMENT:
        return abs(there - write.value) < _MILLISECOND
    return math.isfinite(there) and f"{there:.15g}" == f"{write.value:.15g}"


def _text(old: Old, strings: SharedStrings) -> str | None:
    """The text that a cell shows; None for one that shows something else."""
    if old.type == b"inlineStr":
        return rich_text(old.body.strip()) if _INLINE.match(old.body.strip()) else None
    match = _VALUE.fullmatch(old.body)
    if match is None:
        return None
    if old.type == b"str":
        return decoded(match[1])
    if old.type != b"s" or not match[1].strip().isdigit():
        return None
    return strings[int(match[1])]


def render(write: Write, style: int, prefix: bytes) -> bytes:
    """The cell anew. Attributes that said something of the old value (`cm`, `vm`, `ph`) are gone with it."""
    shown = b' s="%d"' % style if style else b""
    if not write.body:
        return b'<%sc r="%s"%s/>' % (prefix, write.ref, shown)
    return b'<%sc r="%s"%s%s>%s</%sc>' % (prefix, write.ref, shown, write.type, write.body, prefix)
