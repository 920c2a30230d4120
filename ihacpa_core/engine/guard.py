"""Keeps a run going when its strategy fails: from then on batches have a fixed size."""

from __future__ import annotations

from collections.abc import Callable

from ihacpa_core.errors import FAULTS
from ihacpa_core.roles import BatchStrategy, Close
from ihacpa_core.state import BatchMetrics, BatchState

FALLBACK_SIZE = 10


class GuardedStrategy(BatchStrategy):
    """Asks `strategy` until it raises or answers nonsense; then warns once and cuts batches of a fixed size."""

    def __init__(self, name: str, strategy: BatchStrategy, warn: Callable[[str], None]) -> None:
        self._name = name
        self._strategy: BatchStrategy | None = strategy
        self._warn = warn

    def next_size(self, state: BatchState) -> int:
        try:
            size: object = self._strategy.next_size(state) if self._strategy else FALLBACK_SIZE
        except FAULTS as error:  # a plugin's fault costs its opinion, not the run
            return self._give_up(f"raised {type(error).__name__}: {error}")
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            return self._give_up(f"asked for a batch of {size!r} records")
        return size

    def should_close(self, state: BatchState) -> Close | None:
        try:
            close: object = self._strategy.should_close(state) if self._strategy else None
        except FAULTS as error:  # a plugin's fault costs its opinion, not the run
            self._give_up(f"raised {type(error).__name__}: {error}")
            return None
        if close is None or isinstance(close, Close):
            return close
        self._give_up(f"answered {close!r} where Close or None was expected")
        return None

    def observe(self, metrics: BatchMetrics) -> None:
        try:
            if self._strategy:
                self._strategy.observe(metrics)
        except FAULTS as error:  # a plugin's fault costs its opinion, not the run
            self._give_up(f"raised {type(error).__name__}: {error}")

    def _give_up(self, what: str) -> int:
        self._strategy = None
        self._warn(f"strategy {self._name} {what}; going on with batches of {FALLBACK_SIZE}")
        return FALLBACK_SIZE
