"""Tries a record again when its failure may pass; says what became of it when it does not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ihacpa_core.errors import FAULTS, IhacpaError, RecordError, TransientError
from ihacpa_core.records import Failure, Outcome, Record
from ihacpa_core.text import duration

_LOG = logging.getLogger("ihacpa.attempts")

Process = Callable[[Record], Awaitable[Outcome]]

LONGEST_WAIT = 60.0
"""Seconds that a Retry-After may make us wait at the most."""


_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Errors of the file system that a moment's patience does not mend."""


def is_transient(error: BaseException) -> bool:
    """Whether trying again may help: what says so itself, time-outs, and input or output that failed."""
    return isinstance(error, TransientError | TimeoutError | OSError) and not isinstance(error, _FINAL)


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
        import stamina

        # stamina logs each retry; without a handler, Python would print its lines between ours.
        logging.getLogger("stamina").addHandler(logging.NullHandler())
        self._process = process
        self._retried = retried
        self._limit = limit
        self._caller = stamina.AsyncRetryingCaller(
            attempts=limit, timeout=None, wait_initial=0.2, wait_max=10.0, wait_jitter=0.5
        )

    async def run(self, record: Record) -> Outcome:
        """What becomes of `record`; never raises but for a cancellation of the run."""
        started = time.monotonic()
        tries = 0
        failed: tuple[BaseException, float] | None = None

        async def one_try() -> Outcome:
            nonlocal tries, failed
            tries += 1
            if failed is not None:
                self._retried()
                _tell_retry(record, tries, self._limit, *failed)
            try:
                return await _checked(self._process(record))
            except FAULTS as error:
                failed = error, time.monotonic()
                raise

        try:
            outcome = await self._caller(_retry_or_wait, one_try)
        except FAULTS as error:  # whatever a processor or a plugin around it raises fails this record
            outcome = Outcome.failed(record, failure_of(error))
        return replace(outcome, attempts=tries, seconds=time.monotonic() - started)


def _tell_retry(record: Record, number: int, limit: int, error: BaseException, since: float) -> None:
    """The line in the log for a try after the first."""
    cause = f"{type(error).__name__}: {error}"
    waited = duration(time.monotonic() - since)
    _LOG.info("row %s %s: try %s of %s, after %s, since %s", record.row, record.id, number, limit, waited, cause)


async def _checked(processed: Awaitable[Any]) -> Outcome:
    """The outcome, if it is one.

    :raises RecordError: it is none, or the processor cancelled itself.
    """
    try:
        outcome = await processed
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # the run is being stopped
        raise RecordError("the processor cancelled itself") from error
    if not isinstance(outcome, Outcome):
        raise RecordError(f"the processor returned {type(outcome).__name__}, not an Outcome")
    return outcome
