"""`ihacpa checkpoints` and `ihacpa runs`: what is told, what is removed, and that no word leads to a file."""

from __future__ import annotations

import json
import sqlite3
from hashlib import sha256

import pytest

from ihacpa_core.codec import decode_checkpoint
from ihacpa_core.errors import ExitCode


def listed(project, *args):
    return json.loads(project.run("checkpoints", "list", "--json", *args, expect=ExitCode.OK).stdout)


def ids(project):
    return [each["checkpoint_id"] for each in listed(project)["checkpoints"]]


def alter_a_checkpoint(project, checkpoint_id):
    """Change a stored number behind the store's back."""
    change = """UPDATE checkpoints SET payload = replace(payload, '"batch":', '"batch":9') WHERE checkpoint_id = ?"""
    db = sqlite3.connect(project.folder / ".ihacpa/book.xlsx/journal.sqlite")
    with db:
        assert db.execute(change, (checkpoint_id,)).rowcount == 1
    db.close()


def test_the_list_has_a_line_for_each(killed):
    """Id, time, batch, records, the backup's health and the expiry, a line a checkpoint; the action may be left out."""
    lines = killed.run("checkpoints", expect=ExitCode.OK).stdout.splitlines()

    assert lines[0].split() == ["checkpoint", "created", "batch", "done", "backup", "expires"]
    assert [line.split()[3:6] for line in lines[1:]] == [
        ["1", "4/20", "whole"],
        ["2", "8/20", "whole"],
        ["3", "12/20", "whole"],
    ]


def test_show_takes_the_beginning_of_an_id(killed):
    """As much of an id as tells it apart is enough."""
    newest = ids(killed)[-1]

    found = json.loads(killed.run("checkpoints", "show", newest[:-2], "--json", expect=ExitCode.OK).stdout)

    assert found["checkpoint_id"] == newest
    assert found["valid"]


@pytest.mark.parametrize("word", ["*", "../journal", ""])
@pytest.mark.parametrize("action", ["show", "verify", "export"])
def test_an_id_is_no_pattern_and_no_path(killed, action, word):
    """A star or a slash in an id matches nothing and leads nowhere: there is no such checkpoint."""
    result = killed.run("checkpoints", action, word, expect=ExitCode.USAGE)

    assert "there is no checkpoint" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_id_gets_a_guess(killed):
    """A mistyped id ends with 2 and names the one that was meant."""
    newest = ids(killed)[-1]

    result = killed.run("checkpoints", "show", newest[:-1] + "x", expect=ExitCode.USAGE)

    assert f"did you mean '{newest}'" in result.stderr


def test_the_beginning_of_several_ids(killed):
    """What several ids begin with is refused, and they are named."""
    result = killed.run("checkpoints", "show", ids(killed)[0][:4], expect=ExitCode.USAGE)

    assert "the beginning of 3 checkpoints" in result.stderr


def test_verify_finds_nothing_wrong_with_whole_ones(killed):
    """Whole checkpoints with a readable journal and whole backups: exit 0."""
    result = killed.run("checkpoints", "verify", expect=ExitCode.OK)

    assert result.stdout.count(": valid") == 3


def test_verify_names_an_altered_checkpoint_and_the_newest_valid_one(killed):
    """A checkpoint that was altered ends with 3; the one before it is named with the command that goes back to it."""
    first, second, third = ids(killed)
    alter_a_checkpoint(killed, third)

    result = killed.run("checkpoints", "verify", expect=ExitCode.INCOMPLETE)

    assert f"{third}: damaged" in result.stdout
    assert f"  ihacpa --checkpoint-id {second}\n" in result.stdout
    assert f"{first}: valid" in result.stdout
    assert third in killed.run("status", expect=ExitCode.OK).stdout


def test_verify_reads_the_backups(killed, backups):
    """A backup that is gone or altered makes its checkpoint invalid, and says so."""
    backups[-1].unlink()
    backups[-2].write_bytes(b"something else")

    result = killed.run("checkpoints", "verify", "--json", expect=ExitCode.INCOMPLETE)
    found = json.loads(result.stdout)

    assert [each["valid"] for each in found["checkpoints"]] == [True, False, False]
    assert "altered" in found["checkpoints"][1]["flaws"][0]
    assert "gone" in found["checkpoints"][2]["flaws"][0]
    assert found["newest_valid"] == found["checkpoints"][0]["checkpoint_id"]


def test_verify_reads_the_journal_as_far_as_each_covers(killed):
    """A damaged entry makes those checkpoints invalid that cover it, and none before it."""
    sequence = listed(killed)["checkpoints"][1]["sequence"]
    db = sqlite3.connect(killed.folder / ".ihacpa/book.xlsx/journal.sqlite")
    with db:
        db.execute("UPDATE entries SET payload = '{}' WHERE sequence = ?", (sequence,))
    db.close()

    found = json.loads(killed.run("checkpoints", "verify", "--json", expect=ExitCode.INCOMPLETE).stdout)

    assert [each["valid"] for each in found["checkpoints"]] == [True, False, False]


def test_prune_removes_what_was_asked_for(killed, backups):
    """All but the newest go, then the backups that nothing needs; never one that is named, nor the original."""
    kept = ids(killed)[-1]

    killed.run("checkpoints", "prune", "--keep", "1", "--yes", "-o", "keep_backups=1", expect=ExitCode.OK)

    left = sorted((killed.folder / ".ihacpa/book.xlsx/backups").glob("*.xlsx"))
    assert ids(killed) == [kept]
    assert backups[0] in left
    assert listed(killed)["checkpoints"][0]["backup_whole"]
    assert len(left) == 3


