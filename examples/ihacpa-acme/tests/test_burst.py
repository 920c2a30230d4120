from __future__ import annotations

import msgspec
import pytest
from ihacpa_acme.burst import BurstOptions, BurstStrategy

from ihacpa_core import BatchState
from ihacpa_core.testing import BatchStrategyContract, offered


class TestBurst(BatchStrategyContract):
    """Whatever every strategy must do."""

    @pytest.fixture
    def make_strategy(self):
        return offered("ihacpa_acme.burst", "burst", small=3, large=40, every=3)


def sizes(options, count):
    strategy = BurstStrategy(options)
    return [strategy.next_size(BatchState(number=number)) for number in range(1, count + 1)]


def test_small_batches_come_first_then_a_burst():
    """Each batch whose number `every` divides is large, the others are small."""
    assert sizes(BurstOptions(small=2, large=50, every=3), 7) == [2, 2, 50, 2, 2, 50, 2]


def test_every_batch_may_be_a_burst():
    """With every = 1 there are no small batches."""
    assert sizes(BurstOptions(small=1, large=9, every=1), 3) == [9, 9, 9]


def test_a_batch_that_is_open_for_too_long_ends_and_asks_for_a_save():
    """`max_seconds` ends a batch, whatever its size; until then it goes on."""
    strategy = BurstStrategy(BurstOptions(max_seconds="1m30s"))

    assert strategy.should_close(BatchState(number=1, seconds=89.9)) is None
    close = strategy.should_close(BatchState(number=1, seconds=90.0))
    assert close is not None
    assert close.save
    assert close.reason == "open for 1m30s"


def test_small_is_not_larger_than_large():
    """Options that do not go together are refused, and the message says which."""
    with pytest.raises(msgspec.ValidationError, match="small to be at most large, found 9 and 8"):
        msgspec.convert({"small": 9, "large": 8}, BurstOptions)
