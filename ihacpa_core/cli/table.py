"""Tables for people: columns as wide as what is in them, a heading above each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ihacpa_core.text import columns, one_line


def render_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of text; nothing is cut, so that an id can be copied."""
    cells = [[one_line(text) for text in row] for row in (heads, *rows)]
    widths = [max(columns(row[place]) for row in cells) for place in range(len(heads))]
    return "".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f"{text}{' ' * (width - columns(text))}" for text, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip() + "\n"


def moment(when: datetime | None) -> str:
    """A time as the clock on the wall shows it; ``-`` for none."""
    return "-" if when is None else f"{when.astimezone():%Y-%m-%d %H:%M:%S}"
