"""Runs without a core: a strategy cuts batches of records whose durations and sizes are known, in simulated time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable

from ihacpa_core import BatchMetrics, BatchState, BatchStrategy


class Simulation:
    """Workers take records as the core's do: the next one when the last one is durable, in the same open batch.

    :param durations: seconds of each record.
    :param width: how many are in flight at once.
    :param during: called with the index of each record when it finishes, before the strategy is asked.
    :param between: called when a batch is committed.
    """

    def __init__(self, durations: Iterable[float], width: int = 1, during=None, between=None) -> None:
        self.left = deque(enumerate(durations))
        self.width = width
        self.during = during or (lambda index: None)
        self.between = between or (lambda: None)
        self.batches: list[BatchMetrics] = []
        self.saves = 0

    def run(self, strategy: BatchStrategy) -> list[BatchMetrics]:
        last = None
        while self.left:
            number = len(self.batches) + 1
            size = strategy.next_size(BatchState(number=number, left=len(self.left), last=last))
            last = self._batch(strategy, number, size, last)
            strategy.observe(last)
            self.between()
            self.batches.append(last)
        return self.batches

    def _batch(self, strategy, number, size, last):
        flying: list[tuple[float, int]] = []
        taken = settled = 0
        now, close = 0.0, None

        def take():
            nonlocal taken
            if close is None and taken < size and self.left:
                index, seconds = self.left.popleft()
                heapq.heappush(flying, (now + seconds, index))
                taken += 1

        for _ in range(self.width):
            take()
        while flying:
            now, index = heapq.heappop(flying)
            self.during(index)
            settled += 1
            state = BatchState(number=number, taken=taken, settled=settled, seconds=now, left=len(self.left), last=last)
            if close is None:
                close = strategy.should_close(state)
            take()
        self.saves += bool(close and close.save)
        reason = close.reason if close else "size" if self.left else "end"
        return BatchMetrics(number=number, records=settled, failed=0, seconds=now, closed_by=reason)
