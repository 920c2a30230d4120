"""The framework keeps its promises on the oldest pluggy that it admits; every other test runs on the newest."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_oldest_pluggy_serves_as_well(wheelhouse, tmp_path):
    """The tests of hooks, offers and loading pass on pluggy 1.5."""
    wheels = sorted(wheelhouse.parent.glob("oldest/pluggy-1.5*.whl"))
    if not wheels:
        pytest.skip("no wheel of pluggy 1.5: make test fetches it")
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(tmp_path)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/core/plugins"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    used = subprocess.run(
        [sys.executable, "-c", "import pluggy; print(pluggy.__version__)"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert used.stdout.startswith("1.5")
    assert done.returncode == 0, done.stdout[-2000:]
