"""The built-in checkpoint stores keep the contract that every store keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ihacpa_core.testing import CheckpointStoreContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]


def newer_sqlite(state_dir: Path) -> None:
    with sqlite3.connect(state_dir / "journal.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


class TestSqliteStore(CheckpointStoreContract):
    @pytest.fixture
    def make_store(self) -> object:
        return offered("ihacpa_plugins.checkpoint.sqlite", "sqlite")

    @pytest.fixture
    def make_newer(self) -> Callable[[Path], None]:
        return newer_sqlite


@pytest.mark.slow
class TestSqliteStoreAtLength(TestSqliteStore):
    rounds = 60
    samples = 400
