"""Figures that tests measure, shown together at the end: ``record_figure("kill sweep", "0 of 812 rows lost")``."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

_VARIABLE = "PYTEST_FIGURES"  # inherited by xdist's workers, which are other processes


def record_figure(name: str, text: str) -> None:
    """Keep `text` to be shown under `name`."""
    with Path(os.environ[_VARIABLE]).open("a", encoding="utf-8") as figures:
        figures.write(json.dumps([name, text]) + "\n")


def begin_figures() -> None:
    """In the process that shows them: make the file that they are kept in."""
    handle, path = tempfile.mkstemp(prefix="figures-", suffix=".jsonl")
    os.close(handle)
    os.environ[_VARIABLE] = path


def take_figures() -> list[tuple[str, str]]:
    """All figures by name, and the file is gone."""
    path = Path(os.environ.pop(_VARIABLE))
    lines = path.read_text(encoding="utf-8").splitlines()
    path.unlink()
    return sorted((name, text) for name, text in map(json.loads, lines))
