"""`ihacpa plugins new`: what it writes installs, its tests pass, and it works at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from filelock import FileLock
from small_wheels import pip_install

from ihacpa_core.cli.plugins_command.new import KINDS, write_plugin

SLOW = {"checkpoint", "save"}
"""Their contracts kill processes, or load dozens of workbooks."""


@pytest.fixture(scope="session")
def made(shared):
    """A distribution of each role, and the folder that all of them are installed into, as wheels."""
    folder = shared / "new"
    with FileLock(shared / "new.lock"):
        if not (folder / "site").exists():
            folders = [write_plugin(f"my-{role}", role, folder).folder for role in KINDS]
            pip_install(*map(str, folders), "--no-compile", target=folder / "site.new")
            (folder / "site.new").rename(folder / "site")
    return folder


@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=[pytest.mark.slow] if role in SLOW else []) for role in KINDS]
)
def test_a_new_plugin_passes_its_tests(made, role):
    """The tests that come with it hold it to its role's contract, and run ihacpa with it selected by one word."""
    path = os.pathsep.join(filter(None, [str(made / "site"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=made / f"my-{role}", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "exempt" not in done.stdout, done.stdout


def test_a_new_plugin_is_typed(made):
    """What is written passes mypy's strict mode."""
    packages = [str(made / f"my-{role}" / "src" / f"ihacpa_my_{role}") for role in KINDS]

    _check("mypy", "--strict", "--explicit-package-bases", "--cache-dir", str(made / "mypy"), *packages, cwd=made)


@pytest.mark.parametrize("role", sorted(KINDS))
def test_a_new_plugin_is_tidy(made, role):
    """What is written passes ruff, its formatter too."""
    for command in ("check", "format"):
        options = ["--check"] if command == "format" else ["--extend-select", "I,B,UP"]
        _check("ruff", command, "--no-cache", "--line-length", "120", *options, cwd=made / f"my-{role}")


def _check(*command, cwd):
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
