"""How many requests a time a host allows."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable


class Unlimited:
    """As many as there are."""

    async def wait(self) -> None:
        """Go on at once."""


class Rate:
    """At most `requests` in any span of `seconds`: a window that rolls, not one that begins anew."""

    def __init__(self, requests: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._sent: deque[float] = deque(maxlen=requests)
        self._seconds = seconds
        self._clock = clock
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn, and take it."""
        async with self._turn:
            if len(self._sent) == self._sent.maxlen:
                rest = self._sent[0] + self._seconds - self._clock()
                if rest > 0:
                    await asyncio.sleep(rest)
            self._sent.append(self._clock())
