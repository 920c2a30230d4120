"""The built-in reporters keep the contract that every reporter keeps."""

from __future__ import annotations

import pytest

from ihacpa_core.testing import ProgressReporterContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]


class TestRich(ProgressReporterContract):
    @pytest.fixture
    def make_reporter(self):
        return offered("ihacpa_plugins.progress.rich", "rich")


class TestPlain(ProgressReporterContract):
    @pytest.fixture
    def make_reporter(self):
        return offered("ihacpa_plugins.progress.plain", "plain")


class TestJson(ProgressReporterContract):
    @pytest.fixture
    def make_reporter(self):
        return offered("ihacpa_plugins.progress.json", "json")


class TestJsonFile(ProgressReporterContract):
    @pytest.fixture
    def make_reporter(self):
        return offered("ihacpa_plugins.progress.json", "json", path="progress.jsonl")


class TestNone(ProgressReporterContract):
    @pytest.fixture
    def make_reporter(self):
        return offered("ihacpa_plugins.progress.none", "none")
