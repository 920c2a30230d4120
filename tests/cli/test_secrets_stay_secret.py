"""A secret of the settings stands in nothing that a run leaves behind or prints, whoever lets it slip."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CANARY = "canary/4711+xyz"
FORMS = (CANARY, "canary%2F4711%2Bxyz", "canary%2F4711+xyz", "4711")

PLUGIN = """\
import logging
from ihacpa_core import WarningRaised, hookimpl

@hookimpl
def ihacpa_addoption(parser):
    parser.addoption("--notify-token", help="the key", secret=True)

@hookimpl
def ihacpa_configure(settings):
    import work
    work.TOKEN = settings["notify"]["token"]

@hookimpl
def ihacpa_batch_committed(event):
    import work
    logging.getLogger("ihacpa.notify").warning("posting to https://host/?key=%s", work.TOKEN)
    raise RuntimeError(f"401 for {work.TOKEN}")
"""
WORK = """\
from urllib.parse import quote
from ihacpa_core import RecordError, TransientError

TOKEN = ""

def double(record):
    import work
    token = work.TOKEN
    assert token
    if record["Amount"] == 3:
        raise RecordError(f"403 for {token}", hint=f"look at https://host/{quote(token, safe='')}")
    if record["Amount"] == 4:
        raise TransientError(f"the server did not know {token}", retry_after=0.01)
    if record["Amount"] == 5:
        raise ValueError({"token": token})
    return {"Total": record["Amount"] * 2}
"""


@pytest.fixture
def slip(project):
    """Runs with a plugin and a function that say the secret wherever they can; returns what was printed."""
    project.write("work.py", WORK)
    project.write("notify.py", PLUGIN)
    settings = (project.folder / "ihacpa.toml").read_text()

    def run(token, *args, env=None):
        project.write("ihacpa.toml", f'{settings}\n[notify]\ntoken = "{token}"\n')
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IHACPA_")}
        return subprocess.run(
            [sys.executable, "-m", "ihacpa_core", "-p", "./notify.py", "-o", 'progress=["plain", "json"]', *args],
            cwd=project.folder,
            env={**kept, "PYTHONPATH": str(project.folder), **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def slipped(project, except_for=()):
    """The files of the project in which the secret stands in any form, SQLite's own among them."""
    found = []
    for path in sorted(project.folder.rglob("*")):
        if path.is_file() and path.name not in except_for and path.suffix not in (".py", ".pyc"):
            data = path.read_bytes()
            found += [path.name for form in FORMS if form.encode() in data or form.encode("utf-16-le") in data]
    return sorted(set(found))


@pytest.mark.parametrize("source", ["in the settings", "in the environment", "in a file"])
def test_no_trace_of_a_secret(project, slip, source):
    """Journal, checkpoints, log, run.json, settings of the run, progress lines, summary: masked in all of them."""
    (project.folder / "key.txt").write_text(CANARY)
    token = {"in the settings": CANARY, "in the environment": "env:MY_KEY", "in a file": "file:key.txt"}[source]
    lines = ("-o", 'progress.json.path="progress.jsonl"', "-o", "keep_checkpoints=true", "-o", "checkpoint_every=1")

    done = slip(token, *lines, "--traceback", "-v", env={"MY_KEY": CANARY})

    assert done.returncode == 3, done.stderr
    assert [form for form in FORMS if form in done.stdout + done.stderr] == []
    assert slipped(project, except_for=("ihacpa.toml", "key.txt")) == []
    log = next((project.folder / ".ihacpa" / "book.xlsx" / "logs").iterdir()).read_text()
    assert "403 for ***" in log
    assert "https://host/?key=***" in log
    assert "403 for ***" in (project.folder / ".ihacpa" / "book.xlsx" / "run.json").read_text()
    assert "the server did not know ***" in (project.folder / "progress.jsonl").read_text()


def test_the_settings_of_the_run_say_where_a_secret_is(project, slip):
    """What repeats the run names the place of the secret and not the secret; one that stood in the file is left out."""
    slip("env:MY_KEY", env={"MY_KEY": CANARY})
    by_place = [path.read_text() for path in project.folder.rglob("settings.toml")]
    slip(CANARY, "--start-fresh")
    settings = [path.read_text() for path in project.folder.rglob("settings.toml")]

    assert 'token = "env:MY_KEY"' in by_place[0]
    assert len(settings) == 2
    assert not any("canary" in text for text in settings)
