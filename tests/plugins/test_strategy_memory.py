from __future__ import annotations

import logging
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.strategy._growth import Bounds, Growth, Moment, Sample, first_size, has_to_end, next_size
from ihacpa_plugins.strategy._limits import Use
from ihacpa_plugins.strategy.memory import MemoryOptions, MemoryStrategy
from simulated_runs import Simulation

from ihacpa_core import BatchMetrics, BatchState, PluginError

MB = 1_000_000
BOUNDS = Bounds(1, 100, 0.8)
shares = st.floats(0, 2)


class Memory:
    """A process that holds what its open batch brought, on top of a base; `fatal` counts the times it was too much."""

    def __init__(self, costs, *, base=60 * MB, limit=256 * MB):
        self.costs, self.base, self.limit = costs, base, limit
        self.held = self.fatal = self.looks = 0

    def hold(self, index):
        self.held += self.costs[index]
        self.fatal += self.base + self.held > self.limit

    def release(self):
        self.held = 0

    def measure(self):
        self.looks += 1
        return Use(int(self.base + self.held), self.limit, "cgroup")

    look = measure

    def run(self, *, width=4, warn=pytest.fail, **options):
        simulation = Simulation([0.01] * len(self.costs), width, self.hold, self.release)
        simulation.run(MemoryStrategy(MemoryOptions(**options), self, warn))
        return simulation


class Script:
    """A sensor that says what it was told, one share of 1 GB after another, and then the last one for ever."""

    def __init__(self, *said):
        self.said = list(said)

    def measure(self):
        share = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        return None if share is None else Use(int(share * 1000 * MB), 1000 * MB, "machine")

    look = measure


def strategy_of(*said, warn=pytest.fail, reclaim=lambda: None, **options):
    return MemoryStrategy(MemoryOptions(**options), Script(*said), warn, reclaim)


def opened(number=1):
    return BatchState(number=number, left=500)


def settled(count, *, taken=None, number=1):
    return BatchState(number=number, taken=taken or count, settled=count, left=400)


def committed(records, number=1):
    return BatchMetrics(number=number, records=records, failed=0, seconds=1.0, closed_by="size")


def fixed_size_that_survives(costs, base, limit):
    """The largest number of records a batch with which no batch of this work is too much."""

    def survives(size):
        return all(base + sum(costs[at : at + size]) <= limit for at in range(0, len(costs), size))

    return max((size for size in range(1, 101) if survives(size)), default=0)


# --- the growth, as functions -----------------------------------------------------------------------------------------


@given(
    st.integers(1, 1000),
    st.integers(1, 1000),
    st.floats(0.05, 1),
    st.lists(st.tuples(shares, shares, shares, st.integers(0, 1000))),
)
def test_every_size_is_within_its_bounds(one, other, target, samples):
    """Whatever memory does, a batch is no smaller and no larger than the settings say."""
    bounds = Bounds(min(one, other), max(one, other), target)

    state = first_size(samples[0][0] if samples else 0.0, bounds)
    sizes = [state.size]
    for before, peak, after, records in samples:
        state = next_size(state, Sample(before, peak, after, max(records, 1)), bounds)
        sizes.append(state.size)

    assert all(bounds.smallest <= size <= bounds.largest for size in sizes)


@given(st.integers(1, 100), shares, shares, shares, st.integers(1, 100))
def test_growth_is_slow(size, before, peak, after, records):
    """No sample lets a batch grow by more than a twentieth of the largest one."""
    assert next_size(Growth(size), Sample(before, peak, after, records), BOUNDS).size <= size + 5


def test_a_batch_that_passes_the_target_shrinks_at_once():
    """Cut at 20 of 50 records: the next one is smaller than what it came to, and so on until it fits."""
    cut = next_size(Growth(50), Sample(0.2, 0.85, 0.2, 20), BOUNDS)
    again = next_size(cut, Sample(0.2, 0.81, 0.2, 14), BOUNDS)

    assert (cut.size, again.size) == (14, 9)


def test_growth_stops_where_the_next_step_would_pass_the_target():
    """Each record takes a hundredth: from 0.2 there is room for 60 below 0.8, less a margin."""
    state = Growth(50)
    for _ in range(10):
        state = next_size(state, Sample(0.2, 0.2 + state.size / 100, 0.2, state.size), BOUNDS)

    assert state.size == 57


