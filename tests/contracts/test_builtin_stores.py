"""The built-in checkpoint stores keep the contract that every store keeps."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from ihacpa_plugins.checkpoint._lines import line_of

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


def newer_file(state_dir: Path) -> None:
    """A header of schema 2, in the form of schema 1."""
    for path in (state_dir / "journal").glob("*.jsonl"):
        header, _, lines = path.read_bytes().partition(b"\n")
        fields = {**json.loads(header), "schema": 2}
        later = line_of({name: value for name, value in fields.items() if name not in ("length", "sum")})
        path.write_bytes(later + lines)


class TestFileStore(CheckpointStoreContract):
    @pytest.fixture
    def make_store(self) -> object:
        return offered("ihacpa_plugins.checkpoint.file", "file")

    @pytest.fixture
    def make_newer(self) -> Callable[[Path], None]:
        return newer_file


@pytest.mark.slow
class TestFileStoreAtLength(TestFileStore):
    rounds = 60
    samples = 400
