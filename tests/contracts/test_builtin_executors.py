"""The built-in executor keeps the contract that every executor keeps."""

from __future__ import annotations

import pytest

from ihacpa_core.testing import ExecutorContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]


class TestLocal(ExecutorContract):
    @pytest.fixture
    def make_executor(self):
        return offered("ihacpa_plugins.executor.local", "local")
