"""Strategies that each break a rule on purpose; the contract has to notice."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from breaking import breaks, tried

from ihacpa_core import BatchMetrics, BatchState, BatchStrategy, Close, RunContext
from ihacpa_core.testing.contracts import BatchStrategyContract

pytest_plugins = ["ihacpa_core.testing.plugin"]


class Ten(BatchStrategy):
    def __init__(self, context: RunContext) -> None:
        self._folder = context.state_dir

    def next_size(self, state: BatchState) -> int:
        return 10


@breaks("size_is_a_whole_number_from_one_up", "batches_add_up_to_the_input")
class HalfOfWhatIsLeft(Ten):
    def next_size(self, state: BatchState) -> int:
        return state.left // 2


@breaks("size_is_a_whole_number_from_one_up")
class Fractions(Ten):
    def next_size(self, state: BatchState) -> Any:
        return 0.5 + state.number


@breaks("close_is_a_close_or_nothing")
class SaysTrue(Ten):
    def should_close(self, state: BatchState) -> Any:
        return state.settled > 5


@breaks("close_is_a_close_or_nothing")
class GivesNoReason(Ten):
    def should_close(self, state: BatchState) -> Close | None:
        return Close("") if state.seconds > 300 else None


@breaks("run_that_goes_on_begins_at_any_batch")
class WantsTheBatchBefore(Ten):
    def next_size(self, state: BatchState) -> int:
        if state.number == 1:
            return 10
        assert state.last is not None
        return max(state.last.records, 1)


@breaks("any_batch_may_be_observed", "batches_add_up_to_the_input")
class DividesBySeconds(Ten):
    def observe(self, metrics: BatchMetrics) -> None:
        self._speed = metrics.records / metrics.seconds


@breaks("touches_no_file")
class KeepsADiary(Ten):
    def observe(self, metrics: BatchMetrics) -> None:
        (self._folder / "diary.txt").write_text(str(metrics))


@breaks("touches_no_file")
class LooksIntoTheJournal(Ten):
    def next_size(self, state: BatchState) -> int:
        journal = self._folder / "journal.sqlite"
        try:
            return len(journal.read_bytes()) or 1
        except FileNotFoundError:
            return 1


@breaks("asks_no_clock")
class AsksTheClock(Ten):
    def __init__(self, context: RunContext, clock: Any = time.monotonic) -> None:
        super().__init__(context)
        self._clock = clock

    def should_close(self, state: BatchState) -> Close | None:
        return Close("late") if self._clock() < 0 else None


@breaks("asks_no_clock")
class AsksTheCalendar(Ten):
    def next_size(self, state: BatchState) -> int:
        return 10 if datetime.now().hour < 12 else 20


@breaks("asks_no_clock")
class TakesANap(Ten):
    def observe(self, metrics: BatchMetrics) -> None:
        time.sleep(0.001)


globals().update(tried(globals(), BatchStrategyContract, "make_strategy"))
