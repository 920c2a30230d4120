"""Changing cells outside a run: the same lock, backup and atomic save, and a journal that still knows the workbook."""

from __future__ import annotations

import pytest
from openpyxl import load_workbook

from ihacpa_core import (
    Cell,
    CellStyle,
    CellUpdate,
    CommandParts,
    DecisionNeeded,
    ExitCode,
    WorkbookError,
    WorkbookLocked,
)
from ihacpa_core.engine.backups import list_backups
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.request import RunRequest

FAST = 'def double(record):\n    return {"Total": record["Amount"] * 2}\n'


@pytest.fixture
def parts(project):
    project.write("work.py", FAST)
    return CommandParts(RunRequest(cwd=project.folder))


def red(row, value):
    return CellUpdate(row, "C", Cell(value, CellStyle.BAD))


def test_cells_are_changed_in_one_save(project, parts):
    """The cells hold what they were given, a backup holds what was there before, and no draft is left."""
    before = project.workbook.read_bytes()

    with parts.edit_sheet() as edit:
        saved = edit.save([red(2, 7), red(3, None)])

    assert project.cells()["C2"] == 7
    assert saved.changed == 2 and saved.backup is not None and saved.backup.read_bytes() == before
    assert parts.colours(project.workbook, "Data", {"C2", "C4"}) == {"C2": CellStyle.BAD, "C4": None}
    assert project.leftovers() == []


def test_nothing_to_change_leaves_the_file_alone(project, parts):
    """Cells that hold it already cost no save and no backup."""
    with parts.edit_sheet() as edit:
        edit.save([red(2, 7)])
    before, backups = project.workbook.read_bytes(), folder(project)

    with parts.edit_sheet() as edit:
        saved = edit.save([red(2, 7)])

    assert (saved.changed, saved.backup) == (0, None)
    assert project.workbook.read_bytes() == before and folder(project) == backups


def folder(project):
    return [backup.name for backup in list_backups(project.folder / ".ihacpa" / "book.xlsx" / "backups")]


def test_a_run_knows_the_workbook_again(project, parts):
    """The last run hears of the new bytes, so that what it left interrupted goes on without a question."""
    project.write(
        "work.py", FAST.replace("return", "import time; time.sleep(0 if record.row < 12 else 60)\n    return")
    )
    process = project.start("-o", "grace=1s", "--save-every", "batch", "--batch-size", "5")
    wait_for(project, "C8")
    process.terminate()
    process.communicate()
    project.write("work.py", FAST)

    with parts.edit_sheet() as edit:
        edit.save([red(2, 2)])
    project.run(expect=ExitCode.OK)

    cells = project.cells()
    assert [cells[f"C{row}"] for row in range(2, 32)] == [2 * number for number in range(1, 31)]


def wait_for(project, ref):
    from ihacpa_core.testing.project import wait_until

    wait_until(lambda: ref in project.cells(), what=ref)


def test_a_finished_run_stays_finished(project, parts):
    """After a change of cells the next run begins anew, as it would have without."""
    project.run(expect=ExitCode.OK)

    with parts.edit_sheet() as edit:
        edit.save([red(2, 99)])
    (run,) = parts.runs()

    assert run.finished and len(run.outcomes) == 30
    project.run(expect=ExitCode.OK)
    assert project.cells()["C2"] == 2


def test_a_person_s_edit_is_still_one(project, parts):
    """A workbook that somebody changed since the run is not taken for what the run left behind."""
    project.run(expect=ExitCode.OK)
    book = load_workbook(project.workbook)
    book.active["D9"] = "mine"
    book.save(project.workbook)
    before = entries(parts)

    with parts.edit_sheet() as edit:
        edit.save([red(2, 99)])

    assert entries(parts) == before


def entries(parts):
    """How many entries the last run's journal has."""
    from ihacpa_core.engine.journal import latest_history
    from ihacpa_core.engine.preparation import settle

    plan = settle(parts._request)
    store = plan.build("checkpoint", print, read_only=True)
    try:
        return latest_history(store).sequence
    finally:
        store.close()


def test_a_run_that_holds_the_workbook_is_waited_for_elsewhere(project, parts):
    """While a run has the lock, nothing is changed, and the error says who has it."""
    with WorkbookLock(project.workbook).acquire(), pytest.raises(WorkbookLocked), parts.edit_sheet():
        pass


def test_a_late_edit_is_not_overwritten(project, parts):
    """Somebody who saves between reading and saving keeps what they saved."""
    with parts.edit_sheet() as edit:
        book = load_workbook(project.workbook)
        book.active["D9"] = "mine"
        book.save(project.workbook)
        with pytest.raises(WorkbookError, match="changed by somebody else"):
            edit.save([red(2, 99)])

    assert project.cells()["D9"] == "mine" and "C2" not in project.cells()


def test_what_the_backend_would_lose_stops_it(project, parts, monkeypatch):
    """The same question as before a run: what is lost for good needs a person's word, and nothing is written."""
    from ihacpa_core import Loss

    monkeypatch.setattr(
        "ihacpa_plugins.save.openpyxl.OpenpyxlBackend.inspect",
        lambda self, source: [Loss(what="a shape", remade=False)],
    )
    before = project.workbook.read_bytes()

    with parts.edit_sheet() as edit, pytest.raises(DecisionNeeded, match="a shape"):
        edit.save([red(2, 99)])

    assert project.workbook.read_bytes() == before
