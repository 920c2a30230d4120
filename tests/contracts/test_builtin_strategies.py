"""The built-in strategies keep the contract that every strategy keeps."""

from __future__ import annotations

import pytest

from ihacpa_core.testing import BatchStrategyContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]


class TestSize(BatchStrategyContract):
    @pytest.fixture
    def make_strategy(self):
        return offered("ihacpa_plugins.strategy.size", "size", batch_size=7)
