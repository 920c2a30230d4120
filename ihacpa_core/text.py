"""How things are said to a person: durations, sizes, and text from elsewhere on one clean line."""

from __future__ import annotations

import unicodedata


def one_line(text: str) -> str:
    """`text` on one line without anything that steers a terminal, wherever it comes from."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))


def duration(seconds: float) -> str:
    """Seconds in at most two units: ``40 ms``, ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if 0 < seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Bytes as people say them: ``812 kB``, ``212 MB``, ``1.4 GB``; thousands, not 1,024s."""
    if count < 1_000_000:
        return f"{count / 1_000:.0f} kB"
    return f"{count / 1_000_000:.0f} MB" if count < 1_000_000_000 else f"{count / 1_000_000_000:.1f} GB"


def counted(count: int, one: str, many: str = "") -> str:
    """``1 batch``, ``2,000 batches``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes: wide letters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def clip(text: str, width: int) -> str:
    """`text` in at most `width` columns, the cut marked."""
    if len(text) * 2 <= width or columns(text) <= width:
        return text
    kept, left = [], width - 1
    for letter in text:
        left -= columns(letter)
        if left < 0:
            break
        kept.append(letter)
    return f"{''.join(kept)}\N{HORIZONTAL ELLIPSIS}"


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces; a longer word is clipped."""
    lines = [""]
    for word in text.split():
        word = clip(word, width)
        if lines[-1] and columns(lines[-1]) + 1 + columns(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
