"""What a run did in all its processes, one of which may have been killed."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.engine.totals import SLOWEST, Earlier, together
from ihacpa_core.records import Outcome, RecordId, Status
from ihacpa_core.state import RunMetrics

OF_THE_RUN = {"records", "done", "failed", "skipped", "unchecked"}
"""Counts that a process knows for the whole run."""


def outcome(name, attempts=1, seconds=0.5):
    return Outcome(id=RecordId(name), row=2, status=Status.DONE, attempts=attempts, seconds=seconds)


def test_counts_and_times_add_up():
    """What happened more than once is added, the peak of memory is the higher one, the rate is that of the whole."""
    counted = {field.name: 2 for field in fields(RunMetrics) if field.name != "slowest"}
    before = RunMetrics(**counted | {"peak_memory": 900, "done": 4}, slowest=(("a", 3.0), ("b", 1.0)))
    now = RunMetrics(**counted | {"records": 9, "done": 9, "failed": 0, "skipped": 0}, slowest=(("c", 2.0), ("b", 5.0)))

    whole = together(before, now)

    assert whole.peak_memory == 900
    assert whole.slowest == (("b", 5.0), ("a", 3.0), ("c", 2.0))
    assert whole.resumed == 0
    assert whole.records_per_second == 9 / 4
    for field in fields(RunMetrics):
        if field.name in OF_THE_RUN:
            assert getattr(whole, field.name) == getattr(now, field.name)
        elif field.name not in ("peak_memory", "slowest", "resumed"):
            assert getattr(whole, field.name) == 4, field.name


def test_one_process_is_the_whole_run():
    """A run that nobody interrupted has the same figures as its process."""
    now = RunMetrics(records=3, done=3, batches=1, wall_seconds=2.0, slowest=(("a", 1.0),))

    assert together(RunMetrics(), now) == now


def test_a_killed_process_leaves_what_it_made_durable():
    """Batches with their times, saves, and the attempts of its records are in the journal anyway."""
    earlier = Earlier()
    earlier.account(RunMetrics(batches=3, saves=1, retries=1, wall_seconds=60, peak_memory=5, slowest=(("a", 9.0),)))
    for number in range(10):
        earlier.outcome(outcome(f"r{number}", attempts=3 if number == 4 else 1, seconds=number))
    earlier.batch(2.5)
    earlier.save()

    known = earlier.metrics
    assert (known.batches, known.saves, known.retries) == (4, 2, 3)
    assert (known.wall_seconds, known.processing_seconds) == (62.5, 2.5)
    assert known.peak_memory == 5
    assert [name for name, _ in known.slowest] == ["a", "r9", "r8", "r7", "r6"]


def test_an_account_counts_for_what_it_covers():
    """What a process wrote of itself is not added to what the journal has of it anyway."""
    earlier = Earlier()
    earlier.batch(1.0)
    earlier.save()
    earlier.outcome(outcome("a", attempts=2))
    account = RunMetrics(batches=1, saves=1, retries=1, wall_seconds=4.0)

    earlier.account(account)

    assert earlier.metrics == account


@given(st.lists(st.tuples(st.text(max_size=3), st.floats(0, 100)), max_size=40))
def test_the_slowest_are_the_slowest(records):
    """Whatever the order, the slowest records are named, each once, the slowest first."""
    earlier = Earlier()
    for name, seconds in records:
        earlier.outcome(outcome(name, seconds=seconds))

    slowest = earlier.metrics.slowest
    longest = {name: max(s for n, s in records if n == name) for name in {n for n, _ in records}}
    names = {str(RecordId(name)): seconds for name, seconds in longest.items()}
    assert [seconds for _, seconds in slowest] == sorted(longest.values(), reverse=True)[:SLOWEST]
    assert all(names[name] == seconds for name, seconds in slowest)


@pytest.mark.parametrize("attempts", [0, 1])
def test_a_first_try_is_no_retry(attempts):
    """Records that were tried once, or not at all, add nothing."""
    earlier = Earlier()
    earlier.outcome(outcome("a", attempts=attempts))

    assert earlier.metrics.retries == 0
