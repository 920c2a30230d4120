from __future__ import annotations

import logging
import random
from statistics import median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.strategy._pace import Finished, Pace, Progress, ends_here, expected_size, learned
from ihacpa_plugins.strategy.time import TimeOptions, TimeStrategy
from simulated_runs import Simulation

from ihacpa_core import BatchMetrics, BatchState

LOADS = {
    "constant": lambda rng: 0.05,
    "as 20 to 80 ms": lambda rng: min(max(rng.lognormvariate(-3.2, 0.4), 0.02), 0.08),
    "lognormal": lambda rng: rng.lognormvariate(-3, 0.5),
    "heavy tailed": lambda rng: rng.lognormvariate(-3, 1.0),
    "a third of the interval": lambda rng: rng.uniform(0.2, 0.45),
    "one in fifty hangs": lambda rng: 0.6 if rng.random() < 0.02 else 0.03,
}


def strategy_of(**options):
    return TimeStrategy(TimeOptions(**options))


def run(durations, width, **options):
    simulation = Simulation(durations, width)
    simulation.run(strategy_of(**{"interval": "1s", **options}))
    return simulation


# --- when it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 4, 12])
@pytest.mark.parametrize("load", LOADS)
def test_the_median_batch_lasts_about_the_interval(load, width):
    """Within 20 %, whatever the durations, one at a time or twelve."""
    rng = random.Random(width)
    simulation = run([LOADS[load](rng) for _ in range(4000)], width)

    middle = median(batch.seconds for batch in simulation.batches[:-1])
    assert middle == pytest.approx(1.0, rel=0.2)


@given(st.lists(st.floats(0.001, 5), min_size=1, max_size=200), st.integers(1, 16), st.integers(0, 40))
def test_no_batch_is_longer_than_the_interval_by_more_than_what_is_in_flight(durations, width, max_size):
    """A record that is taken in a batch was taken before the interval was over; and none is lost or done twice."""
    simulation = run(durations, width, max_size=max_size)

    assert sum(batch.records for batch in simulation.batches) == len(durations)
    assert max(batch.seconds for batch in simulation.batches) <= 1.0 + max(durations)


def test_every_batch_that_the_clock_ends_asks_for_a_save():
    """The interval is also how often the workbook shows what was done."""
    simulation = run([0.05] * 500, 4)

    assert {batch.closed_by for batch in simulation.batches} == {"time: 1s", "end"}
    assert simulation.saves == len(simulation.batches) - 1


def test_the_count_does_not_end_a_batch():
    """From slow to ten times as fast: the first batch after the change may end by its size, then time rules again."""
    simulation = run([0.2] * 100 + [0.02] * 3000, 2)

    by_size = [batch.number for batch in simulation.batches if batch.closed_by == "size"]
    assert len(by_size) <= 4
    assert simulation.batches[-2].seconds == pytest.approx(1.0, rel=0.05)


def test_a_largest_size_is_kept():
    """Records that take no time at all still come in batches of `max_size`."""
    simulation = run([0.0] * 100, 4, max_size=30)

    assert [batch.records for batch in simulation.batches] == [30, 30, 30, 10]


def test_records_longer_than_the_interval_come_one_round_at_a_time():
    """Nothing can end them sooner: a batch is what is in flight together."""
    simulation = run([2.0] * 16, 4)

    assert max(batch.seconds for batch in simulation.batches) == 2.0


# --- the functions ----------------------------------------------------------------------------------------------------


def test_a_batch_ends_before_a_record_that_would_take_it_further_away():
    """At 0.9 of 1 s with records of 0.3 s, 0.9 is nearer than 1.2; with records of 0.1 s one more fits."""
    slow = Pace(record=0.3, tail=0.0, width=1)
    quick = Pace(record=0.1, tail=0.0, width=1)

    assert ends_here(Progress(0.9, settled=3, in_flight=0), slow, 1.0)
    assert not ends_here(Progress(0.9, settled=9, in_flight=0), quick, 1.0)


def test_what_is_in_flight_is_waited_for():
    """The tail of half a second that batches had so far belongs to the interval."""
    pace = Pace(record=0.1, tail=0.5, width=4)

    assert not ends_here(Progress(0.45, settled=9, in_flight=3), pace, 1.0)
    assert ends_here(Progress(0.5, settled=10, in_flight=3), pace, 1.0)


def test_no_batch_ends_in_the_first_quarter():
    """However long the records in flight took so far: batches of one record each would save after each."""
    pace = Pace(record=0.1, tail=30, width=4)

    assert not ends_here(Progress(0.2, settled=1, in_flight=3), pace, 1.0)


def test_one_batch_that_hung_is_not_the_rule():
    """What is learned from a batch moves the mean by a bounded factor."""
    pace = learned(Pace(0.05, 0.04, 4), Finished(seconds=3600, tail=3599, records=4, width=4))

    assert pace.record <= 0.1
    assert pace.tail <= 0.1


@given(
    st.lists(
        st.builds(
            Finished,
            seconds=st.floats(0, 1e7),
            tail=st.floats(0, 1e7),
            records=st.integers(0, 10**6),
            width=st.integers(1, 100),
        ),
        min_size=1,
    ),
    st.floats(0.1, 1e6),
)
def test_any_batches_give_a_usable_size(batches, interval):
    """From no time at all to months, the next batch takes one record or more."""
    pace = None
    for batch in batches:
        pace = learned(pace, batch)

    assert pace is not None
    assert 1 <= expected_size(pace, interval) <= 1_000_000


# --- options and log --------------------------------------------------------------------------------------------------


def test_the_interval_is_written_as_people_write_it():
    """Five minutes if nothing is said; a batch that is open for so long is over."""
    strategy = strategy_of()
    strategy.next_size(BatchState(number=1, left=1000))

    young = strategy.should_close(BatchState(number=1, taken=104, settled=100, seconds=120, left=900))
    old = strategy.should_close(BatchState(number=1, taken=304, settled=300, seconds=300, left=700))

    assert young is None
    assert old is not None
    assert (old.reason, old.save) == ("time: 5m", True)


@pytest.mark.parametrize("given", [{"interval": "soon"}, {"interval": 5}, {"max_size": -1}, {"batch_size": 5}])
def test_options_that_make_no_sense_are_refused(given):
    """Before anything is touched."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, TimeOptions)


def test_what_was_learned_is_in_the_log(caplog):
    """At the debug level, a line a batch."""
    caplog.set_level(logging.DEBUG, "ihacpa")
    strategy = strategy_of(interval="10s")
    strategy.next_size(BatchState(number=1, left=10))
    strategy.observe(BatchMetrics(number=1, records=10, failed=0, seconds=5.0, closed_by="end"))

    assert [record.getMessage() for record in caplog.records] == [
        "batch 1 lasted 5.00 of 10s with 10 records; a record takes 0.500 s"
    ]
