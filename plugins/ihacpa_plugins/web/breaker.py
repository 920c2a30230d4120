"""Stops asking an index that does not answer, so that a dead network ends a run in seconds and not in hours."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Opens after `limit` look-ups in a row that came to nothing; one look-up in `rest` seconds may then try again."""

    def __init__(self, *, limit: int = 8, rest: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.reason = ""
        self._limit = limit
        self._rest = rest
        self._clock = clock
        self._streak = 0
        self._asked_last = 0.0

    def allows(self) -> bool:
        """Whether a look-up may ask now."""
        if self._streak < self._limit:
            return True
        if self._clock() - self._asked_last < self._rest:
            return False
        self._asked_last = self._clock()
        return True

    def answered(self) -> None:
        """The index answered something that is no reason to try again."""
        self._streak = 0

    def failed(self, reason: str) -> None:
        """A look-up used up its tries."""
        self._streak += 1
        self.reason = reason
        self._asked_last = self._clock()
