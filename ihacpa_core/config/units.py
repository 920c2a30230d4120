"""Durations and sizes, as people write them.

An options Struct declares ``interval: Duration = "5m"`` and holds the text as it was written, so that it is shown and
stored that way; its user calls ``parse_duration(options.interval)``. Limits are written in the same units::

    interval: Annotated[Duration, msgspec.Meta(description="...", extra={"at_least": "1s", "at_most": "1h"})] = "5m"
"""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

_NUMBER = r"\d{1,12}(?:\.\d{1,9})?"
_DURATION_UNITS = {
    "w": (r"w|weeks?", 604_800.0),
    "d": (r"d|days?", 86_400.0),
    "h": (r"h|hrs?|hours?", 3_600.0),
    "m": (r"m|mins?|minutes?", 60.0),
    "s": (r"s|secs?|seconds?", 1.0),
    "ms": (r"ms|milliseconds?", 0.001),
}
_SIZE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY_UNITS = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

DURATION_WORDS = r"(?=\d)" + "".join(rf"(?:{_NUMBER}\s*(?:{words})\s*)?" for words, _ in _DURATION_UNITS.values())
"""The regular expression of a duration, without anchors: each unit at most once, the largest first."""

DURATION_PATTERN = rf"^{DURATION_WORDS}$"
SIZE_PATTERN = rf"^{_NUMBER}\s*(?:[kKmMgGtT][iI]?)?[bB]?$"

DURATION_EXPECTED = 'a duration such as "30s", "5m" or "1h30m"'
SIZE_EXPECTED = 'a size such as "64kB", "512MB" or "1.5GiB"'

Duration = Annotated[str, Meta(pattern=DURATION_PATTERN, extra={"expected": DURATION_EXPECTED, "unit": "duration"})]
"""Text that `parse_duration` reads."""

Size = Annotated[str, Meta(pattern=SIZE_PATTERN, extra={"expected": SIZE_EXPECTED, "unit": "size"})]
"""Text that `parse_size` reads."""

_DURATION = re.compile(
    r"(?=\d)" + "".join(rf"(?:(?P<{unit}>{_NUMBER})\s*(?:{words})\s*)?" for unit, (words, _) in _DURATION_UNITS.items())
)
_SIZE = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>[kmgt]i?)?b?", re.IGNORECASE)


def parse_duration(text: str) -> float:
    """The seconds in `text`: weeks, days, hours, minutes, seconds, milliseconds, the largest first.

    :raises ValueError: it is no duration; the message says what was expected.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected {DURATION_EXPECTED}, found '{text}'")
    return sum(float(number) * _DURATION_UNITS[unit][1] for unit, number in match.groupdict(default="0").items())


def parse_size(text: str) -> int:
    """The bytes in `text`. ``kB``, ``MB``, ``GB`` count in thousands, ``KiB``, ``MiB``, ``GiB`` in 1024s; ``B`` may go.

    :raises ValueError: it is no size; the message says what was expected.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected {SIZE_EXPECTED}, found '{text}'")
    unit = (match["unit"] or "").lower()
    return round(float(match["number"]) * (_BINARY_UNITS.get(unit) or _SIZE_UNITS[unit]))
