"""The observer in runs of its own, as a person starts them. Needs the distribution to be installed."""

from __future__ import annotations

import json
import stat

import pytest

from ihacpa_core import ExitCode

SETTINGS = """\
[ihacpa]
workbook = "book.xlsx"
processor = "python:work.py:double"
plugins = ["acme-notify"]

[sheet]
header_row = 1
key = "Name"

[strategy.size]
batch_size = 4
"""

WORK = """\
def double(record):
    if record["Amount"] == 3:
        raise ValueError("three")
    return {"Total": record["Amount"] * 2}
"""


@pytest.fixture
def project(ihacpa_project):
    """Ten rows, the third of which fails."""
    ihacpa_project.write_workbook(["Name", "Amount", "Total"], [[f"item-{n}", n] for n in range(1, 11)])
    ihacpa_project.write("work.py", WORK)
    ihacpa_project.write("ihacpa.toml", SETTINGS)
    return ihacpa_project


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_for_each_batch_and_one_at_the_end(project):
    """Beside the workbook lies a line for each batch that is durable, and one that says how the run ended."""
    project.run(expect=ExitCode.INCOMPLETE)

    told = lines(project.folder / "acme-notify.jsonl")
    batches = [line for line in told if line["event"] == "batch-committed"]
    assert [line["batch"] for line in batches] == list(range(1, len(batches) + 1))
    assert [line["finished"] for line in batches][:3] == [4, 8, 10]
    assert {line["total"] for line in batches} == {10}
    assert sum(line["failed"] for line in batches[:3]) == 1
    assert told[-1]["event"] == "run-finished"
    assert (told[-1]["done"], told[-1]["failed"], told[-1]["exit_code"]) == (9, 1, ExitCode.INCOMPLETE)
    assert len({line["run"] for line in told}) == 1


def test_the_file_is_for_its_owner_alone(project):
    """Names of batches and runs are nobody else's business."""
    project.run()

    assert stat.S_IMODE((project.folder / "acme-notify.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("by", ["settings", "flag"])
def test_the_file_may_be_another_one(project, by):
    """The settings or a flag name another file, from the workbook's folder on."""
    if by == "settings":
        project.write("ihacpa.toml", f'{SETTINGS}\n[acme-notify]\nfile = "told.jsonl"\n')
        project.run()
    else:
        project.run("--acme-notify-file", "told.jsonl")

    assert lines(project.folder / "told.jsonl")
    assert not (project.folder / "acme-notify.jsonl").exists()


def test_a_file_that_cannot_be_written_stops_nothing(project):
    """A failing notifier is told as a warning, and the run ends as it would have without it."""
    (project.folder / "acme-notify.jsonl").mkdir()

    result = project.run(expect=ExitCode.INCOMPLETE)

    assert "acme-notify" in result.stderr
    assert project.cells()["C2"] == 2
