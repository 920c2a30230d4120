"""The strategy `time`: a batch ends after a given time, however many records it holds."""

from __future__ import annotations

import logging
from typing import Annotated

import msgspec

from ihacpa_core import (
    BatchMetrics,
    BatchState,
    BatchStrategy,
    Close,
    Duration,
    Offer,
    RunContext,
    hookimpl,
    parse_duration,
)
from ihacpa_plugins.strategy._pace import Finished, Pace, Progress, ends_here, expected_size, learned

_LOG = logging.getLogger("ihacpa.strategy.time")


class TimeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[strategy.time]``"""

    interval: Annotated[
        Duration,
        msgspec.Meta(description="how long a batch is open", extra={"at_least": "100ms", "at_most": "1d"}),
    ] = "5m"
    max_size: Annotated[int, msgspec.Meta(ge=0, description="records in the largest batch; 0: any number")] = 0


class TimeStrategy(BatchStrategy):
    """Ends each batch so that it lasts about as long as the interval, those in flight included, and asks for a save."""

    def __init__(self, options: TimeOptions) -> None:
        self._interval = parse_duration(options.interval)
        self._said = options.interval
        self._max_size = options.max_size
        self._pace: Pace | None = None
        self._closed_at: float | None = None
        self._width = 1

    def next_size(self, state: BatchState) -> int:
        self._closed_at, self._width = None, 1
        size = max(1, state.left) if self._pace is None else expected_size(self._pace, self._interval)
        return min(size, self._max_size) if self._max_size else size

    def should_close(self, state: BatchState) -> Close | None:
        progress = Progress(state.seconds, state.settled, max(0, state.taken - state.settled))
        self._width = max(self._width, progress.in_flight + 1)
        pace = self._pace or progress.pace()
        if state.seconds < self._interval and not ends_here(progress, pace, self._interval):
            return None
        self._closed_at = state.seconds
        return Close(f"time: {self._said}")

    def observe(self, metrics: BatchMetrics) -> None:
        finished = Finished(metrics.seconds, self._tail(metrics.seconds), metrics.records, self._width)
        self._pace = learned(self._pace, finished)
        _LOG.debug(
            "batch %d lasted %.2f of %s with %d records; a record takes %.3f s",
            metrics.number, metrics.seconds, self._said, metrics.records, self._pace.record,
        )  # fmt: skip

    def _tail(self, seconds: float) -> float:
        """How long the last batch waited for what was in flight; what is known already if something else ended it."""
        if self._closed_at is None:
            return self._pace.tail if self._pace else 0.0
        return max(0.0, seconds - self._closed_at)


def _make(options: TimeOptions, context: RunContext) -> BatchStrategy:
    return TimeStrategy(options)


@hookimpl
def ihacpa_strategies() -> list[Offer[BatchStrategy]]:
    return [
        Offer(
            name="time",
            aliases=("time-based",),
            factory=_make,
            options=TimeOptions,
            summary="a batch ends after an interval, however many records it holds",
        )
    ]
