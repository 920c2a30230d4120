"""The executor `local`: as many workers as records may be in flight, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ihacpa_core import Executor, Offer, ProcessRecord, Record, SettleOutcome, hookimpl


class LocalExecutor(Executor):
    """Workers on the event loop share one iterator of records.

    A worker takes its next record only when the outcome of the last one is durable, so that the bound on records in
    flight holds by construction.
    """

    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        async def work() -> None:
            for record in records:
                await settle(await process(record))

        workers = [asyncio.ensure_future(work()) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)


@hookimpl
def ihacpa_executors() -> list[Offer[Executor]]:
    return [
        Offer(
            name="local",
            factory=lambda options, context: LocalExecutor(),
            summary="bounded concurrency in this process",
        )
    ]
