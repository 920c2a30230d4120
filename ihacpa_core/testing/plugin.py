"""Fixtures for pytest, opt-in: ``pytest_plugins = ["ihacpa_core.testing.plugin"]`` in a ``conftest.py``.

It also judges the contract classes: a rule that was skipped does not count as one that holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ihacpa_core.testing.clock import FakeClock
from ihacpa_core.testing.index import LoopbackIndex
from ihacpa_core.testing.project import Project
from ihacpa_core.testing.recorder import HookRecorder

pytest_plugins = ["ihacpa_core.testing.verdict"]


@pytest.fixture
def ihacpa_project(tmp_path: Path) -> Project:
    """A folder in which the test writes a workbook and settings, and runs ihacpa in a process of its own."""
    return Project(tmp_path)


@pytest.fixture
def ihacpa_index() -> Iterator[LoopbackIndex]:
    """A package index on the loopback interface, empty; `url` is where to ask it."""
    with LoopbackIndex() as index:
        yield index


@pytest.fixture
def hook_recorder() -> Iterator[HookRecorder]:
    """Hears every event of runs in this process that have `hook_recorder.plugin` among their plugins."""
    with HookRecorder() as recorder:
        yield recorder


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that stands still until `advance`."""
    return FakeClock()
