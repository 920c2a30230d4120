from __future__ import annotations

import asyncio
import threading

import pytest

from ihacpa_core.engine.commits import GroupCommitter
from ihacpa_core.errors import StoreError
from ihacpa_core.records import Outcome, Record


def outcomes(count):
    return [Outcome.skipped(Record(row=n, key=str(n))) for n in range(count)]


def test_what_finished_during_one_commit_shares_the_next():
    """While a commit runs, all others wait for one common commit and not for one each."""
    groups: list[int] = []
    release = threading.Event()

    def write(group):
        if not groups:
            groups.append(len(group))
            release.wait(5)
        else:
            groups.append(len(group))

    async def scenario():
        heard = []
        committer = GroupCommitter(write, heard.append)
        first, *rest = outcomes(9)
        waiting = [asyncio.ensure_future(committer.commit(first))]
        await asyncio.sleep(0.05)
        waiting += [asyncio.ensure_future(committer.commit(outcome)) for outcome in rest]
        await asyncio.sleep(0.05)
        release.set()
        await asyncio.gather(*waiting)
        committer.close()
        return heard

    heard = asyncio.run(scenario())

    assert groups == [1, 8]
    assert len(heard) == 9


def test_a_failed_commit_reaches_everybody_who_waits_for_it():
    """Outcomes that could not be made durable are never reported as such, and are counted."""

    def write(group):
        raise StoreError("disk full")

    async def scenario():
        heard = []
        committer = GroupCommitter(write, heard.append)
        with pytest.raises(StoreError, match="disk full"):
            await committer.commit(outcomes(1)[0])
        committer.close()
        return heard, committer.lost

    assert asyncio.run(scenario()) == ([], 1)


def test_an_abandoned_outcome_that_became_durable_is_still_heard_of():
    """Cancelling whoever waits for a commit does not undo it."""
    release = threading.Event()

    async def scenario():
        heard = []
        committer = GroupCommitter(lambda group: release.wait(5), heard.append)
        waiting = asyncio.ensure_future(committer.commit(outcomes(1)[0]))
        await asyncio.sleep(0.05)
        waiting.cancel()
        release.set()
        await committer.flush()
        committer.close()
        return heard

    assert len(asyncio.run(scenario())) == 1
