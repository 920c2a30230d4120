"""`ihacpa restore`: a backup is put back, what was there is kept, and at no moment is there no workbook."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import sys
import time

import pytest
from openpyxl import load_workbook

from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.restore import candidates, newest_valid, put_back
from ihacpa_core.engine.soundness import flaw, naming_backups
from ihacpa_core.errors import ExitCode, WorkbookError
from ihacpa_core.testing.faults import Crash, FaultyOps
from ihacpa_core.testing.project import kill, wait_until


def listed(project):
    return json.loads(project.run("restore", "--list", "--json", expect=ExitCode.OK).stdout)["backups"]


def kept_beside(project):
    return sorted(path for path in project.folder.glob("book.*-*.xlsx"))


def test_the_list_says_which_backups_are_good(killed, backups):
    """Each with time, size and validity: whole by its digest, and opening as a workbook."""
    backups[1].write_bytes(b"altered")

    found = listed(killed)
    text = killed.run("restore", "--list", expect=ExitCode.OK).stdout

    assert [each["valid"] for each in found] == [True, False, True, True]
    assert [each["size"] for each in found] == [path.stat().st_size for path in backups]
    assert found[3]["current"]
    assert "altered since it was made" in text


def test_a_damaged_workbook_gets_its_newest_backup_back(killed, damage, backups, quick):
    """The damaged file is kept under a name of its own; the same run then goes on to the undisturbed end."""
    whole = damage()
    torn = killed.workbook.read_bytes()

    result = killed.run("restore", "--latest", expect=ExitCode.OK)
    restored = killed.workbook.read_bytes()
    quick()
    killed.run(expect=ExitCode.INCOMPLETE)

    (kept,) = kept_beside(killed)
    assert restored == whole == backups[-1].read_bytes()
    assert kept.name.startswith("book.damaged-20")
    assert kept.read_bytes() == torn
    assert "\n  ihacpa\n" in result.stdout
    assert killed.cells()["C21"] == 40
    assert killed.leftovers() == []


def test_every_result_is_drawn_again_into_an_older_backup(killed, damage, quick):
    """After the original was put back, the run that goes on writes the results that the backup lacks."""
    damage()
    name = listed(killed)[0]["name"]

    killed.run("restore", "--backup", name[:20], expect=ExitCode.OK)
    empty = [ref for ref in killed.cells() if ref.startswith("C")]
    quick()
    killed.run(expect=ExitCode.INCOMPLETE)

    cells = killed.cells()
    assert empty == ["C1"]
    assert [cells.get(f"C{row}") for row in range(2, 22)] == [2 * n if n != 3 else None for n in range(1, 21)]
    assert len((killed.folder / "calls.txt").read_text().split()) == 14 + 7


def test_a_checkpoints_backup(killed, damage, backups):
    """The backup of a checkpoint is put back by the checkpoint's id."""
    damage()
    second = json.loads(killed.run("checkpoints", "--json").stdout)["checkpoints"][1]

    killed.run("restore", "--checkpoint", second["checkpoint_id"], expect=ExitCode.OK)

    assert killed.workbook.read_bytes() == backups[2].read_bytes()


def test_a_workbook_that_is_gone(killed, backups):
    """A workbook that was deleted comes back; there is nothing to keep beside it."""
    killed.workbook.unlink()

    killed.run("restore", "--latest", expect=ExitCode.OK)

    assert killed.workbook.read_bytes() == backups[-1].read_bytes()
    assert kept_beside(killed) == []


def test_a_workbook_that_opens_is_not_called_damaged(killed):
    """What was whole and is replaced by an older version is kept as replaced; its attributes go over."""
    before = killed.workbook.read_bytes()
    killed.workbook.chmod(0o640)

    killed.run("restore", "--backup", listed(killed)[0]["name"], expect=ExitCode.OK)

    (kept,) = kept_beside(killed)
    assert kept.name.startswith("book.replaced-20")
    assert kept.read_bytes() == before
    assert stat.S_IMODE(killed.workbook.stat().st_mode) == 0o640


