"""run.json after every kind of end: it follows its schema, and its figures make sense, in one process or several."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest
from core.config.schema_check import problems

from ihacpa_core.engine.summary import SCHEMA, RunSummary
from ihacpa_core.errors import ExitCode
from ihacpa_core.records import Failure, Outcome, RecordId, Status
from ihacpa_core.state import RunMetrics, RunState
from ihacpa_core.testing.project import kill, wait_until

DOCUMENT = json.loads((files("ihacpa_core.engine") / "run.schema.json").read_text(encoding="utf-8"))
FLAKY = """\
import time
from pathlib import Path
from ihacpa_core import RecordError, TransientError

CALLS = Path(__file__).with_name("calls.txt")

def double(record):
    with CALLS.open("a") as calls:
        calls.write(record.key + "\\n")
    times = CALLS.read_text().split().count(record.key)
    if record.key == "item-03" and times == 1:
        raise TransientError("the index is busy", retry_after=0.01)
    if record.key == "item-05":
        raise RecordError("no such thing", hint="spell it otherwise")
    time.sleep(0.02)
    return {"Total": record["Amount"] * 2} if record.key != "item-07" else None
"""


@pytest.fixture
def run_json(project):
    """Reads run.json, which has to follow the schema."""

    def read():
        document = json.loads((project.folder / ".ihacpa" / "book.xlsx" / "run.json").read_text(encoding="utf-8"))
        assert list(problems(document, DOCUMENT, DOCUMENT)) == []
        assert document.keys() == DOCUMENT["properties"].keys()
        for name in ("metrics", "totals"):
            assert all(len(pair) == 2 and pair[1] >= 0 for pair in document[name]["slowest"])
        return document

    return read


def test_the_schema_has_every_key():
    """The schema names what the code writes, and every key says what it means."""
    known = DOCUMENT["$defs"]["metrics"]

    assert known["properties"].keys() == {field.name for field in fields(RunMetrics)} | {"records_per_second"}
    assert set(known["required"]) == known["properties"].keys()
    assert DOCUMENT["properties"]["schema"]["enum"] == [SCHEMA]
    for kind in (DOCUMENT, *DOCUMENT["$defs"].values()):
        assert set(kind["required"]) == kind["properties"].keys()
        assert all(value["description"] for value in kind["properties"].values())


def test_what_was_found_and_what_was_not_checked():
    """Levels and sources that did not answer are counted; the document follows the schema."""
    failed = Outcome(
        id=RecordId("flask"), row=5, status=Status.FAILED, attempts=3, error=Failure(kind="OSError", message="no")
    )
    summary = RunSummary(
        run_id="r1",
        workbook=Path("/data/book.xlsx"),
        sheet="Packages",
        exit_code=ExitCode.INCOMPLETE,
        state=RunState.FINISHED,
        resumed=False,
        metrics=RunMetrics(records=3, done=2, failed=1, slowest=(("flask", 0.5),)),
        totals=RunMetrics(records=3, done=2, failed=1),
        failures=(failed,),
        levels=(("critical", 1), ("low", 2)),
        unchecked=(("osv: time-out", 2),),
        serious=1,
        notes=("a note",),
    )

    document = json.loads(json.dumps(summary.to_dict()))

    assert list(problems(document, DOCUMENT, DOCUMENT)) == []
    assert document["levels"] == {"critical": 1, "low": 2}
    assert document["unchecked"] == [{"what": "osv: time-out", "records": 2}]
    assert document["fail_on_met"] == 1
    assert document["failures"][0]["attempts"] == 3


def test_a_run_that_is_complete(project, run_json):
    """Every figure of a run with failures, retries and skipped records."""
    project.write("work.py", FLAKY)

    result = project.run("--json", "--batch-size", "10", "-o", "checkpoint_every=1", expect=ExitCode.INCOMPLETE)

    document = run_json()
    metrics = document["metrics"]
    assert document == json.loads(result.stdout)
    assert document["state"] == "finished"
    assert [metrics[name] for name in ("records", "done", "failed", "skipped")] == [30, 28, 1, 1]
    assert metrics["batches"] == 3
    assert 1 <= metrics["checkpoints"] <= metrics["saves"] <= 4
    assert metrics["retries"] == 1
    assert metrics["cells_written"] == 28
    assert 0 < metrics["processing_seconds"] <= metrics["wall_seconds"]
    assert metrics["saving_seconds"] > 0
    assert metrics["waiting_seconds"] <= metrics["wall_seconds"]
    assert metrics["records_per_second"] == pytest.approx(30 / metrics["wall_seconds"])
    assert metrics["peak_memory"] > 10 << 20 or sys.platform == "win32"
    assert len(metrics["slowest"]) == 5
    assert document["totals"] == metrics
    assert [(one["key"], one["kind"], one["hint"]) for one in document["failures"]] == [
        ("item-05", "RecordError", "spell it otherwise")
    ]
    assert "--only-failed" in document["next_command"]


def test_a_run_that_is_interrupted_and_resumed(project, calls, run_json):
    """The interrupted process keeps its figures with the run; after the resume the totals are those of both."""
    process = project.start("--batch-size", "5")
    wait_until(lambda: len(calls()) >= 8, what="8 calls")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    first = run_json()

    project.run("--batch-size", "5", expect=ExitCode.OK)

    second = run_json()
    metrics, totals = second["metrics"], second["totals"]
    assert (first["exit_code"], first["state"], first["resumed"]) == (130, "unfinished", False)
    assert first["metrics"]["batches"] >= 2
    assert first["metrics"]["done"] >= 8
    assert first["metrics"]["saves"] >= 1
    assert first["next_command"].startswith("ihacpa")
    assert second["run_id"] == first["run_id"]
    assert second["resumed"] is True
    assert metrics["resumed"] == first["metrics"]["done"]
    assert metrics["done"] == totals["done"] == 30
    assert totals["resumed"] == 0
    for name in ("batches", "saves", "checkpoints", "retries", "wall_seconds", "saving_seconds", "cells_written"):
        assert totals[name] == pytest.approx(first["metrics"][name] + metrics[name]), name
    assert totals["peak_memory"] == max(first["metrics"]["peak_memory"], metrics["peak_memory"])
    assert totals["records_per_second"] == pytest.approx(30 / totals["wall_seconds"])


def test_a_run_that_is_interrupted_twice_and_killed_once(project, calls, run_json):
    """Batches, saves and their times of a killed process are known from the journal."""
    for after, end in ((5, signal.SIGINT), (12, signal.SIGKILL), (20, signal.SIGTERM)):
        process = project.start("--batch-size", "2", "--save-every", "batch")
        wait_until(lambda after=after: len(calls()) >= after, what=f"{after} calls")
        process.send_signal(end)
        process.communicate(timeout=30)

    project.run("--batch-size", "2", "--save-every", "batch", expect=ExitCode.OK)

    document = run_json()
    totals = document["totals"]
    assert totals["done"] == 30
    assert totals["batches"] >= 15
    assert totals["saves"] >= 8
    assert totals["processing_seconds"] > document["metrics"]["processing_seconds"]
    assert totals["wall_seconds"] >= totals["processing_seconds"] * 0.9


def test_a_run_that_stops_since_too_much_fails(project, run_json):
    """max_failures ends with 3 and what is left to do."""
    project.write("work.py", "def double(record):\n    raise RuntimeError('no')\n")

    project.run("-o", "max_failures=3", expect=ExitCode.INCOMPLETE)

    document = run_json()
    assert document["state"] == "unfinished"
    assert len(document["failures"]) >= 3
    assert any("max_failures" in note for note in document["notes"])


def test_a_run_that_cannot_save(project, run_json):
    """A workbook in whose place there is a folder meanwhile: it ends with 4, the cause, and the next command."""
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

    project.run("--save-every", "end", expect=ExitCode.WORKBOOK)

    document = run_json()
    assert document["exit_code"] == 4
    assert document["error"]
    assert document["metrics"]["done"] == 30
    assert document["state"] == "unfinished"
    assert document["next_command"]


def test_run_json_is_replaced_in_one_step(project, run_json):
    """Who has it open reads all of what was there: another file takes its place."""
    project.run(expect=ExitCode.OK)
    path = project.folder / ".ihacpa" / "book.xlsx" / "run.json"
    with path.open() as held:
        project.run("--start-fresh", expect=ExitCode.OK)
        before = json.load(held)

    assert before["run_id"] != run_json()["run_id"]


def test_a_killed_run_leaves_the_last_one_there_was(project, calls, slow_from):
    """run.json tells of ends: a run that was killed has none, and the journal tells how far it came."""
    slow_from(row=5)
    process = project.start()
    wait_until(lambda: len(calls()) >= 4, what="4 calls")
    kill(process)

    assert not (project.folder / ".ihacpa" / "book.xlsx" / "run.json").exists()
