"""Batches across interruptions and odd strategies: every record once, numbers that go on, checkpoints of use."""

from __future__ import annotations

import json
import os
import re
from collections import Counter

import pytest
from openpyxl import load_workbook

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import kill, wait_until

WILD = """\
import random
from ihacpa_core import BatchStrategy, Close, Offer, hookimpl

class Wild(BatchStrategy):
    def __init__(self):
        self.chance = random.Random({seed})
    def next_size(self, state):
        return self.chance.choice([1, 2, 3, 7, 50, 100])
    def should_close(self, state):
        return Close("whim", save=self.chance.random() < 0.5) if self.chance.random() < 0.3 else None
    def observe(self, metrics):
        pass

@hookimpl
def ihacpa_strategies():
    return [Offer(name="wild", factory=lambda options, context: Wild(), summary="whatever comes to mind")]
"""


@pytest.mark.parametrize("seed", range(6))
def test_batches_of_any_size_leave_no_record_out_and_take_none_twice(project, calls, seed):
    """Sizes that go up and down, and batches that end early: each row is processed once and filled."""
    project.write("wild_strategy.py", WILD.format(seed=seed))
    folder = project.folder / "wild-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: wild\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[ihacpa.strategy]\nwild = wild_strategy\n")
    project.write("work.py", (project.folder / "work.py").read_text().replace("0.04", "0.001"))

    project.run("--strategy", "wild", expect=ExitCode.OK)

    assert Counter(calls()) == Counter({f"item-{n:02}": 1 for n in range(1, 31)})
    assert [project.cells()[f"C{row}"] for row in range(2, 32)] == [n * 2 for n in range(1, 31)]


def test_batch_numbers_go_on_after_a_resume(project, calls):
    """The batches of a run are numbered through its interruptions, whatever size they have afterwards."""
    process = project.start("--batch-size", "5")
    wait_until(lambda: len(calls()) >= 13, what="13 calls")
    kill(process)

    project.run("--batch-size", "3", expect=ExitCode.OK)

    details = json.loads(project.run("runs", "show", "--json", expect=ExitCode.OK).stdout)
    numbers = [batch["number"] for batch in details["batch_list"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 2 + 5
    assert [batch["records"] for batch in details["batch_list"]][:2] == [5, 5]


def test_checkpoints_of_one_second_are_as_many_as_were_written(project):
    """Names tell apart what was written in the same second; each has a backup that is what it says."""
    project.write("work.py", (project.folder / "work.py").read_text().replace("0.04", "0.001"))

    project.run(
        *("--batch-size", "3", "--save-every", "batch", "-o", "checkpoint_every=1", "-o", "keep_checkpoints=true"),
        *("-o", "keep_backups=100"),
        expect=ExitCode.OK,
    )

    verified = project.run("checkpoints", "verify", "--json", expect=ExitCode.OK)
    metrics = json.loads((project.folder / ".ihacpa" / "book.xlsx" / "run.json").read_text())["metrics"]
    assert metrics["checkpoints"] >= 5
    assert len(set(re.findall(r"\d{8}-\d{6}-\w{4}-\d{5}-\w{4}", verified.stdout))) == metrics["checkpoints"]


@pytest.mark.parametrize("after", [3, 7, 12, 18, 25])
def test_no_checkpoint_is_there_before_its_backup(project, calls, after):
    """Killed at any time: every checkpoint that can be seen has its backup, and both are whole."""
    options = ("--batch-size", "2", "--save-every", "batch", "-o", "checkpoint_every=1", "-o", "keep_checkpoints=true")
    process = project.start(*options)
    wait_until(lambda: len(calls()) >= after, what=f"{after} calls")
    kill(process)

    project.run("checkpoints", "verify", expect=ExitCode.OK)


def test_an_edit_that_hides_its_time_is_noticed(project, calls):
    """Same size, same time of change, other bytes: content is compared, and the edit is not written over."""
    process = project.start("--save-every", "batch", "--batch-size", "4")
    wait_until(lambda: len(calls()) >= 14, what="14 calls")
    kill(process)
    before = project.workbook.stat()
    book = load_workbook(project.workbook)
    book.active["D3"] = "by hand"
    book.save(project.workbook)
    os.utime(project.workbook, ns=(before.st_atime_ns, before.st_mtime_ns))

    refused = project.run(expect=ExitCode.DECISION_NEEDED)
    project.run("--force-continue", expect=ExitCode.OK)

    assert "hint:" in refused.stderr
    assert project.cells()["D3"] == "by hand"


SLOW = """\
import time
from pathlib import Path

TIMES = Path(__file__).with_name("times.txt")

def double(record):
    begun = time.monotonic()
    time.sleep(0.2)
    with TIMES.open("a") as times:
        times.write(f"{begun} {time.monotonic()}\\n")
    return {"Total": 1}
"""


def test_records_are_processed_side_by_side(project):
    """As many at a time as `concurrency` says, also with small batches, and never more."""
    project.write("work.py", SLOW)

    project.run("--batch-size", "4", "--limit", "12", expect=ExitCode.OK)

    spans = [tuple(map(float, line.split())) for line in (project.folder / "times.txt").read_text().splitlines()]
    most = max(sum(1 for begun, ended in spans if begun <= moment < ended) for moment, _ in spans)
    assert len(spans) == 12
    assert most == 4
    assert max(ended for _, ended in spans) - min(begun for begun, _ in spans) < 12 * 0.2 * 0.6


def test_what_failed_for_a_passing_reason_is_tried_once_more_at_the_end(project, calls):
    """A server that comes back while the run goes on: the rows that it failed are done in the end."""
    project.write(
        "work.py",
        "from pathlib import Path\n"
        "from ihacpa_core import TransientError\n"
        "CALLS = Path(__file__).with_name('calls.txt')\n"
        "def double(record):\n"
        "    with CALLS.open('a') as calls:\n"
        "        calls.write(record.key + '\\n')\n"
        "    if record.row < 6 and CALLS.read_text().split().count('item-30') == 0:\n"
        "        raise TransientError('down for maintenance')\n"
        "    return {'Total': record['Amount'] * 2}\n",
    )

    project.run("-o", "attempts=1", "--batch-size", "5", expect=ExitCode.OK)

    assert [project.cells()[f"C{row}"] for row in range(2, 32)] == [n * 2 for n in range(1, 31)]
    assert calls()[-4:] and set(calls()[-4:]) == {"item-01", "item-02", "item-03", "item-04"}
