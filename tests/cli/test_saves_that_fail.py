"""Saves that fail cost nothing: no checkpoint, backup or result goes before the workbook holds what was found."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import kill, wait_until

BLOCKED = """\
from pathlib import Path

CALLS = Path(__file__).with_name("calls.txt")

def double(record):
    import time
    with CALLS.open("a") as calls:
        calls.write(record.key + "\\n")
    book = Path(__file__).with_name("book.xlsx")
    if record.key == "item-{when:02}" and not Path("mended").exists():
        book.rename(book.with_name("away.xlsx"))
        book.mkdir()
    time.sleep({pause})
    return {{"Total": record["Amount"] * 2}}
"""


@pytest.fixture
def block(project):
    """From a given record on, the workbook's place is taken by a folder: every save fails."""
    return lambda when, pause=0.02: project.write("work.py", BLOCKED.format(when=when, pause=pause))


@pytest.fixture
def mend(project):
    """The workbook is back in its place."""

    def mend():
        project.workbook.rmdir()
        shutil.move(project.folder / "away.xlsx", project.workbook)
        project.write("mended", "")

    return mend


def kept(project):
    """How many checkpoints and backups there are."""
    state = project.folder / ".ihacpa" / "book.xlsx"
    with sqlite3.connect(f"file:{state / 'journal.sqlite'}?mode=ro", uri=True) as database:
        return database.execute("select count(*) from checkpoints").fetchone()[0], len(
            list((state / "backups").iterdir())
        )


def test_a_last_save_that_fails_is_no_success(project, calls, block, mend):
    """Every row processed, the last ones not saved: exit code 4, checkpoints and backups stay, a rerun saves them."""
    block(when=14)
    options = ("--batch-size", "4", "--save-every", "batch", "-o", "checkpoint_every=1")

    failed = project.run(*options, expect=ExitCode.WORKBOOK)
    checkpoints, backups = kept(project)
    done = len(calls())
    mend()
    project.run(*options, expect=ExitCode.OK)

    assert "to go on:" in failed.stdout
    assert checkpoints >= 1
    assert backups >= 1
    assert done == 30
    assert len(calls()) == 30
    assert [project.cells()[f"C{row}"] for row in range(2, 32)] == [n * 2 for n in range(1, 31)]


def test_rows_of_a_save_that_failed_are_not_passed_over_later(project, calls, block, mend):
    """A failed save, a kill, a resume: the rows of that save are in the workbook, and none was processed again."""
    block(when=6, pause=0.05)
    process = project.start("--batch-size", "4", "--save-every", "batch", "-o", "checkpoint_every=1")
    wait_until(lambda: len(calls()) >= 22, what="22 calls")
    kill(process)
    mend()

    project.run("--batch-size", "4", expect=ExitCode.OK)

    assert [project.cells()[f"C{row}"] for row in range(2, 32)] == [n * 2 for n in range(1, 31)]
    assert len(calls()) <= 30 + 4


def test_one_value_that_excel_cannot_hold_blocks_nothing(project):
    """Control and half characters, a time with a zone, no number: those cells are made fit, all others are saved."""
    project.write_workbook(
        ["Name", "Amount", "Total", "Note", "When", "Share", "Last"], [[f"item-{n:02}", n] for n in range(1, 7)]
    )
    project.write(
        "work.py",
        "from datetime import datetime, timedelta, timezone\n"
        "BAD = ['a\\vb', 'half \\ud800', 'no\\ufffe', 'x' * 40_000, '=1+1', '\\x00']\n"
        "def double(record):\n"
        "    when = datetime(2024, 5, 6, 23, 30, tzinfo=timezone(timedelta(hours=-8)))\n"
        "    return {'Total': 2, 'Note': BAD[record.row - 2], 'When': when, 'Share': float('nan'), 'Last': 'end'}\n",
    )

    result = project.run("--json", expect=ExitCode.OK)

    cells = project.cells()
    for row in range(2, 8):
        assert (cells[f"C{row}"], cells[f"F{row}"], cells[f"G{row}"]) == (2, "NaN", "end")
        assert f"{cells[f'E{row}']:%Y-%m-%d %H:%M}" == "2024-05-07 07:30"
    assert cells["D2"] == "ab"
    assert cells["D3"] == "half \N{REPLACEMENT CHARACTER}"
    assert cells["D5"].endswith("]") or len(cells["D5"]) == 32_767
    assert cells["D6"] == "=1+1"
    assert "D7" not in cells
    assert '"normalised": 0' not in result.stdout