def test_a_batch_that_ended_early_for_another_reason_says_nothing():
    """The last records of a sheet, or an interruption: the size stays what it was."""
    assert next_size(Growth(50), Sample(0.2, 0.3, 0.2, 7), BOUNDS) == Growth(50)


def test_what_is_in_flight_counts_before_it_is_there():
    """Three heavy records are on their way, and the settled ones show how heavy: the batch ends below the target."""
    light = Moment(before=0.2, now=0.7, settled=50, in_flight=3)
    heavy = Moment(before=0.2, now=0.7, settled=5, in_flight=3)

    assert not has_to_end(light, BOUNDS)
    assert has_to_end(heavy, BOUNDS)


# --- whole runs, simulated --------------------------------------------------------------------------------------------


@given(st.lists(shares, min_size=1, max_size=300), st.integers(1, 120), st.integers(1, 8))
def test_every_record_is_in_one_batch_whatever_the_sensor_says(said, records, width):
    """Random memory, random concurrency: the batches add up to the input, each within the bounds."""
    simulation = Simulation([0.1] * records, width)

    batches = simulation.run(strategy_of(*said, warn=lambda message: None, min_size=2, max_size=30))

    assert sum(batch.records for batch in batches) == records
    assert all(1 <= batch.records <= 30 for batch in batches)


