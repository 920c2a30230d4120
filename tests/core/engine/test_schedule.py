from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.engine.schedule import SaveSchedule


def test_auto_saves_every_batch_while_a_save_is_cheap():
    """A save that costs nothing measurable follows every batch."""
    schedule = SaveSchedule(every="auto")

    assert schedule.is_due(since_last=0.05, cost=0.001, asked=False)


@given(costs=st.lists(st.floats(0.01, 30), min_size=1, max_size=40), batch=st.floats(0.01, 5))
def test_auto_never_spends_more_than_a_tenth_of_the_time_on_saves(costs, batch):
    """Whatever the saves cost, those that `auto` starts take at most a tenth of the time up to the next one."""
    schedule = SaveSchedule(every="auto")
    now, last_end, cost, busy = 0.0, 0.0, costs[0], 0.0

    for next_cost in costs:
        while not schedule.is_due(since_last=now - last_end, cost=cost, asked=False):
            now += batch
        assert busy + cost <= 0.1 * (now + cost) + 1e-6
        busy += cost
        now += cost
        last_end, cost = now, next_cost


@pytest.mark.parametrize(
    ("every", "since_last", "asked", "due"),
    [
        ("batch", 0.0, False, True),
        ("end", 1e9, True, False),
        ("auto", 0.0, True, True),
        (30.0, 29.9, False, False),
        (30.0, 30.0, False, True),
        (30.0, 1.0, True, True),
    ],
)
def test_a_strategy_can_ask_for_a_save_but_never_against_end(every, since_last, asked, due):
    """What a strategy asks for overrides `auto` and a duration, never `end`."""
    schedule = SaveSchedule(every=every)

    assert schedule.is_due(since_last=since_last, cost=10.0, asked=asked) is due
