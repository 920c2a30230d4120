"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeClock:
    """Seconds that pass when the test says so; call it for what ``time.monotonic()`` would say.

    :param time: seconds now, from no particular beginning.
    :param naps: how long each call of `sleep` asked to wait.
    """

    def __init__(self, time: float = 1000.0) -> None:
        self.time = time
        self.naps: list[float] = []
        self._begun = time

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        """Let time pass; never backwards."""
        if seconds < 0:
            raise ValueError("a monotonic clock does not go backwards")
        self.time += seconds

    def sleep(self, seconds: float) -> None:
        """In place of ``time.sleep``: waits for nothing, and time passes."""
        self.naps.append(seconds)
        self.advance(max(seconds, 0.0))

    def now(self) -> datetime:
        """The time of day, in UTC; it began at 2026-01-02 03:04:05."""
        return _BEGINNING + timedelta(seconds=self.time - self._begun)
