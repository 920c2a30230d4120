"""Durations and sizes are read as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.config.units import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5_400),
        ("1 h 30 min", 5_400),
        ("250ms", 0.25),
        ("1.5h", 5_400),
        ("7d", 604_800),
        ("2 weeks", 1_209_600),
        ("1s500ms", 1.5),
        ("0s", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """A duration is a sum of numbers with units, the largest first."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "30m1h", "5 parsecs", "-5s", "1e9s", "5s5s", "1..5s", "9" * 40 + "s"])
def test_what_is_no_duration_is_told_with_an_example(text: str) -> None:
    """A number needs a unit; the message shows how it is written."""
    with pytest.raises(ValueError, match='such as "30s", "5m" or "1h30m"'):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512MB", 512_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("64k", 64_000),
        ("64KiB", 65_536),
        ("2gb", 2_000_000_000),
        ("100", 100),
        ("100B", 100),
        ("1Ti", 2**40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    """kB, MB and GB count in thousands, KiB, MiB and GiB in 1024s, in any case of letters."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1 PB", "1ib", "a lot"])
def test_what_is_no_size_is_told_with_an_example(text: str) -> None:
    """The message shows how a size is written."""
    with pytest.raises(ValueError, match=r'such as "64kB", "512MB" or "1\.5GiB"'):
        parse_size(text)


@given(st.text("0123456789.wdhmsinkKMGTiB ecorut", max_size=12))
def test_the_patterns_accept_exactly_what_is_parsed(text: str) -> None:
    """An options field that passed its pattern never fails to parse, and the other way round."""
    stripped = text.strip()

    assert bool(re.search(DURATION_PATTERN, stripped)) == _parses(parse_duration, stripped)
    assert bool(re.search(SIZE_PATTERN, stripped)) == _parses(parse_size, stripped)


def _parses(parse: object, text: str) -> bool:
    try:
        parse(text)  # type: ignore[operator]
    except ValueError:
        return False
    return True
