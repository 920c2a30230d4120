"""What every batch strategy must do: cut any run into batches, from nothing but the state that it is shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ihacpa_core.roles import BatchStrategy, Close, RunContext
from ihacpa_core.state import BatchMetrics, BatchState
from ihacpa_core.testing.contracts._effects import watched_clocks, watched_files
from ihacpa_core.testing.contracts.base import Contract, missing_fixture

StrategyFactory = Callable[[RunContext], BatchStrategy]

_counts = st.integers(0, 1_000_000)
_seconds = st.one_of(st.just(0.0), st.floats(0, 1e7))
_metrics = st.builds(
    BatchMetrics,
    number=st.integers(1, 1_000_000),
    records=st.integers(1, 10_000),
    failed=st.integers(0, 10_000),
    seconds=_seconds,
    closed_by=st.sampled_from(["size", "end", "interrupted", "memory"]),
)
_states = st.builds(
    BatchState,
    number=st.integers(1, 1_000_000),
    taken=_counts,
    settled=_counts,
    seconds=_seconds,
    left=_counts,
    last=st.none() | _metrics,
)
_runs = st.builds(
    lambda seconds, first, width: ScriptedRun(tuple(seconds), first, width),
    st.lists(_seconds, max_size=150),
    st.integers(1, 5000),
    st.integers(1, 16),
)
# The same examples on every machine: whether an implementation keeps a contract is no matter of luck.
_tried = settings(
    max_examples=100, deadline=None, database=None, derandomize=True, phases=(Phase.generate, Phase.shrink)
)


@dataclass(frozen=True, slots=True)
class ScriptedRun:
    """A run whose records take known times: how long each takes, its first batch's number, records in flight."""

    seconds: tuple[float, ...]
    first: int = 1
    width: int = 1


def play(strategy: BatchStrategy, run: ScriptedRun) -> list[int]:
    """Let `strategy` cut a run as the core does; how many records each batch took.

    :raises AssertionError: a batch took no record.
    """
    left = deque(run.seconds)
    last: BatchMetrics | None = None
    sizes: list[int] = []
    while left:
        number = run.first + len(sizes)
        size = strategy.next_size(BatchState(number=number, left=len(left), last=last))
        last = _one_batch(strategy, run, left, size, number, last)
        sizes.append(last.records)
        assert last.records, f"batch {number} was opened for {size!r} records and took none"
        strategy.observe(last)
    return sizes


def _one_batch(
    strategy: BatchStrategy, run: ScriptedRun, left: deque[float], size: int, number: int, last: BatchMetrics | None
) -> BatchMetrics:
    taken = settled = 0
    spent, reason = 0.0, ""
    while left and taken < size and not reason:
        flight = [left.popleft() for _ in range(min(run.width, len(left), size - taken))]
        taken += len(flight)
        spent += max(flight)
        for _ in flight:
            settled += 1
            state = BatchState(number=number, taken=taken, settled=settled, seconds=spent, left=len(left), last=last)
            close = strategy.should_close(state)
            reason = reason or (close.reason if close else "")
    return BatchMetrics(number=number, records=settled, failed=0, seconds=spent, closed_by=reason or "size")


class BatchStrategyContract(Contract):
    """The rules of the role `strategy`. Needs hypothesis."""

    @pytest.fixture
    def make_strategy(self) -> StrategyFactory:
        """A function of a `RunContext` that returns a new strategy."""
        return missing_fixture("make_strategy", "a function of a RunContext that returns the strategy")  # type: ignore[no-any-return]

    def test_size_is_a_whole_number_from_one_up(self, make_strategy: StrategyFactory, context: RunContext) -> None:
        """Whatever state it is shown, in whatever order, the next batch takes one record or more."""

        @_tried
        @given(st.lists(_states, max_size=20))
        def check(states: Sequence[BatchState]) -> None:
            strategy = make_strategy(context)
            for state in states:
                size: object = strategy.next_size(state)
                assert isinstance(size, int) and not isinstance(size, bool), f"{size!r} for {state}"
                assert size >= 1, f"{size} for {state}"

        check()

    def test_close_is_a_close_or_nothing(self, make_strategy: StrategyFactory, context: RunContext) -> None:
        """`should_close` answers None or a `Close` with a reason that can be shown, whatever the state."""

        @_tried
        @given(st.lists(_states, max_size=20))
        def check(states: Sequence[BatchState]) -> None:
            strategy = make_strategy(context)
            for state in states:
                close: object = strategy.should_close(state)
                if close is not None:
                    assert isinstance(close, Close), f"{close!r} for {state}"
                    assert isinstance(close.reason, str) and close.reason.strip(), f"{close!r} for {state}"
                    assert isinstance(close.save, bool), f"{close!r} for {state}"

        check()

    def test_batches_add_up_to_the_input(self, make_strategy: StrategyFactory, context: RunContext) -> None:
        """However long its records take, a run comes to its end, and each record is in exactly one batch."""

        @_tried
        @given(_runs)
        def check(run: ScriptedRun) -> None:
            assert sum(play(make_strategy(context), run)) == len(run.seconds)

        check()

    def test_run_that_goes_on_begins_at_any_batch(self, make_strategy: StrategyFactory, context: RunContext) -> None:
        """After an interruption the first batch has a high number, and no batch before it in this process."""
        strategy = make_strategy(context)

        assert strategy.next_size(BatchState(number=4711, left=3)) >= 1
        assert sum(play(strategy, ScriptedRun((0.1,) * 30, first=4711))) == 30

    def test_any_batch_may_be_observed(self, make_strategy: StrategyFactory, context: RunContext) -> None:
        """Batches of no duration, of hours, all failed or cut short: none of them upsets what follows."""

        @_tried
        @given(st.lists(_metrics, max_size=20))
        def check(batches: Sequence[BatchMetrics]) -> None:
            strategy = make_strategy(context)
            for metrics in batches:
                strategy.observe(metrics)
                assert strategy.next_size(BatchState(number=metrics.number + 1, left=9, last=metrics)) >= 1

        check()

    def test_touches_no_file(self, make_strategy: StrategyFactory, context: RunContext) -> None:
        """It writes nothing, starts and asks nobody, and reads nothing of the run's."""
        strategy = make_strategy(context)

        with watched_files(context.config_dir, context.state_dir) as seen:
            play(strategy, ScriptedRun((0.5,) * 60, width=4))

        assert seen == []

    def test_asks_no_clock(self, make_strategy: StrategyFactory, context: RunContext) -> None:
        """Time is what the state says it is; it neither asks a clock nor waits."""
        strategy = make_strategy(context)

        with watched_clocks() as asked:
            play(strategy, ScriptedRun((0.5,) * 60, width=4))

        assert asked == []
