from __future__ import annotations

import json
import shutil
import signal
import time
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
    time.sleep(0.3)  # two signals at once are one
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


def test_a_workbook_that_is_edited_during_the_run_keeps_the_edit(project, calls, slow_from):
    """Somebody saves the workbook while the run goes on: both the edit and every result are in the final file."""
    slow_from(row=25, seconds=0.5)  # time for a person's hands
    process = project.start("--save-every", "batch", "--batch-size", "5")
    wait_until(lambda: len(calls()) >= 8, what="8 calls")
    edit(project, lambda book: book.active.__setitem__("A33", "a note below"))
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


def edit(project, change):
    """Change the workbook as a person would in an office program."""
    book = load_workbook(project.workbook)
    change(book)
    aside = project.folder / "aside.xlsx"
    book.save(aside)
    aside.replace(project.workbook)


def killed_after(project, calls, count, *options):
    """Start a run, kill it when `count` calls were made."""
    process = project.start(*options)
    wait_until(lambda: len(calls()) >= count, what=f"{count} calls")
    kill(process)


def totals(project):
    cells = project.cells()
    return {ref: cells[ref] for ref in cells if ref[0] == "C" and ref != "C1"}


@pytest.mark.parametrize("options", [["--rows", "30-31"], ["--limit", "5"], ["--packages", "item-30"]])
def test_resuming_for_some_rows_keeps_the_run_unfinished_and_every_result(project, calls, undisturbed, options):
    """Asked for a few rows, a resumed run draws all that is durable, and still knows what is left."""
    killed_after(project, calls, 14, "--save-every", "end")

    narrow = project.run(*options)
    drawn = len(totals(project))
    project.run(expect=ExitCode.OK)

    assert narrow.exit_code == ExitCode.INCOMPLETE
    assert "left" in narrow.stdout
    assert drawn >= 10
    assert project.cells() == undisturbed
    assert len(calls()) <= 30 + CONCURRENCY


def test_an_interrupted_retry_goes_on_with_the_same_command(project, calls):
    """--only-failed, killed and typed again, retries what is left of it and nothing else."""
    (project.folder / "broken").touch()
    text = (project.folder / "work.py").read_text()
    project.write(
        "work.py",
        text.replace(
            "    time.sleep", "    if CALLS.with_name('broken').exists(): raise ValueError('no')\n    time.sleep"
        ),
    )
    project.run("--rows", "2-21", expect=ExitCode.INCOMPLETE)
    (project.folder / "broken").unlink()
    killed_after(project, calls, 20 + 8, "--only-failed")

    project.run("--only-failed", expect=ExitCode.OK)

    assert sorted(totals(project)) == sorted(f"C{row}" for row in range(2, 22))
    assert len(calls()) <= 40 + CONCURRENCY


def test_another_active_sheet_changes_nothing(project, calls, undisturbed, slow_from):
    """Saving the workbook with another tab in front does not lead results to other rows."""

    def turn_the_page(book):
        page = book.copy_worksheet(book.active)
        rows = [[cell.value for cell in row] for row in page.iter_rows(min_row=2, max_col=2)]
        for place, (name, amount) in enumerate(reversed(rows), start=2):
            page.cell(place, 1, name)
            page.cell(place, 2, amount)
        book.active = page

    slow_from(row=25, seconds=0.5)  # time for a person's hands
    process = project.start("--save-every", "batch", "--batch-size", "5")
    wait_until(lambda: len(calls()) >= 8, what="8 calls")
    edit(project, turn_the_page)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert project.cells(sheet="Data") == undisturbed


def test_a_column_that_was_inserted_meanwhile_gets_no_results(project, calls):
    """With other headers over the columns nothing is written; the message says what to do, the journal keeps all."""
    killed_after(project, calls, 14, "--save-every", "batch")
    edit(project, lambda book: book.active.insert_cols(3))
    before = project.cells()

    result = project.run("--force-continue", expect=ExitCode.WORKBOOK)
    edited = project.cells()
    edit(project, lambda book: book.active.delete_cols(3))
    project.run("--force-continue", expect=ExitCode.OK)

    assert "moved or renamed" in result.stderr
    assert edited == before
    assert [totals(project)[f"C{row}"] for row in range(2, 32)] == [n * 2 for n in range(1, 31)]


def test_an_input_that_changes_during_the_run_is_left_to_do(project, calls, slow_from):
    """A row that a person changes after it was processed is not filled with the old answer, and is done next time."""
    slow_from(row=25, seconds=0.5)  # time for a person's hands
    process = project.start("--save-every", "batch", "--batch-size", "5")
    wait_until(lambda: len(calls()) >= 14, what="14 calls")
    edit(project, lambda book: book.active.__setitem__("B2", 500))
    _, stderr = process.communicate(timeout=60)

    project.run(expect=ExitCode.OK)

    assert process.returncode == ExitCode.INCOMPLETE, stderr
    assert project.cells()["C2"] == 1000


def test_a_workbook_that_is_replaced_by_an_older_copy_is_drawn_whole(project, calls, undisturbed, slow_from):
    """Deleted and restored during the run: every durable result is in the final file."""
    keep = project.workbook.read_bytes()
    slow_from(row=25, seconds=0.5)  # time for a person's hands
    process = project.start("--save-every", "batch", "--batch-size", "5")
    wait_until(lambda: len(calls()) >= 9, what="9 calls")
    project.workbook.unlink()
    wait_until(lambda: len(calls()) >= 20, what="20 calls")
    project.workbook.write_bytes(keep)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert project.cells() == undisturbed


def test_a_result_that_a_person_cleared_is_not_filled_again(project, calls):
    """A saved result that was taken out between kill and resume stays out, and is named."""
    killed_after(project, calls, 21, "--save-every", "batch")
    edit(project, lambda book: book.active.__setitem__("C2", None))

    result = project.run("--force-continue", expect=ExitCode.OK)

    assert "C2" not in project.cells()
    assert "C2" in result.stdout


def test_a_failed_row_that_was_mended_is_tried_again(project, calls):
    """The journal's failure does not stand against a row that says something else now."""
    edit(project, lambda book: book.active.__setitem__("B2", "oops"))
    project.write("work.py", (project.folder / "work.py").read_text().replace("* 2", "* 2.0"))
    killed_after(project, calls, 14)
    edit(project, lambda book: book.active.__setitem__("B2", 7))

    project.run("--force-continue", expect=ExitCode.OK)

    assert project.cells()["C2"] == 14


def test_forcing_once_is_enough(project, calls):
    """A run that was made to go on with other settings has these from then on."""
    killed_after(project, calls, 5)
    other = (project.folder / "ihacpa.toml").read_text().replace('key = "Name"', 'key = "A"')
    project.write("ihacpa.toml", other)
    refused = project.run()
    killed_after(project, calls, 12, "--force-continue")

    project.run(expect=ExitCode.OK)

    assert refused.exit_code == ExitCode.DECISION_NEEDED


@pytest.mark.parametrize("option", ["batch", "end"])
def test_an_output_is_made_anew_in_one_step(project, calls, undisturbed, option):
    """Killed while an earlier output is being replaced: the same command ends well, and its mode is kept."""
    project.run("--output", "out.xlsx", "--limit", "3", expect=ExitCode.OK)
    out = project.folder / "out.xlsx"
    out.chmod(0o640)
    killed_after(project, calls, 12, "--output", "out.xlsx", "--save-every", option)

    project.run("--output", "out.xlsx", "--save-every", option, expect=ExitCode.OK)

    assert project.cells(out) == undisturbed
    assert out.stat().st_mode & 0o777 == 0o640
    assert project.leftovers() == []
