"""The log of a run: one line for each thing that happened, that a person can read without the code beside it."""

from __future__ import annotations

import re
import signal
from datetime import datetime

import pytest

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import wait_until

FLAKY = """\
from pathlib import Path
from ihacpa_core import TransientError

CALLS = Path(__file__).with_name("calls.txt")

def double(record):
    with CALLS.open("a") as calls:
        calls.write(record.key + "\\n")
    if record.key == "item-03" and CALLS.read_text().split().count("item-03") < 3:
        raise TransientError("the index is busy", why="429\\nslow down", retry_after=0.05)
    if record.key == "item-05":
        raise ValueError("no such\\nthing")
    return {"Total": record["Amount"] * 2}
"""


@pytest.fixture
def log(project):
    """Reads the lines of the log, without their times, which have to be in order."""

    def read():
        (path,) = (project.folder / ".ihacpa" / "book.xlsx" / "logs").iterdir()
        times, lines = zip(*(line.split(" ", 1) for line in path.read_text().splitlines()), strict=True)
        moments = [datetime.fromisoformat(time) for time in times]
        assert all(moment.tzinfo for moment in moments)
        assert moments == sorted(moments)
        return [re.sub(r"\s+", " ", line) for line in lines]

    return read


def matching(lines, pattern):
    return [line for line in lines if re.search(pattern, line)]


def test_every_event_has_its_line(project, log):
    """Start, batches, a retry with cause and wait, a failure, checkpoints, saves, and the end with its figures."""
    project.write("work.py", FLAKY)

    options = ("--batch-size", "10", "--save-every", "batch", "-o", "checkpoint_every=2")
    project.run(*options, expect=ExitCode.INCOMPLETE)

    lines = log()
    assert re.match(r"INFO run \S+ begins on /\S+/book.xlsx, sheet Data: 30 of 30 records to do, 4 at a time", lines[0])
    assert len(matching(lines, r"^INFO batch [123] started, at most 10 records")) == 3
    assert len(matching(lines, r"^INFO batch [123] committed: 10 records, [01] failed, .* closed by (size|end); ")) == 3
    retries = matching(
        lines, r"item-03: try [23] of \d, after [0-9.]+ m?s, since TransientError: the index is busy: 429 slow"
    )
    assert len(retries) == 2
    (failure,) = matching(lines, "^WARNING row 6 item-05: failed")
    assert "ValueError: no such thing" in failure
    assert 1 <= len(matching(lines, r"^INFO saved /\S+book.xlsx: \d+ cells in [0-9.]+ m?s, SHA-256 [0-9a-f]{64}$")) <= 4
    assert matching(lines, r"^INFO checkpoint \S+ written after batch \d in ")
    assert re.match(
        r"INFO run \S+ finished, exit code 3: 29 done, 1 failed, .*2 retries;.* processing,.*at the peak", lines[-1]
    )


def test_an_interruption_and_its_resume(project, calls, log):
    """The signal, the checkpoint that it asked for, the end, and the new beginning stand in one file."""
    process = project.start()
    wait_until(lambda: len(calls()) >= 6, what="6 calls")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    project.run(expect=ExitCode.OK)

    lines = log()
    stopping, checkpoint, end, again = (
        lines.index(matching(lines, pattern)[0])
        for pattern in ("WARNING .*stopping", "checkpoint .* written", "unfinished, exit code 130", "is resumed on")
    )
    assert stopping < checkpoint < end < again
    assert "closed by interrupted" in " ".join(lines[stopping:end])
    assert re.match(r"INFO run \S+ finished, exit code 0", lines[-1])


def test_why_a_run_stopped(project, log):
    """A limit that was reached is told before the end."""
    project.write("work.py", "def double(record):\n    raise RuntimeError('no')\n")

    project.run("-o", "max_failures=3", expect=ExitCode.INCOMPLETE)

    lines = log()
    assert "stopped early: " in lines[-2]
    assert "max_failures" in lines[-2]
    assert "unfinished, exit code 3" in lines[-1]


def test_what_kept_the_results_from_the_workbook(project, log):
    """A save that failed is a warning while the run goes on, and the error of the run at its end."""
    project.write(
        "work.py",
        "from pathlib import Path\n"
        "def double(record):\n"
        "    book = Path(__file__).with_name('book.xlsx')\n"
        "    if record.key == 'item-09':\n"
        "        book.rename(book.with_name('away.xlsx'))\n"
        "        book.mkdir()\n"
        "    return {'Total': 1}\n",
    )

    project.run("--save-every", "batch", expect=ExitCode.WORKBOOK)

    lines = log()
    assert matching(lines, "^WARNING .*could not be saved")
    (error,) = matching(lines, "^ERROR ")
    assert "book.xlsx" in error
    assert lines.index(error) < len(lines) - 1
    assert "unfinished, exit code 4" in lines[-1]