def test_a_damaged_backup_is_refused(killed, damage, backups):
    """A backup that was altered is not put back; the newest whole one is named."""
    damage()
    torn = killed.workbook.read_bytes()
    backups[-1].write_bytes(b"altered")

    result = killed.run("restore", "--backup", backups[-1].name, expect=ExitCode.WORKBOOK)
    killed.run("restore", "--latest", expect=ExitCode.OK)

    assert f"ihacpa restore --backup {backups[-2].name}" in result.stderr
    assert kept_beside(killed)[0].read_bytes() == torn
    assert killed.workbook.read_bytes() == backups[-2].read_bytes()


def test_a_backup_of_a_damaged_workbook_is_not_valid(killed, backups):
    """A copy that is whole by its digest and does not open as a workbook is told as such."""
    data = backups[0].read_bytes()[:1000]
    from hashlib import sha256

    time_of, _, rest = backups[0].name.split("-")
    torn = backups[0].with_name(f"{time_of}-{sha256(data).hexdigest()[:12]}-{rest}")
    torn.write_bytes(data)

    found = {each["name"]: each for each in listed(killed)}

    assert not found[torn.name]["valid"]
    assert "cut short" in found[torn.name]["flaw"]


def test_without_a_choice_and_without_a_terminal(killed, damage):
    """Nobody can be asked: the backups are listed, exit 7 with the command that decides, nothing is changed."""
    damage()
    torn = killed.workbook.read_bytes()

    result = killed.run("restore", "book.xlsx", expect=ExitCode.DECISION_NEEDED)

    assert result.stdout.count("valid") == 4
    assert "ihacpa restore book.xlsx --latest" in result.stderr
    assert killed.workbook.read_bytes() == torn
    assert kept_beside(killed) == []


def test_without_backups(project):
    """A workbook that was never backed up cannot be restored: said so, nothing made."""
    result = project.run("restore", "--latest", expect=ExitCode.WORKBOOK)

    assert "there is no backup of book.xlsx" in result.stderr
    assert not (project.folder / ".ihacpa").exists()


@pytest.mark.parametrize("name", ["*", "../../../book.xlsx", "20261"])
def test_a_backup_is_named_not_matched(killed, name):
    """A pattern or a path names no backup."""
    before = killed.workbook.read_bytes()

    killed.run("restore", "--backup", name, expect=ExitCode.USAGE)

    assert killed.workbook.read_bytes() == before


def test_while_a_run_holds_the_lock(killed):
    """As long as a run is at work nothing is put back: exit 6, with the process that holds it."""
    process = killed.start()
    wait_until(lambda: WorkbookLock(killed.workbook).is_held(), what="the lock")
    wait_until(lambda: WorkbookLock(killed.workbook).owner() is not None, what="its owner")

    result = killed.run("restore", "--latest", "--backup", "2026", expect=ExitCode.USAGE)
    refused = killed.run("restore", "--backup", listed(killed)[0]["name"], expect=ExitCode.LOCKED)
    kill(process)

    assert "not allowed with" in result.stderr
    assert f"process {process.pid}" in refused.stderr
    assert kept_beside(killed) == []


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_a_link_to_the_workbook_stays_a_link(killed, damage, backups):
    """Named through a link, the file behind it is replaced, and the link leads to it as before."""
    damage()
    elsewhere = killed.folder / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "link.xlsx"
    link.symlink_to(killed.workbook)

    killed.run("restore", "elsewhere/link.xlsx", "--latest", expect=ExitCode.OK)

    assert link.is_symlink()
    assert not killed.workbook.is_symlink()
    assert link.read_bytes() == backups[-1].read_bytes()
    assert len(kept_beside(killed)) == 1


