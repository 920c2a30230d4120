from __future__ import annotations

import shutil

import pytest

from ihacpa_core.engine.preparation import settle
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.testing.project import Project, kill, wait_until

FUNCTION = """\
import time
from pathlib import Path

CALLS = Path(__file__).with_name("calls.txt")

def double(record):
    with CALLS.open("a") as calls:
        calls.write(record.key + "\\n")
    if record.row > 14:
        time.sleep(60)
    if record.row == 4:
        raise ValueError("no luck")
    return {"Total": record["Amount"] * 2}
"""

QUICK = FUNCTION.replace("time.sleep(60)", "pass").replace('raise ValueError("no luck")', "pass")

SETTINGS = """\
[ihacpa]
workbook = "book.xlsx"
processor = "python:work.py:double"
save_every = "batch"
checkpoint_every = 1

[sheet]
header_row = 1
key = "Name"

[strategy.size]
batch_size = 4

[processor.python]
concurrency = 1
results = ["Total"]
"""


@pytest.fixture(scope="session")
def killed_run(tmp_path_factory):
    """A folder in which a run of 20 rows was killed after 13: three batches of four, saved, with checkpoints."""
    project = Project(tmp_path_factory.mktemp("killed"))
    project.write_workbook(["Name", "Amount", "Total"], [[f"item-{n:02}", n] for n in range(1, 21)])
    project.write("work.py", FUNCTION)
    project.write("ihacpa.toml", SETTINGS)
    process = project.start()
    calls = project.folder / "calls.txt"
    wait_until(lambda: calls.exists() and len(calls.read_text().split()) >= 14, what="14 calls")
    wait_until(lambda: len(list((project.folder / ".ihacpa/book.xlsx/backups").glob("*.xlsx"))) == 4, what="backups")
    wait_until(lambda: project.run("checkpoints", "list").stdout.count("whole") == 3, what="3 checkpoints")
    kill(process)
    return project.folder


@pytest.fixture
def killed(killed_run, tmp_path):
    """A copy of that folder, to do with as a test likes."""
    shutil.copytree(killed_run, tmp_path / "killed", symlinks=True)
    return Project(tmp_path / "killed")


@pytest.fixture
def quick(killed):
    """Let what is left be done at once, and without a failure."""

    def change():
        killed.write("work.py", QUICK)

    return change


@pytest.fixture
def plan_of():
    """The settled plan of a project, with a file system of the test's."""

    def settled(project, files=None):
        request = RunRequest(cwd=project.folder, **({"files": files} if files else {}))
        return settle(request)

    return settled


@pytest.fixture
def damage(killed):
    """Cut the workbook in half; what it held is returned."""

    def cut():
        whole = killed.workbook.read_bytes()
        killed.workbook.write_bytes(whole[: len(whole) // 2])
        return whole

    return cut


@pytest.fixture
def backups(killed):
    """The backups of the workbook, oldest first."""
    return sorted((killed.folder / ".ihacpa/book.xlsx/backups").glob("*.xlsx"))
