"""What the broken implementations are made from breaks no rule itself: it is the fault that they fail by."""

from __future__ import annotations

import pytest
from broken_executors import Right
from broken_processors import Shout
from broken_reporters import Quiet
from broken_savers import Wrapped
from broken_sources import Book
from broken_stores import newer_plain
from broken_strategies import Ten
from plain_store import PlainStore

from ihacpa_core.testing import (
    BatchStrategyContract,
    CheckpointStoreContract,
    ExecutorContract,
    ProcessorContract,
    ProgressReporterContract,
    SaveBackendContract,
    SourceContract,
)

pytest_plugins = ["ihacpa_core.testing.plugin"]


class TestTen(BatchStrategyContract):
    @pytest.fixture
    def make_strategy(self):
        return Ten


class TestPlainStore(CheckpointStoreContract):
    @pytest.fixture
    def make_store(self):
        return PlainStore

    @pytest.fixture
    def make_newer(self):
        return newer_plain


class TestWrapped(SaveBackendContract):
    @pytest.fixture
    def make_backend(self):
        return Wrapped


class TestQuiet(ProgressReporterContract):
    @pytest.fixture
    def make_reporter(self):
        return Quiet


class TestShout(ProcessorContract):
    @pytest.fixture
    def make_processor(self):
        return Shout


class TestRight(ExecutorContract):
    @pytest.fixture
    def make_executor(self):
        return Right


class TestBook(SourceContract):
    @pytest.fixture
    def make_source(self):
        return Book

    @pytest.fixture
    def make_unreachable(self):
        return type("Unreachable", (Book,), {"reachable": False})