def test_prune_alone_removes_nothing_that_is_not_expired(killed):
    """Without a word about which ones, those that expired go: here none."""
    before = ids(killed)

    result = killed.run("checkpoints", "prune", expect=ExitCode.OK)

    assert "nothing to remove" in result.stdout
    assert ids(killed) == before


def test_prune_asks_and_without_a_terminal_refuses(killed):
    """Without a terminal and without --yes nothing is removed, exit 7."""
    before = ids(killed)

    result = killed.run("checkpoints", "prune", "--all", expect=ExitCode.DECISION_NEEDED)

    assert "--yes" in result.stderr
    assert ids(killed) == before


def test_a_damaged_checkpoint_can_be_removed(killed):
    """A damaged one goes by its name, and status no longer tells of it."""
    newest = ids(killed)[-1]
    alter_a_checkpoint(killed, newest)

    killed.run("checkpoints", "prune", newest, "--yes", expect=ExitCode.OK)

    assert listed(killed)["broken"] == []
    assert len(ids(killed)) == 2


def test_export_writes_what_can_be_read_back(killed, backups):
    """The file has a schema, each checkpoint as it is stored, and the copies hold what the checkpoint says."""
    result = killed.run(
        "checkpoints", "export", "--all", "--output", "all.json", "--backups", "copies", expect=ExitCode.OK
    )
    document = json.loads((killed.folder / "all.json").read_text())
    read = [decode_checkpoint(each) for each in document["checkpoints"]]

    assert document["schema"] == 1
    assert [each.checkpoint_id for each in read] == ids(killed)
    assert "wrote" in result.stdout
    for each in read:
        copy = killed.folder / "copies" / each.backup
        assert sha256(copy.read_bytes()).hexdigest() == each.workbook.sha256


def test_export_replaces_nothing_without_force(killed):
    """A file that is there stays, until --force is typed."""
    killed.write("all.json", "mine")
    refused = killed.run("checkpoints", "export", "--all", "--output", "all.json", expect=ExitCode.USAGE)
    stayed = (killed.folder / "all.json").read_text()
    killed.run("checkpoints", "export", "--all", "--output", "all.json", "--force", expect=ExitCode.OK)

    assert stayed == "mine"
    assert "--force" in refused.stderr
    assert json.loads((killed.folder / "all.json").read_text())["schema"] == 1


def test_export_prints_without_a_file(killed):
    """Without --output the document goes to standard output."""
    newest = ids(killed)[-1]

    document = json.loads(killed.run("checkpoints", "export", newest, expect=ExitCode.OK).stdout)

    assert [each["checkpoint_id"] for each in document["checkpoints"]] == [newest]


def test_no_checkpoints(project):
    """A workbook without a run has none: said, exit 0, nothing made."""
    for action in ("list", "verify", "prune"):
        result = project.run("checkpoints", action, expect=ExitCode.OK)
        assert "no" in result.stdout

    assert not (project.folder / ".ihacpa").exists()


def test_an_unknown_action(killed):
    """A word that is no action is an error that lists them."""
    result = killed.run("checkpoints", "lst", expect=ExitCode.USAGE)

    assert "list" in result.stderr


def test_runs_list(killed):
    """A run a line, with its counts; another workbook can be named."""
    lines = killed.run("runs", "book.xlsx", expect=ExitCode.OK).stdout.splitlines()

    assert lines[1].split()[3:] == ["unfinished", "20", "12", "1", "7", "3"]


def test_runs_show(killed):
    """One run with its settings, failures, choices, figures and batches."""
    found = json.loads(killed.run("runs", "show", "--json", expect=ExitCode.OK).stdout)
    text = killed.run("runs", "show", found["run_id"][:-1], expect=ExitCode.OK).stdout

    assert [failure["key"] for failure in found["failures"]] == ["item-03"]
    assert [(batch["number"], batch["records"]) for batch in found["batch_list"]] == [(1, 4), (2, 4), (3, 4)]
    assert found["metrics"]["records"] == 20
    assert found["settings"].endswith("settings.toml")
    assert "row 4 item-03: ValueError: no luck" in text


def test_runs_show_tells_the_choices(killed, quick):
    """What a person decided when the run went on is told."""
    quick()
    killed.run("--resume-auto", expect=ExitCode.INCOMPLETE)

    found = json.loads(killed.run("runs", "show", "--json", expect=ExitCode.OK).stdout)

    assert "resume" in [choice["what"] for choice in found["choices"]]
    assert found["state"] == "finished"


@pytest.mark.parametrize("word", ["*", "../x", "1999"])
def test_an_unknown_run(killed, word):
    """An id that is none ends with 2, whatever is in it."""
    result = killed.run("runs", "show", word, expect=ExitCode.USAGE)

    assert "there is no run" in result.stderr


def test_a_damaged_run_does_not_hide_the_others(killed, quick):
    """A run whose journal is damaged says so in its line; the next one is told in full."""
    db = sqlite3.connect(killed.folder / ".ihacpa/book.xlsx/journal.sqlite")
    with db:
        db.execute("UPDATE entries SET payload = '{}' WHERE sequence = 3")
    db.close()
    quick()
    killed.run("--start-fresh", expect=ExitCode.OK)

    runs = json.loads(killed.run("runs", "--json", expect=ExitCode.OK).stdout)["runs"]

    assert [run["state"] for run in runs] == ["damaged", "finished"]
    assert runs[0]["flaw"]
