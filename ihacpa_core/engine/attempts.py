"""Tries a record again when its failure may pass; says what became of it when it does not."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ihacpa_core.errors import IhacpaError, TransientError
from ihacpa_core.records import Failure, Outcome, Record

Process = Callable[[Record], Awaitable[Outcome]]

LONGEST_WAIT = 60.0
"""Seconds that a Retry-After may make us wait at the most."""


def is_transient(error: BaseException) -> bool:
    """Whether trying again may help: what says so itself, time-outs, and input or output that failed."""
    return isinstance(error, TransientError | TimeoutError | OSError)


def failure_of(error: BaseException) -> Failure:
    """`error` as a journal keeps it: no traceback, no object."""
    hint = error.hint if isinstance(error, IhacpaError) else ""
    message = (str(error) or type(error).__name__).encode(errors="replace").decode()
    return Failure(kind=type(error).__name__, message=message, hint=hint, transient=is_transient(error))


def _retry_or_wait(error: Exception) -> bool | float:
    """stamina's question: False is no, True is yes with its own backoff, a number is yes in so many seconds."""
    if isinstance(error, TransientError) and error.retry_after is not None:
        return min(error.retry_after, LONGEST_WAIT)
    return is_transient(error)


class Attempts:
    """Runs `process` up to `limit` times a record, with exponential backoff and jitter.

    :param retried: hears of each try after the first.
    """

    def __init__(self, process: Process, limit: int, retried: Callable[[], None]) -> None:
        self._process = process
        self._limit = limit
        self._retried = retried

    async def run(self, record: Record) -> Outcome:
        """What becomes of `record`; never raises but for a cancellation."""
        started = time.monotonic()
        tries = 0

        async def one_try() -> Outcome:
            nonlocal tries
            tries += 1
            if tries > 1:
                self._retried()
            return await self._process(record)

        try:
            outcome = await self._persist(one_try)
        except Exception as error:  # noqa: BLE001  whatever a processor or a plugin around it raises fails this record alone
            outcome = Outcome.failed(record, failure_of(error))
        return replace(outcome, attempts=tries, seconds=time.monotonic() - started)

    async def _persist(self, one_try: Callable[[], Awaitable[Outcome]]) -> Outcome:
        try:
            return await one_try()
        except Exception as error:  # judged at once: most failures are permanent, and need no retry machinery
            if self._limit == 1 or _retry_or_wait(error) is False:
                raise
            return await self._again(one_try, error)

    async def _again(self, one_try: Callable[[], Awaitable[Outcome]], first: Exception) -> Outcome:
        import stamina  # 26 ms that a run without failures does not pay

        pending: list[Exception] = [first]

        async def next_try() -> Outcome:
            if pending:
                raise pending.pop()  # the try that was made already counts as the first
            return await one_try()

        caller = stamina.AsyncRetryingCaller(
            attempts=self._limit, timeout=None, wait_initial=0.2, wait_max=10.0, wait_jitter=0.5
        )
        return await caller(_retry_or_wait, next_try)
