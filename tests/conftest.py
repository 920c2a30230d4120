from __future__ import annotations

import pytest
from figures import begin_figures, take_figures

from ihacpa_core.testing.project import Project

COUNTING = """\
import time
from pathlib import Path
from ihacpa_core import Cell

CALLS = Path(__file__).with_name("calls.txt")

def double(record):
    with CALLS.open("a") as calls:
        calls.write(record.key + "\\n")
    time.sleep(0.04)
    return {"Total": Cell(record["Amount"] * 2, style="good"), "Note": "=not a formula"}
"""

SETTINGS = """\
[ihacpa]
workbook = "book.xlsx"
processor = "python:work.py:double"

[sheet]
header_row = 1
key = "Name"

[processor.python]
concurrency = 4
results = ["Total"]
"""


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # a worker of xdist writes into the file of the process that started it
        begin_figures()


def pytest_terminal_summary(terminalreporter, config):
    figures = [] if hasattr(config, "workerinput") else take_figures()
    if figures:
        terminalreporter.section("figures")
    for name, text in figures:
        terminalreporter.line(f"{name}: {text}")


@pytest.fixture
def project(tmp_path):
    """A workbook of 30 rows and a function that doubles a number, slowly, and notes each call."""
    made = Project(tmp_path)
    made.write_workbook(["Name", "Amount", "Total", "Note"], [[f"item-{n:02}", n] for n in range(1, 31)])
    made.write("work.py", COUNTING)
    made.write("ihacpa.toml", SETTINGS)
    return made


@pytest.fixture
def slow_from(project):
    """Let every row from a given one on take a minute."""

    def change(row, seconds=60):
        text = (project.folder / "work.py").read_text()
        project.write("work.py", text.replace("0.04", f"0.04 if record.row < {row} else {seconds}"))

    return change


@pytest.fixture
def calls(project):
    """The keys that the function was called with so far, in order."""

    def read():
        path = project.folder / "calls.txt"
        return path.read_text().split() if path.exists() else []

    return read
