"""Text from elsewhere, made fit for a terminal, a line, a table."""

from __future__ import annotations

from collections.abc import Iterable


def one_line(text: str) -> str:
    """`text` on one line without anything that steers a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))


def listed(texts: Iterable[str], most: int = 5) -> str:
    """The first of `texts`, and how many more there are."""
    every = list(texts)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def counted(count: int, one: str, many: str = "") -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count} {one if count == 1 else many or one + 's'}"