def test_the_same_second_twice(killed, plan_of, damage):
    """Two restorations within a second keep two files: no name is used twice."""
    from datetime import datetime

    now = datetime(2026, 11, 23, 20, 15)
    for _ in range(2):
        damage()
        plan = plan_of(killed)
        put_back(plan, newest_valid(candidates(plan, print)), print, now)

    assert [path.name for path in kept_beside(killed)] == [
        "book.damaged-20261123T201500-2.xlsx",
        "book.damaged-20261123T201500.xlsx",
    ]


def test_restored_twice_is_restored_once(killed, damage):
    """A second time the workbook is that backup already: nothing is kept, nothing is replaced."""
    damage()
    killed.run("restore", "--latest", expect=ExitCode.OK)
    inode = killed.workbook.stat().st_ino

    killed.run("restore", "--latest", expect=ExitCode.OK)

    assert killed.workbook.stat().st_ino == inode
    assert len(kept_beside(killed)) == 1


def test_an_edit_in_the_last_moment_is_kept(killed, plan_of, damage, backups):
    """Somebody who saves the workbook while it is being replaced finds that version beside it."""
    damage()

    class Late(FaultyOps):
        def effect(self, name, path):
            if name in ("exchange", "replace") and path == killed.workbook:
                late = killed.folder / "late.tmp"
                shutil.copyfile(backups[1], late)
                late.replace(killed.workbook)
            super().effect(name, path)

    plan = plan_of(killed, Late())
    warnings = []

    put_back(plan, newest_valid(candidates(plan, print)), warnings.append)

    held = {path.read_bytes() for path in kept_beside(killed)}
    assert killed.workbook.read_bytes() == backups[-1].read_bytes()
    assert backups[1].read_bytes() in held
    assert "was changed by somebody else meanwhile" in warnings[0]


# --- killed or failing at each effect ---------------------------------------------------------------------------------


def restored_with(folder, killed_run, plan_of, ops, *, damaged=True):
    """A copy of the killed run in `folder`, its workbook damaged, and a restoration of it with `ops`."""
    from ihacpa_core.testing.project import Project

    shutil.copytree(killed_run, folder)
    project = Project(folder)
    if damaged:
        project.workbook.write_bytes(project.workbook.read_bytes()[:3000])
    plan = plan_of(project, ops)
    chosen = candidates(plan, print)[0]
    put_back(plan, chosen, print)
    return project


@pytest.fixture
def effects(tmp_path, killed_run, plan_of):
    """How many effects a restoration has."""
    ops = FaultyOps()
    restored_with(tmp_path / "counted", killed_run, plan_of, ops)
    return len(ops.calls)


def attempt(folder, killed_run, plan_of, ops, error):
    """A restoration that ends with `error`; nothing of it stays in memory, as with a process that died."""
    with contextlib.suppress(error):
        restored_with(folder, killed_run, plan_of, ops)


def test_killed_at_each_effect_there_is_a_workbook(tmp_path, killed_run, plan_of, effects):
    """Wherever it dies: the workbook is the damaged one or the backup, and the same command brings it to its end."""
    from ihacpa_core.testing.project import Project

    for number in range(1, effects + 1):
        folder = tmp_path / str(number)
        attempt(folder, killed_run, plan_of, FaultyOps(number, Crash()), Crash)
        project = Project(folder)
        torn = (killed_run / "book.xlsx").read_bytes()[:3000]
        backup = min((folder / ".ihacpa/book.xlsx/backups").glob("*.xlsx")).read_bytes()
        assert project.workbook.read_bytes() in (torn, backup), number

        plan = plan_of(project)
        put_back(plan, candidates(plan, print)[0], print)

        assert project.workbook.read_bytes() == backup
        assert torn in [path.read_bytes() for path in kept_beside(project)], number
        assert len(kept_beside(project)) == 1, number
        assert project.leftovers() == []
    assert effects > 10


