"""Two workbooks never mix: journals, checkpoints, backups, whatever their names and wherever their state lies."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pytest
from openpyxl import load_workbook

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import kill, wait_until


@pytest.fixture
def state(project):
    """The state folder of a workbook beside it."""
    return lambda name="book.xlsx": project.folder / ".ihacpa" / name


@pytest.fixture
def half_done(project, calls):
    """Kills a run of book.xlsx in the middle, after a checkpoint."""
    process = project.start("--batch-size", "4", "--save-every", "batch", "-o", "checkpoint_every=1")
    wait_until(lambda: len(calls()) >= 14, what="14 calls")
    kill(process)


def checkpoints(folder):
    with sqlite3.connect(f"file:{folder / 'journal.sqlite'}?mode=ro", uri=True) as database:
        return database.execute("select count(*) from checkpoints").fetchone()[0]


def test_a_run_of_another_workbook_resumes_nothing_of_this_one(project, half_done, calls, state):
    """b.xlsx, a copy with other numbers, is done from its first row; the unfinished run of book.xlsx stays as it is."""
    before = len(calls())
    book = load_workbook(project.workbook)
    for row in range(2, 32):
        book.active.cell(row, 2, row * 100)
        book.active.cell(row, 3).value = None
    book.save(project.folder / "b.xlsx")

    result = project.run("b.xlsx", expect=ExitCode.OK)

    cells = project.cells(project.folder / "b.xlsx")
    assert [cells[f"C{row}"] for row in range(2, 32)] == [row * 200 for row in range(2, 32)]
    assert len(calls()) == before + 30
    assert "is resumed" not in result.stderr


def test_finishing_one_workbook_removes_nothing_of_another(project, half_done, calls, state):
    """Checkpoints and backups of an unfinished run outlive runs of another workbook that end well, also fresh ones."""
    kept = checkpoints(state())
    backups = sorted(path.name for path in (state() / "backups").iterdir())
    shutil.copy(project.workbook, project.folder / "b.xlsx")

    project.run("b.xlsx", expect=ExitCode.OK)
    project.run("b.xlsx", "--start-fresh", expect=ExitCode.OK)

    assert kept >= 1
    assert checkpoints(state()) == kept
    assert sorted(path.name for path in (state() / "backups").iterdir()) == backups
    before = len(calls())
    project.run("--save-every", "batch", "-o", "checkpoint_every=1", expect=ExitCode.OK)
    assert len(calls()) - before <= 20


def test_workbooks_of_one_name_share_a_state_folder_without_meeting(project, calls):
    """Two folders with a book.xlsx each and one state_dir: each keeps its own journal and its own backups."""
    other = project.folder / "other"
    other.mkdir()
    shutil.copy(project.workbook, other / "book.xlsx")
    book = load_workbook(other / "book.xlsx")
    book.active["B2"] = 1000
    book.save(other / "book.xlsx")
    originals = {project.workbook.read_bytes(), (other / "book.xlsx").read_bytes()}
    options = ("-o", f"state_dir={project.folder / 'state'}")

    for path in ("book.xlsx", "other/book.xlsx"):
        project.run(path, *options, expect=ExitCode.OK)

    folders = sorted(path for path in (project.folder / "state").iterdir() if path.is_dir())
    backups = [[path.read_bytes() for path in (folder / "backups").iterdir()] for folder in folders]
    assert len(folders) == 2
    assert {content for kept in backups for content in kept} == originals
    assert [len(kept) for kept in backups] == [1, 1]
    assert (project.cells()["C2"], project.cells(other / "book.xlsx")["C2"]) == (2, 2000)
    workbooks = {json.loads((folder / "run.json").read_text())["workbook"] for folder in folders}
    assert workbooks == {str(project.workbook.resolve()), str((other / "book.xlsx").resolve())}
