"""Group commit: whatever finished while one commit ran goes into the next one. No timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ihacpa_core.errors import StoreError
from ihacpa_core.records import Outcome


class GroupCommitter:
    """Makes outcomes durable, many at a time, in a thread of its own.

    :param write: makes a group durable; blocks; raises `StoreError`.
    :param durable: hears of each outcome, in the main thread, once it is durable, also if nobody waits for it any more.
    """

    def __init__(self, write: Callable[[Sequence[Outcome]], None], durable: Callable[[Outcome], None]) -> None:
        self._write = write
        self._durable = durable
        self._waiting: list[tuple[Outcome, asyncio.Future[None]]] = []
        self._drain: asyncio.Task[None] | None = None
        self.lost = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ihacpa-journal")

    async def commit(self, outcome: Outcome) -> None:
        """Return when `outcome` is durable.

        :raises StoreError: it is not, and will not be.
        """
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((outcome, settled))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.ensure_future(self._drain_all())
        await settled

    async def flush(self) -> None:
        """Return when everything that was handed in is durable or has failed."""
        if self._drain is not None:
            await self._drain

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    async def _drain_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            outcomes = [outcome for outcome, _ in group]
            try:
                await loop.run_in_executor(self._thread, self._write, outcomes)
            except StoreError as error:
                self._fail(group, error)
            except Exception as error:  # noqa: BLE001  a store is a plugin; whoever waits must hear of it, or waits for ever
                self._fail(group, StoreError("outcomes could not be stored", why=f"{type(error).__name__}: {error}"))
            else:
                self._settle(group)

    def _settle(self, group: Sequence[tuple[Outcome, asyncio.Future[None]]]) -> None:
        for outcome, settled in group:
            self._durable(outcome)
            if not settled.done():
                settled.set_result(None)

    def _fail(self, group: Sequence[tuple[Outcome, asyncio.Future[None]]], error: StoreError) -> None:
        self.lost += len(group)
        for _, settled in group:
            if not settled.done():
                settled.set_exception(error)
