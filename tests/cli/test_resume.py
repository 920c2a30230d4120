from __future__ import annotations

import json
import shutil
import signal
from collections import Counter

import pytest
from openpyxl import load_workbook

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import Project, kill, wait_until

CONCURRENCY = 4


@pytest.fixture
def undisturbed(project, tmp_path_factory):
    """The cells of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(project.folder, folder, dirs_exist_ok=True)
    other = Project(folder)
    other.run(expect=ExitCode.OK)
    return other.cells()


@pytest.mark.parametrize("after", [1, 9, 17, 29])
def test_a_killed_run_goes_on_and_repeats_only_what_was_in_flight(project, calls, undisturbed, after):
    """kill -9 in the middle, then the same command: it says what it resumes, and the result is the undisturbed one."""
    process = project.start("--save-every", "batch")
    wait_until(lambda: len(calls()) >= after, what=f"{after} calls")
    kill(process)
    interrupted_at = len(calls())

    result = project.run("--save-every", "batch", expect=ExitCode.OK)

    assert project.cells() == undisturbed
    repeated = sum(count - 1 for count in Counter(calls()).values())
    assert repeated <= CONCURRENCY
    assert len(calls()) <= 30 + CONCURRENCY
    if interrupted_at < 30:
        assert "is resumed" in result.stderr
    assert project.leftovers() == []


def test_a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one(project, calls, undisturbed):
    """Five kills at different places, resumes among them: every row once more at the most for each kill."""
    kills = 0
    for after in (4, 9, 15, 21, 26):
        process = project.start()
        wait_until(lambda after=after, run=process: len(calls()) >= after or run.poll() is not None, what="calls")
        if process.poll() is None:
            kills += 1
        kill(process)

    project.run(expect=ExitCode.OK)

    assert project.cells() == undisturbed
    assert len(calls()) <= 30 + kills * CONCURRENCY


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_saves_and_can_be_resumed(project, calls, undisturbed, number, code):
    """Ctrl-C or SIGTERM: what is finished is saved, the exit code says interrupted, the same command goes on."""
    process = project.start()
    wait_until(lambda: len(calls()) >= 6, what="6 calls")
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    saved = [ref for ref in project.cells() if ref[0] == "C" and ref != "C1"]

    project.run(expect=ExitCode.OK)

    assert process.returncode == code
    assert "Ctrl-C" in stderr
    assert "ihacpa" in stdout
    assert len(saved) >= 6
    assert project.cells() == undisturbed
    assert len(calls()) == 30


def test_a_second_ctrl_c_leaves_at_once_and_loses_nothing(project, calls, undisturbed, slow_from):
    """Two signals: the process ends without waiting for slow rows; a resume completes the sheet."""
    slow_from(row=10)
    process = project.start()
    wait_until(lambda: len(calls()) >= 9, what="9 calls")
    process.send_signal(signal.SIGINT)
    wait_until(lambda: "Ctrl-C" in process.stderr.readline(), what="the first answer")
    process.send_signal(signal.SIGINT)
    process.wait(timeout=5)

    project.write("work.py", (project.folder / "work.py").read_text().replace("else 60", "else 0"))
    project.run(expect=ExitCode.OK)

    assert process.returncode == 130
    assert project.cells() == undisturbed


def test_slow_rows_are_abandoned_after_the_grace_time(project, calls, slow_from):
    """Rows that do not finish in the grace time are given up and done again; the run ends soon, saved."""
    slow_from(row=10)
    process = project.start("-o", "grace=200ms")
    wait_until(lambda: len(calls()) >= 9, what="9 calls")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)

    assert process.returncode == 130
    assert {"C2", "C9"} <= project.cells().keys()


def test_rows_that_moved_keep_their_results(project, calls):
    """Sorted and inserted rows between a kill and the resume: every value stands in its own row."""
    process = project.start("--save-every", "end")
    wait_until(lambda: len(calls()) >= 12, what="12 calls")
    kill(process)
    book = load_workbook(project.workbook)
    sheet = book.active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2, max_col=2)]
    for place, row in enumerate([["new", 1000], *reversed(rows)], start=2):
        for column, value in enumerate(row, start=1):
            sheet.cell(place, column, value)
    book.save(project.workbook)

    refused = project.run(expect=ExitCode.DECISION_NEEDED)
    project.run("--force-continue", expect=ExitCode.OK)

    assert "--force-continue" in refused.stderr
    cells = project.cells()
    assert [(cells[f"A{row}"], cells[f"C{row}"]) for row in range(2, 33)] == [
        ("new", 2000),
        *((f"item-{n:02}", n * 2) for n in range(30, 0, -1)),
    ]
    assert len(calls()) <= 31 + CONCURRENCY


def test_a_persons_edit_survives_force_continue(project, calls):
    """A result cell that a person changed in between is kept and named in the summary."""
    process = project.start("--save-every", "batch")
    wait_until(lambda: len(calls()) >= 21, what="21 calls")
    kill(process)
    project.run("--rows", "2-3", "--dry-run")
    book = load_workbook(project.workbook)
    book.active["C2"] = "checked by hand"
    book.save(project.workbook)

    result = project.run("--force-continue", expect=ExitCode.OK)

    assert project.cells()["C2"] == "checked by hand"
    assert project.cells()["C3"] == 4
    assert "C2" in result.stdout


def test_a_workbook_that_is_edited_during_the_run_keeps_the_edit(project, calls):
    """Somebody saves the workbook while the run goes on: both the edit and every result are in the final file."""
    process = project.start("--save-every", "batch", "--batch-size", "5")
    wait_until(lambda: len(calls()) >= 8, what="8 calls")
    book = load_workbook(project.workbook)
    book.active["A33"] = "a note below"
    book.active["B31"] = 30
    book.save(project.workbook)
    process.communicate(timeout=60)

    cells = project.cells()
    assert process.returncode == 0
    assert cells["A33"] == "a note below"
    assert [cells[f"C{row}"] for row in range(2, 32)] == [n * 2 for n in range(1, 31)]


def test_a_changed_input_is_done_again(project, calls):
    """A row whose amount was changed between kill and resume is processed again with the new amount."""
    process = project.start("--save-every", "end")
    wait_until(lambda: len(calls()) >= 21, what="21 calls")
    kill(process)
    book = load_workbook(project.workbook)
    book.active["B2"] = 500
    book.save(project.workbook)

    project.run("--force-continue", expect=ExitCode.OK)

    assert project.cells()["C2"] == 1000
    assert calls().count("item-01") == 2


def test_start_fresh_begins_anew_and_keeps_the_old_run(project, calls):
    """--start-fresh processes every row again."""
    process = project.start()
    wait_until(lambda: len(calls()) >= 12, what="12 calls")
    kill(process)
    before = len(calls())

    result = project.run("--start-fresh", "--json", expect=ExitCode.OK)

    assert len(calls()) == before + 30
    assert json.loads(result.stdout)["resumed"] is False


def test_resuming_into_an_output_never_copies_over_it(project, calls, undisturbed):
    """A killed run on a copy goes on in that copy; nothing that was saved there is lost."""
    process = project.start("--output", "out.xlsx", "--save-every", "batch")
    wait_until(lambda: len(calls()) >= 25, what="25 calls")
    kill(process)

    project.run("--output", "out.xlsx", "--resume-auto", expect=ExitCode.OK)

    assert project.cells(project.folder / "out.xlsx") == undisturbed
    assert len(calls()) <= 30 + CONCURRENCY


def test_a_second_run_is_refused_while_the_first_goes_on(project, calls, slow_from):
    """Two runs on one workbook: the second leaves with 6 and says who holds it."""
    slow_from(row=20, seconds=2)
    process = project.start()
    wait_until(lambda: len(calls()) >= 2, what="2 calls")

    result = project.run(expect=ExitCode.LOCKED)
    process.communicate(timeout=60)

    assert str(process.pid) in result.stderr
    assert "--wait" in result.stderr
    assert process.returncode == 0


def test_a_second_run_may_wait(project, calls, slow_from):
    """With --wait the second run starts when the first one ends."""
    slow_from(row=29, seconds=2)
    process = project.start()
    wait_until(lambda: len(calls()) >= 2, what="2 calls")

    result = project.run("--wait", "60", expect=ExitCode.OK)
    process.communicate(timeout=60)

    assert result.exit_code == process.returncode == 0
    assert len(calls()) == 60
