from __future__ import annotations

import json
import signal
from collections import Counter

import pytest

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import wait_until


@pytest.fixture
def interrupted(project, calls):
    """A run of batches of 5, stopped by Ctrl-C after some of them; returns how often each record was called."""

    def stop():
        process = project.start("--save-every", "batch", "--batch-size", "5", "-o", "checkpoint_every=1")
        wait_until(lambda: len(calls()) >= 14, what="14 calls")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == ExitCode.INTERRUPTED
        return Counter(calls())

    return stop


def test_records_from_a_position_on_are_done_again(project, calls, interrupted):
    """`--resume-from-package 6` does the sixth record and all that follow again, says so first, and ends the run."""
    before = interrupted()

    result = project.run("--resume-from-package", "6", expect=ExitCode.OK)

    order = list(before)
    again = Counter(calls()) - before
    assert len(again) == 25
    assert all(count == 1 for count in again.values())
    assert set(order[:5]).isdisjoint(again)
    assert "from no. 6 of 30 on are done" in result.stderr


def test_records_from_a_committed_batch_on_are_done_again(project, calls, interrupted):
    """`--resume-from-batch 2` leaves the five records of the first batch as they are."""
    before = interrupted()

    project.run("--resume-from-batch", "2", expect=ExitCode.OK)

    assert len(Counter(calls()) - before) == 25


def test_going_back_to_a_checkpoint_supersedes_what_came_after_it(project, calls, interrupted):
    """The beginning of an id is enough; the records of the first batch are not asked for again."""
    before = interrupted()
    listed = project.run("checkpoints", "list", "--json", expect=ExitCode.OK).stdout
    first = json.loads(listed)["checkpoints"][0]

    result = project.run("--checkpoint-id", first["checkpoint_id"], expect=ExitCode.OK)

    assert len(Counter(calls()) - before) == 30 - first["done"]
    assert "no longer count" in result.stderr


def test_undone_records_before_the_place_stay_undone_and_are_named(project, calls, interrupted):
    """What is not done before the place stays so: the run is not finished, and the next command goes on from there."""
    interrupted()

    result = project.run("--resume-from-package", "28")
    rest = project.run(expect=ExitCode.OK)

    assert result.exit_code == ExitCode.INCOMPLETE
    assert "before that stay undone" in result.stderr
    assert "--resume-from-package" not in result.stdout
    assert len(calls()) <= 30 + 4
    assert "is resumed" in rest.stderr


@pytest.mark.parametrize(
    ("option", "word"), [("--resume-from-package", "nobody"), ("--resume-from-batch", "99"), ("--checkpoint-id", "x")]
)
def test_a_place_that_is_not_there_is_a_mistake(project, calls, interrupted, option, word):
    """A record, batch or checkpoint that the run lacks: exit 2, and nothing is done."""
    before = interrupted()

    result = project.run(option, word, expect=ExitCode.USAGE)

    assert Counter(calls()) == before
    assert "hint:" in result.stderr


def test_without_an_unfinished_run_there_is_nothing_to_go_back_in(project):
    """On a fresh workbook the options are mistakes, not a new run."""
    result = project.run("--resume-from-batch", "1", expect=ExitCode.USAGE)

    assert "no unfinished run" in result.stderr