@pytest.mark.parametrize("sticky", [False, True])
def test_failing_at_each_effect_nothing_is_lost(tmp_path, killed_run, plan_of, effects, sticky):
    """An error at any effect, once or from there on: the workbook is as it was, or it is the backup."""
    for number in range(1, effects + 1):
        folder = tmp_path / f"{sticky}-{number}"
        ops = FaultyOps(number, OSError(28, "No space left on device"), sticky=sticky)
        with contextlib.suppress(WorkbookError):
            restored_with(folder, killed_run, plan_of, ops)
        torn = (killed_run / "book.xlsx").read_bytes()[:3000]
        now = (folder / "book.xlsx").read_bytes()

        assert now == torn or not flaw(folder / "book.xlsx"), number
        if now != torn:
            assert torn in [path.read_bytes() for path in folder.glob("book.*-*.xlsx")], number


def test_without_links_the_old_file_is_copied(tmp_path, killed_run, plan_of):
    """Where the file system has no hard links, the old file is copied under its new name."""

    class NoLinks(FaultyOps):
        def link(self, source, target):
            raise PermissionError(1, "Operation not permitted")

    project = restored_with(tmp_path / "copy", killed_run, plan_of, NoLinks())

    (kept,) = kept_beside(project)
    assert kept.read_bytes() == (killed_run / "book.xlsx").read_bytes()[:3000]
    assert project.leftovers() == []


# --- at a terminal ----------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(killed):
    """Runs ihacpa at a terminal, and types an answer when a question ends with `]`; returns what was shown."""
    pty = pytest.importorskip("pty")
    import subprocess

    def run(*args, answers):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "ihacpa_core", *args], cwd=killed.folder, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        shown, left = "", list(answers)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                shown += os.read(ours, 4096).decode()
            except OSError:  # the other end is closed
                break
            if left and shown.endswith("] "):
                os.write(ours, (left.pop(0) + "\n").encode())
        os.close(ours)
        return process.wait(10), shown

    return run


def test_a_terminal_is_asked_which_and_whether(killed, damage, backups, typed):
    """At a terminal the backups are listed with numbers; one is chosen, agreed to, and put back."""
    damage()

    code, shown = typed("restore", answers=["2", "y"])

    assert code == 0, shown
    assert "which one? [1-4" in shown
    assert killed.workbook.read_bytes() == backups[1].read_bytes()


@pytest.mark.parametrize("answers", [[""], ["2", "n"], ["9"]])
def test_a_person_who_does_not_want_it(killed, damage, typed, answers):
    """No answer, a no, or a number that is none: nothing is changed."""
    damage()
    torn = killed.workbook.read_bytes()

    code, _ = typed("restore", answers=answers)

    assert code in (ExitCode.DECISION_NEEDED, ExitCode.USAGE)
    assert killed.workbook.read_bytes() == torn
    assert kept_beside(killed) == []


def test_prune_asks_at_a_terminal(killed, typed):
    """Checkpoints go after a yes."""
    code, shown = typed("checkpoints", "prune", "--all", answers=["y"])

    assert code == 0, shown
    assert "remove 3 checkpoints" in shown
    assert "no checkpoints" in killed.run("checkpoints", "list").stdout


# --- the hint of a run ------------------------------------------------------------------------------------------------


def test_an_error_about_a_damaged_workbook_names_the_command(killed, damage):
    """Where there are backups, the hint says how one is put back; about a whole workbook it says nothing."""
    with pytest.raises(WorkbookError) as untouched, naming_backups(killed.workbook, ".ihacpa"):
        raise WorkbookError("no such sheet", hint="name another")
    damage()

    with pytest.raises(WorkbookError) as caught, naming_backups(killed.workbook, ".ihacpa"):
        raise WorkbookError("book.xlsx is damaged", why="torn", hint="take an older copy")

    assert untouched.value.hint == "name another"
    assert "ihacpa restore" in caught.value.hint
    assert "4 backups" in caught.value.hint
    assert caught.value.why == "torn"


def test_the_restored_file_opens_in_another_library(killed, damage):
    """What was put back is opened by openpyxl, with the results of the finished batches in it."""
    damage()
    killed.run("restore", "--latest", "--yes", expect=ExitCode.OK)

    assert load_workbook(killed.workbook)["Data"]["C2"].value == 2
