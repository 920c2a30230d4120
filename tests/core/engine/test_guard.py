from __future__ import annotations

import pytest

from ihacpa_core.engine.guard import FALLBACK_SIZE, GuardedStrategy
from ihacpa_core.errors import PluginError
from ihacpa_core.roles import BatchStrategy, Close
from ihacpa_core.state import BatchMetrics, BatchState

STATE = BatchState(number=1, taken=3, settled=2, left=50)
METRICS = BatchMetrics(number=1, records=5, failed=0, seconds=1.0, closed_by="size")


class Scripted(BatchStrategy):
    """Answers what a test says; an exception is raised."""

    def __init__(self, size=7, close=None, observed=None):
        self.size, self.close, self.observed = size, close, observed
        self.asked = 0

    def next_size(self, state):
        return self._answer(self.size)

    def should_close(self, state):
        return self._answer(self.close)

    def observe(self, metrics):
        self._answer(self.observed)

    def _answer(self, what):
        self.asked += 1
        if isinstance(what, BaseException):
            raise what
        return what


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def guarded(warnings):
    return lambda strategy: GuardedStrategy("clever", strategy, warnings.append)


def test_a_strategy_that_works_is_asked_and_believed(guarded, warnings):
    """Its size, its end of a batch, its word about the save."""
    close = Close("enough", save=False)
    strategy = guarded(Scripted(7, close))
    strategy.observe(METRICS)

    assert strategy.next_size(STATE) == 7
    assert strategy.should_close(STATE) == close
    assert warnings == []


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "asked for a batch of 0 records"),
        (-3, "asked for a batch of -3 records"),
        (2.5, "asked for a batch of 2.5 records"),
        (True, "asked for a batch of True records"),
        (None, "asked for a batch of None records"),
        (ZeroDivisionError("by zero"), "raised ZeroDivisionError: by zero"),
        (PluginError("no memory to be seen"), "raised PluginError: no memory to be seen"),
        (SystemExit(3), "raised SystemExit: 3"),
    ],
)
def test_a_size_that_is_none_brings_batches_of_ten(guarded, warnings, size, said):
    """Nonsense and exceptions: one warning with the strategy's name, and a size that works, from then on."""
    broken = Scripted(size)
    strategy = guarded(broken)

    assert [strategy.next_size(STATE) for _ in range(3)] == [FALLBACK_SIZE] * 3
    assert warnings == [f"strategy clever {said}; going on with batches of {FALLBACK_SIZE}"]
    assert broken.asked == 1


@pytest.mark.parametrize("close", ["enough", True, 1, OSError("no such file")])
def test_an_end_that_is_none_lets_the_batch_go_on(guarded, warnings, close):
    """Only `Close` and None are answers; after anything else the strategy is not asked again."""
    strategy = guarded(Scripted(7, close))

    assert strategy.should_close(STATE) is None
    assert strategy.should_close(STATE) is None
    assert strategy.next_size(STATE) == FALLBACK_SIZE
    assert len(warnings) == 1


def test_a_strategy_that_cannot_bear_to_learn_is_let_go(guarded, warnings):
    """An exception in `observe` costs the strategy its place, too."""
    strategy = guarded(Scripted(7, observed=KeyError("closed_by")))
    strategy.observe(METRICS)

    assert strategy.next_size(STATE) == FALLBACK_SIZE
    assert len(warnings) == 1


def test_ctrl_c_is_never_swallowed(guarded):
    """An interruption that arrives inside a strategy goes on to the run."""
    with pytest.raises(KeyboardInterrupt):
        guarded(Scripted(KeyboardInterrupt())).next_size(STATE)
