"""The built-in save backends keep the contract that every backend keeps."""

from __future__ import annotations

import pytest

from ihacpa_core.testing import SaveBackendContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]


class TestOpenpyxl(SaveBackendContract):
    @pytest.fixture
    def make_backend(self):
        return offered("ihacpa_plugins.save.openpyxl", "openpyxl")


class TestPatch(SaveBackendContract):
    @pytest.fixture
    def make_backend(self):
        return offered("ihacpa_plugins.save.patch", "patch")
