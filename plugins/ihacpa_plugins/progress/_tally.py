"""What reporters count from events, and the words that they share."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ihacpa_core import RecordFinished, RecordId, RunStarted, Status

Clock = Callable[[], float]
"""Seconds, from any beginning, never backwards."""

_WINDOW = 30.0  # seconds that the rate is taken over: long enough to be calm, short enough to notice a slow source


class Tally:
    """A run in numbers, as far as events told. A record that is tried again counts once, as what it became last."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failed: set[RecordId] = set()
        self._skipped: set[RecordId] = set()
        self._unchecked: set[RecordId] = set()
        self._ticks: deque[float] = deque()
        self._begun = clock()
        self.total = 0
        self.finished = 0

    def begin(self, event: RunStarted) -> None:
        self._begun = self._clock()
        self.total, self.finished = event.total, event.total - event.left

    def count(self, event: RecordFinished) -> None:
        outcome = event.outcome
        for members, member in (
            (self._failed, outcome.status is Status.FAILED),
            (self._skipped, outcome.status is Status.SKIPPED),
            (self._unchecked, bool(outcome.unchecked)),
        ):
            (members.add if member else members.discard)(outcome.id)
        self.total, self.finished = event.total, event.finished
        self._ticks.append(self._clock())

    @property
    def failed(self) -> int:
        return len(self._failed)

    @property
    def skipped(self) -> int:
        return len(self._skipped)

    @property
    def unchecked(self) -> int:
        return len(self._unchecked)

    @property
    def done(self) -> int:
        return max(self.finished - self.failed - self.skipped, 0)

    @property
    def rate(self) -> float:
        """Records a second, over the last half minute; 0.0 before the first one."""
        now = self._clock()
        while self._ticks and self._ticks[0] < now - _WINDOW:
            self._ticks.popleft()
        seconds = min(now - self._begun, _WINDOW)
        return len(self._ticks) / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; None while that cannot be said."""
        rate = self.rate
        return (self.total - self.finished) / rate if rate else None


def span(seconds: float) -> str:
    """A duration in at most two units: ``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def line(text: str) -> str:
    """`text` on one line, as a terminal may show it: names and messages come from workbooks and from the network."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
