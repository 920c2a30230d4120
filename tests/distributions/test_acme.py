"""The example distribution as its users and its authors have it: built, installed beside ours, selected by one word."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from installed_site import ACME, ROOT, InstalledProject

import ihacpa_core
from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import kill, wait_until

ROWS = 30
CONCURRENCY = 4

WORK = """\
import time
from pathlib import Path

CALLS = Path(__file__).with_name("calls.txt")

def double(record):
    with CALLS.open("a") as calls:
        calls.write(record.key + "\\n")
    time.sleep(0.03)
    return {"Total": record["Amount"] * 2}
"""

SETTINGS = """\
[ihacpa]
workbook = "book.xlsx"
processor = "python:work.py:double"
strategy = "burst"
checkpoint = "lmdb"
plugins = ["acme-notify"]
require = ["ihacpa-acme>=1"]

[sheet]
header_row = 1
key = "Name"

[strategy.burst]
large = 9

[processor.python]
concurrency = 4
"""


@pytest.fixture
def project(tmp_path, site):
    """A workbook of thirty rows, a slow function, and settings that select all three plugins, each by one word."""
    made = InstalledProject(tmp_path, site)
    made.write_workbook(["Name", "Amount", "Total"], [[f"item-{n:02}", n] for n in range(1, ROWS + 1)])
    made.write("work.py", WORK)
    made.write("ihacpa.toml", SETTINGS)
    return made


def totals(project):
    cells = project.cells()
    return [cells.get(f"C{row}") for row in range(2, ROWS + 2)]


def told(project):
    """The notifier's lines: those of batches, and the others."""
    text = (project.folder / "acme-notify.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    batches = [line for line in lines if line["event"] == "batch-committed"]
    return batches, [line for line in lines if line not in batches]


def calls(project):
    path = project.folder / "calls.txt"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def journals(project):
    return sorted(path.name for path in project.folder.glob(".ihacpa/**/journal*"))


def test_one_word_selects_each_plugin(project):
    """The run is cut into small batches and bursts, its journal is one LMDB file, and the notifier heard it all."""
    project.run(expect=ExitCode.OK)

    assert totals(project) == [2 * n for n in range(1, ROWS + 1)]
    assert journals(project) == ["journal.lmdb"]
    batches, [end] = told(project)
    assert [line["records"] for line in batches] == [2, 2, 2, 9, 2, 2, 2, 9]
    assert (batches[-1]["finished"], end["event"], end["done"], end["exit_code"]) == (ROWS, "run-finished", ROWS, 0)


@pytest.mark.parametrize("after", [3, 17])
def test_a_killed_run_goes_on(project, after):
    """kill -9, then the same command: every row once, but for those in flight, and the right cells at the end."""
    process = project.start()
    wait_until(lambda: len(calls(project)) >= after, what=f"{after} calls")
    kill(process)

    result = project.run(expect=ExitCode.OK)

    assert "is resumed" in result.stderr
    assert totals(project) == [2 * n for n in range(1, ROWS + 1)]
    assert sum(count - 1 for count in Counter(calls(project)).values()) <= CONCURRENCY
    assert journals(project) == ["journal.lmdb"]
    assert project.leftovers() == []
    batches, [end] = told(project)
    assert all(earlier["finished"] <= later["finished"] for earlier, later in pairwise(batches))
    assert (batches[-1]["finished"], end["exit_code"], end["done"]) == (ROWS, 0, ROWS)
    assert {line["run"] for line in batches} == {end["run"]}


def test_wrong_options_are_told_before_anything_is_written(project):
    """Every mistake in acme's tables is told in one pass, with its place, and nothing is written."""
    project.write("ihacpa.toml", SETTINGS.replace("large = 9", 'larg = 9\nmax_seconds = "soon"'))

    result = project.run(expect=ExitCode.USAGE)

    assert "strategy.burst.larg" in result.stderr
    assert "large" in result.stderr
    assert "strategy.burst.max_seconds" in result.stderr
    assert calls(project) == []
    assert not (project.folder / ".ihacpa").exists()


def test_it_is_listed(site, tmp_path):
    """`ihacpa plugins` names what the distribution offers, without importing any of it."""
    listed = site.run("ihacpa", "plugins", cwd=tmp_path)

    assert listed.returncode == 0, listed.stderr
    for name in ("burst", "lmdb"):
        assert any({name, "ihacpa-acme"} <= set(line.split()) for line in listed.stdout.splitlines()), listed.stdout


@pytest.mark.parametrize("path", sorted(ACME.rglob("*.py")), ids=lambda path: path.name)
def test_it_lives_on_the_public_face(path):
    """The example imports `ihacpa_core` and what that exports; its tests also `ihacpa_core.testing`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.startswith("ihacpa_core")]
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ihacpa_core"):
            assert node.module == "ihacpa_core" or ("tests" in path.parts[-2] and node.module == "ihacpa_core.testing")
            face = ihacpa_core if node.module == "ihacpa_core" else ihacpa_core.testing
            assert {alias.name for alias in node.names} <= set(face.__all__)


@pytest.mark.slow
def test_its_own_tests_pass_where_it_is_installed(site, tmp_path):
    """The tests that its authors run, contracts and kills included, pass against the two installed wheels."""
    options = ("-q", "-p", "no:cacheprovider", "--rootdir", str(ACME), "--basetemp", str(tmp_path / "work"))

    done = site.run("python", "-m", "pytest", *options, str(ACME / "tests"), cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_its_types_hold(tmp_path):
    """What the example's authors see of ihacpa's types is enough for mypy's strict mode."""
    command = (
        sys.executable,
        "-m",
        "mypy",
        "--cache-dir",
        tmp_path,
        "--config-file",
        ACME / "pyproject.toml",
        ACME / "src",
    )
    path = os.pathsep.join(map(str, (ACME / "src", ROOT)))

    done = subprocess.run(
        [*map(str, command), "--explicit-package-bases"],
        env={**os.environ, "MYPYPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
