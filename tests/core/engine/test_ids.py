"""Typed ids: the beginning is enough, and nothing in them is a pattern or a path."""

from __future__ import annotations

import pytest

from ihacpa_core.engine.ids import meant
from ihacpa_core.errors import UsageError

KNOWN = ["20261123-201500-ab12", "20261123-201500-ab1299", "20261124-080000-ffff"]


@pytest.mark.parametrize(("word", "found"), [(KNOWN[0], KNOWN[0]), ("20261124", KNOWN[2]), (KNOWN[1][:-1], KNOWN[1])])
def test_an_id_or_its_beginning(word, found):
    """A whole id is meant even if it begins another one; a beginning is enough if it is of one alone."""
    assert meant(word, KNOWN, "run", "ihacpa runs list") == found


@pytest.mark.parametrize("word", ["", "*", "?", "[0-9]*", "/", "../x", "2026112*", "20261123-201500-ab12/..", "\0"])
def test_patterns_and_paths_are_no_ids(word):
    """What a shell or a file system would read something into is compared as it stands, and is unknown."""
    with pytest.raises(UsageError, match="there is no run"):
        meant(word, KNOWN, "run", "ihacpa runs list")


def test_the_beginning_of_two():
    """What two begin with is refused and both are named."""
    with pytest.raises(UsageError) as caught:
        meant("20261123", KNOWN, "run", "ihacpa runs list")

    assert KNOWN[0] in caught.value.why
    assert KNOWN[1] in caught.value.why


def test_a_mistyped_id_gets_a_guess():
    """The nearest id is offered."""
    with pytest.raises(UsageError) as caught:
        meant("20261124-080000-fffe", KNOWN, "run", "ihacpa runs list")

    assert f"did you mean '{KNOWN[2]}'" in caught.value.hint
