"""Tries after the first: for what may pass, with a wait that is real, while other records go on."""

from __future__ import annotations

import asyncio
import time

import pytest

from ihacpa_core.engine.attempts import Attempts
from ihacpa_core.errors import RecordError, TransientError
from ihacpa_core.records import Headers, Outcome, Record, Status


def record(key="flask"):
    return Record(
        row=2, key=key, occurrence=1, number=1, contents={"A": key}, formulas={}, headers=Headers({"A": "Name"})
    )


@pytest.fixture
def attempt():
    """Runs a record through `limit` attempts of a function that gets the number of the try; counts the retries."""

    def attempt(function, limit=3):
        tries, retries = [], []

        async def process(one):
            tries.append(time.monotonic())
            return await function(one, len(tries))

        outcome = asyncio.run(Attempts(process, limit, lambda: retries.append(1)).run(record()))
        return outcome, tries, len(retries)

    return attempt


def failing(error, times=99):
    async def function(one, number):
        if number <= times:
            raise error
        return Outcome(id=one.id, row=one.row, status=Status.DONE)

    return function


@pytest.mark.parametrize(
    "error", [TransientError("busy"), TimeoutError("too late"), ConnectionResetError("gone"), OSError(5, "I/O")]
)
def test_what_may_pass_is_tried_again(attempt, error):
    """The third try works: the record is done, with three attempts, two of them retries."""
    outcome, tries, retries = attempt(failing(error, times=2))

    assert outcome.status is Status.DONE
    assert outcome.attempts == len(tries) == 3
    assert retries == 2


@pytest.mark.parametrize(
    "error",
    [RecordError("no such package"), ValueError("x"), FileNotFoundError("x"), PermissionError("x"), SystemExit(1)],
)
def test_what_will_not_pass_is_tried_once(attempt, error):
    """A permanent failure costs one try, and says what it was."""
    outcome, tries, retries = attempt(failing(error))

    assert outcome.status is Status.FAILED
    assert (len(tries), retries) == (1, 0)
    assert outcome.error.kind == type(error).__name__
    assert outcome.error.transient is False


def test_the_wait_grows_and_is_waited(attempt):
    """Between two tries there is time, and more of it the second time, at the least."""
    outcome, tries, _ = attempt(failing(TransientError("busy")))

    assert outcome.status is Status.FAILED
    assert outcome.attempts == 3
    assert tries[1] - tries[0] >= 0.19
    assert tries[2] - tries[1] >= 0.39
    assert outcome.seconds >= 0.58


def test_the_other_side_says_how_long_to_wait(attempt):
    """Retry-After takes the place of the backoff."""
    _, tries, _ = attempt(failing(TransientError("429", retry_after=0.03), times=1))

    assert 0.03 <= tries[1] - tries[0] < 0.19


def test_a_record_that_waits_holds_nobody_up():
    """While one record waits for its next try, others are processed."""
    finished = []

    async def process(one):
        if one.key == "slow" and not finished.count("slow"):
            finished.append("slow")
            raise TransientError("busy")
        finished.append(one.key)
        return Outcome(id=one.id, row=one.row, status=Status.DONE)

    async def all_of_them():
        attempts = Attempts(process, 3, lambda: None)
        await asyncio.gather(*(attempts.run(record(key)) for key in ("slow", "a", "b", "c")))

    asyncio.run(all_of_them())

    assert finished == ["slow", "a", "b", "c", "slow"]


def test_a_run_that_is_stopped_is_no_failure(attempt):
    """A cancellation from outside goes through; one that the processor made up fails its record."""

    async def cancels_itself(one, number):
        raise asyncio.CancelledError

    outcome, _, _ = attempt(cancels_itself)

    assert outcome.error.message == "the processor cancelled itself"
