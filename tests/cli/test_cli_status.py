"""`ihacpa status` tells the state of a workbook in each case that an analyst meets, and what to type next."""

from __future__ import annotations

import json
import shutil

import pytest
from openpyxl import load_workbook

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import kill, wait_until


def told(project, *args):
    return json.loads(project.run("status", "--json", *args, expect=ExitCode.OK).stdout)


def test_before_any_run(project):
    """Without any run it says so, ends with 0, and names the command that starts one."""
    result = project.run("status", "book.xlsx", expect=ExitCode.OK)

    assert "no run yet" in result.stdout
    assert "ihacpa book.xlsx" in result.stdout
    assert not (project.folder / ".ihacpa").exists()


def test_after_a_killed_run(killed):
    """Done, left, failed, the lock, the backups, the checkpoints, and that the workbook is as the run left it."""
    found = told(killed)

    assert (found["done"], found["failed"], found["left"]) == (12, 1, 7)
    assert found["condition"] == "as-left"
    assert found["lock"] == {"held": False, "holder": None}
    assert len(found["backups"]) == 4
    assert [each["valid"] for each in found["checkpoints"]] == [True] * 3
    assert found["run"]["state"] == "unfinished"
    assert found["next_command"] == "ihacpa"


def test_the_text_says_what_the_json_says(killed):
    """A person reads the same: counts, lock, backups, checkpoints, and the next command on a line of its own."""
    lines = killed.run("status", expect=ExitCode.OK).stdout.splitlines()

    assert lines[0] == "book.xlsx: 12 of 20 records done, 7 left, 1 failed"
    assert any(line.startswith("  lock") and line.endswith("free") for line in lines)
    assert any(line.startswith("  backups      4, the newest of 20") for line in lines)
    assert lines[-2] == "  ihacpa"


def test_while_a_run_is_at_work(killed):
    """The lock is told with process, host and time; the command waits for the run."""
    process = killed.start()
    wait_until(lambda: told(killed)["lock"]["held"], what="the lock")
    wait_until(lambda: told(killed)["lock"]["holder"] is not None, what="its owner")

    found = told(killed)
    kill(process)

    assert found["lock"]["holder"]["pid"] == process.pid
    assert found["next_command"] == "ihacpa --wait 600"
    assert not told(killed)["lock"]["held"]


def test_after_a_change_by_hand(killed):
    """An edit since the last save is told."""
    book = load_workbook(killed.workbook)
    book["Data"]["F2"] = "asked Maria"
    book.save(killed.workbook)

    assert told(killed)["condition"] == "changed"


def test_a_damaged_workbook(killed, damage):
    """A workbook that does not open is told with the cause; the next command puts a backup back."""
    damage()

    found = told(killed, "book.xlsx")

    assert found["condition"] == "damaged"
    assert "cut short" in found["flaw"]
    assert found["next_command"] == "ihacpa restore book.xlsx"


def test_a_workbook_with_a_damaged_part(killed):
    """Damage that only shows when a part is unpacked is found too."""
    data = bytearray(killed.workbook.read_bytes())
    at = data.index(b"xl/worksheets/sheet1.xml") + 60
    data[at : at + 20] = bytes(20)
    killed.workbook.write_bytes(data)

    assert told(killed)["condition"] == "damaged"


def test_a_workbook_that_is_gone(killed):
    """Without its workbook the state is told all the same."""
    killed.workbook.unlink()

    found = told(killed)

    assert found["condition"] == "missing"
    assert found["done"] == 12
    assert found["next_command"] == "ihacpa restore"


def test_a_name_that_leads_nowhere(killed):
    """A workbook that was never there is an error, with the name that was meant."""
    result = killed.run("status", "bok.xlsx", expect=ExitCode.WORKBOOK)

    assert "did you mean book.xlsx" in result.stderr


def test_a_backup_that_was_copied_back_by_hand(killed, backups):
    """A backup in the workbook's place is recognised; the next command lets the run learn of it."""
    shutil.copyfile(backups[0], killed.workbook)

    found = told(killed)

    assert found["condition"] == "backup"
    assert found["next_command"] == "ihacpa restore"


def test_a_damaged_journal(killed):
    """A journal that cannot be read is told, with the command that begins anew."""
    for path in (killed.folder / ".ihacpa/book.xlsx").glob("journal.sqlite*"):
        path.unlink()
    (killed.folder / ".ihacpa/book.xlsx/journal.sqlite").write_bytes(b"no journal" * 100)

    found = told(killed)

    assert found["journal_flaw"]
    assert found["next_command"] == "ihacpa --start-fresh"


def test_a_finished_run(killed, quick):
    """After a run that came to its end, what failed is what is left to do, or nothing."""
    killed.write("work.py", (killed.folder / "work.py").read_text().replace("time.sleep(60)", "pass"))
    killed.run("--resume-auto", expect=ExitCode.INCOMPLETE)
    with_a_failure = told(killed)
    quick()
    killed.run("--only-failed", expect=ExitCode.OK)

    assert with_a_failure["next_command"] == "ihacpa --only-failed"
    assert told(killed)["next"].startswith("starts a new run")


def test_the_next_command_keeps_what_was_typed(killed):
    """Settings that were typed are in the next command, quoted for the shell."""
    (killed.folder / "ihacpa.toml").rename(killed.folder / "my settings.toml")

    found = told(killed, "--config", "my settings.toml", "-o", "save_every=end")

    assert found["next_command"] == "ihacpa --config 'my settings.toml' -o save_every=end"


def test_a_copy_that_was_not_made_yet(project):
    """Where a run works on a copy, the copy is told as not made yet."""
    found = told(project, "-o", "output=out.xlsx")

    assert found["condition"] == "not-made"


@pytest.mark.parametrize("name", ["~$book.xlsx", ".~lock.book.xlsx#"])
def test_a_workbook_that_is_open_elsewhere(killed, name):
    """That somebody has it open in Excel or LibreOffice is told."""
    (killed.folder / name).write_bytes(b"\x05Maria" + bytes(100) if "$" in name else b"Maria,maria,pc,now,file:///x;")

    assert "Maria" in told(killed)["open_by"]
