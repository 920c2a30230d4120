"""Look-ups that several callers share: each thing is asked for once, and what was learned is kept for the run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shared(Generic[K, V]):
    """What `learn` says of each key. A failure is not kept: who asks later asks again.

    :param learn: asks; whatever it raises, every caller that waits for the key gets.
    """

    def __init__(self, learn: Callable[[K], Awaitable[V]]) -> None:
        self._learn = learn
        self._known: dict[K, V] = {}
        self._in_flight: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """What is known of `key`, or is learned now."""
        if key in self._known:
            return self._known[key]
        task = self._in_flight.get(key)
        if task is None:
            task = self._in_flight[key] = asyncio.create_task(self._ask(key))
            task.add_done_callback(lambda done: self._settled(key, done))
        # One who is cancelled leaves; the look-up goes on for the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Abandon what is under way."""
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _settled(self, key: K, task: asyncio.Task[V]) -> None:
        del self._in_flight[key]
        if not task.cancelled():
            task.exception()  # looked at here too: everybody who waited may have left

    async def _ask(self, key: K) -> V:
        self._known[key] = value = await self._learn(key)
        return value