@pytest.mark.parametrize("each", [2.5, 5, 20])
def test_a_constant_load_settles_at_one_size(each):
    """After the first cut or two nothing changes any more, and no save is asked for."""
    memory = Memory([each * MB] * 2000)

    simulation = memory.run()

    sizes = [batch.records for batch in simulation.batches[:-1]]
    assert len(set(sizes[len(sizes) // 2 :])) == 1
    assert simulation.saves <= 2
    assert memory.fatal == 0


LOADS = {
    "constant": lambda rng: 5,
    "lognormal": lambda rng: 5 * rng.lognormvariate(0, 0.5),
    "one in a hundred heavy": lambda rng: 20 if rng.random() < 0.01 else rng.lognormvariate(0, 0.3),
    "exponential": lambda rng: rng.expovariate(1 / 3),
    "hardly any": lambda rng: 0.1,
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("base", [40, 100])
def test_the_mean_batch_is_half_of_the_largest_that_survives(load, base):
    """Under 256 MB no run of 20 is killed, and the mean batch is at least half of the best fixed size."""
    ratios = []
    for seed in range(20):
        rng = random.Random(seed)
        costs = [LOADS[load](rng) * MB for _ in range(800)]
        memory = Memory(costs, base=base * MB)
        batches = memory.run().batches
        assert memory.fatal == 0
        ratios.append(len(costs) / len(batches) / fixed_size_that_survives(costs, base * MB, 256 * MB))

    assert min(ratios) >= 0.5


def test_a_recorded_trace_is_replayed():
    """A process that leaked until a library was unloaded: batches shrink on the way up, and come back afterwards."""
    base = [0.30, 0.45, 0.60, 0.72, 0.79, 0.55, 0.30, 0.30, 0.30]
    strategy = strategy_of(*(share for at in base for share in (at, at + 0.06)))

    sizes = []
    for number, _ in enumerate(base, start=1):
        sizes.append(strategy.next_size(opened(number)))
        strategy.observe(committed(sizes[-1], number))

    assert sizes == [50, 55, 60, 65, 65, 45, 50, 55, 60]


def test_looking_is_done_once_a_record():
    """The sensor is asked after each record, and twice a batch."""
    memory = Memory([MB] * 100)

    simulation = memory.run()

    assert memory.looks <= 100 + 2 * len(simulation.batches)


# --- the cut ----------------------------------------------------------------------------------------------------------


def test_passing_the_target_cuts_the_batch_and_asks_for_a_save():
    """The reason says how much, of how much, and whose limit it is."""
    strategy = strategy_of(0.3, 0.5, 0.81)
    strategy.next_size(opened())

    assert strategy.should_close(settled(3)) is None
    close = strategy.should_close(settled(4))

    assert close is not None
    assert (close.reason, close.save) == ("memory: 810 of 1000 MB (machine)", True)


def test_a_cut_after_one_record_asks_for_no_save():
    """Rows that are too heavy one by one are not saved one by one."""
    strategy = strategy_of(0.3, 0.9)
    strategy.next_size(opened())

    close = strategy.should_close(settled(1))

    assert close is not None
    assert not close.save


def test_memory_that_stands_above_the_target_is_told_once_and_lived_with():
    """No size brings it down: smallest batches, no cut, no save asked for, one warning, and no end of the run."""
    warnings = []
    simulation = Simulation([0.1] * 40, 4)

    batches = simulation.run(strategy_of(0.95, warn=warnings.append, min_size=2))

    assert [batch.records for batch in batches] == [2] * 20
    assert {batch.closed_by for batch in batches} == {"size", "end"}
    assert simulation.saves == 0
    assert len(warnings) == 1
    assert "950 of 1000 MB (machine)" in warnings[0]


def test_garbage_is_collected_before_memory_is_called_full():
    """What nobody uses any more is given up first; only what remains counts."""
    collected = []
    strategy = strategy_of(0.9, 0.4, reclaim=lambda: collected.append(True))

    size = strategy.next_size(opened())

    assert (size, collected) == (50, [True])


def test_a_process_that_gets_room_again_grows_again():
    """Above the target at first, below it later: from the smallest batch up."""
    strategy = strategy_of(0.9, 0.9, 0.9, 0.2, warn=lambda message: None)
    sizes = []
    for number in range(1, 5):
        sizes.append(strategy.next_size(opened(number)))
        strategy.observe(committed(sizes[-1], number))

    assert sizes == [1, 1, 6, 11]


def test_memory_that_cannot_be_measured_is_an_error_that_says_what_to_choose():
    """Where nothing can be read the strategy gives up, and the run goes on with another one."""
    with pytest.raises(PluginError) as raised:
        strategy_of(None).next_size(opened())

    assert raised.value.hint == 'strategy = "size"'


def test_a_measurement_that_fails_once_changes_nothing():
    """A file of the kernel's that cannot be read for a moment cuts no batch."""
    strategy = strategy_of(0.3, None, 0.3)
    strategy.next_size(opened())

    assert strategy.should_close(settled(5)) is None


# --- what a person reads ----------------------------------------------------------------------------------------------


def test_each_change_is_a_line_in_the_log(caplog):
    """Where it begins, growth, the cut and what follows from it."""
    caplog.set_level(logging.INFO, "ihacpa")
    strategy = strategy_of(0.3, 0.4, 0.3, 0.85, 0.3)
    strategy.next_size(opened(1))
    strategy.observe(committed(50))
    strategy.next_size(opened(2))
    strategy.should_close(settled(20, number=2))
    strategy.observe(committed(20, 2))
    strategy.next_size(opened(3))

    assert [record.getMessage() for record in caplog.records] == [
        "batches begin with 50 records from batch 1, memory: 300 of 1000 MB (machine)",
        "batches grow to 55 records from batch 2, memory: 300 of 1000 MB (machine)",
        "batch 2 is cut after 20 records, memory: 850 of 1000 MB (machine)",
        "batches shrink to 14 records from batch 3, memory: 300 of 1000 MB (machine)",
    ]
    assert {record.name for record in caplog.records} == {"ihacpa.strategy.memory"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min_size": 30, "max_size": 20}, "min_size, 30, is above max_size, 20"),
        ({"limit": "12kB"}, "limit, 12kB, is less than 1MB"),
        ({"limit": "much"}, "limit"),
        ({"target": 1.5}, "target"),
        ({"max_size": 0}, "max_size"),
    ],
)
def test_options_that_make_no_sense_are_refused(given, said):
    """Before anything is touched, with the option's name."""
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(given, MemoryOptions)


def test_the_defaults_are_those_of_the_documentation():
    """Four fifths of what there is, from 1 to 100 records, no limit of one's own."""
    options = msgspec.convert({"limit": ""}, MemoryOptions)

    assert (options.target, options.min_size, options.max_size, options.limit) == (0.8, 1, 100, "")
