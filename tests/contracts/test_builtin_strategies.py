"""The built-in strategies keep the contract that every strategy keeps."""

from __future__ import annotations

import pytest

from ihacpa_core.testing import BatchStrategyContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]


class TestSize(BatchStrategyContract):
    @pytest.fixture
    def make_strategy(self):
        return offered("ihacpa_plugins.strategy.size", "size", batch_size=7)


class TestMemory(BatchStrategyContract):
    @pytest.fixture
    def make_strategy(self):
        return offered("ihacpa_plugins.strategy.memory", "memory")


class TestMemoryWithALimit(BatchStrategyContract):
    """With a limit that this process is above from the beginning."""

    @pytest.fixture
    def make_strategy(self):
        return offered("ihacpa_plugins.strategy.memory", "memory", limit="20MB", min_size=3, max_size=50)


class TestTime(BatchStrategyContract):
    @pytest.fixture
    def make_strategy(self):
        return offered("ihacpa_plugins.strategy.time", "time")


class TestTimeWithALargestSize(BatchStrategyContract):
    @pytest.fixture
    def make_strategy(self):
        return offered("ihacpa_plugins.strategy.time", "time", interval="10s", max_size=20)
