"""Wheels and a clean environment, made once a session out of a folder of wheels: nothing here reaches the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from installed_site import ACME, ROOT, Site

OFFLINE = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-build-isolation")


def pip(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pip", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert not done.returncode, f"pip {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def wheelhouse():
    """The wheels of everything that the environments need beside our own."""
    folder = Path(sys.prefix) / "wheelhouse"
    if not any(folder.glob("*.whl")):
        pytest.skip(f"{folder} is missing: `make test` fills it")
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """A folder that all workers of the session share; who makes something there holds the lock ``lock``."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "distributions"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def wheels(wheelhouse, shared):
    """A folder with the wheel of this project and that of the example, built from the tree as it is."""
    folder = shared / "wheels"
    with FileLock(shared / "lock"):
        if not folder.exists():
            made = shared / "wheels.new"
            pip("wheel", *OFFLINE, "--no-deps", "--wheel-dir", made, ROOT, ACME)
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def site(wheelhouse, wheels, shared):
    """A clean environment with the two wheels, what they need, and what the example's tests need."""
    folder = shared / "site"
    with FileLock(shared / "lock"):
        if not (folder / "whole").exists():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
            find = ("--find-links", wheelhouse, "--find-links", wheels)
            group = f"{ACME / 'pyproject.toml'}:test"
            pip("--python", folder, "install", *OFFLINE, "--no-compile", *find, "ihacpa-acme", "--group", group)
            (folder / "whole").touch()
    return Site(folder)
