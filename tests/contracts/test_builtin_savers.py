"""The built-in save backends keep the contract that every backend keeps."""

from __future__ import annotations

from typing import ClassVar

import pytest

from ihacpa_core.testing import SaveBackendContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]


class TestOpenpyxl(SaveBackendContract):
    exempt: ClassVar = {
        "test_number_in_a_date_cell_is_a_number": "it keeps the format of the cell, which makes a number a date",
    }

    @pytest.fixture
    def make_backend(self):
        return offered("ihacpa_plugins.save.openpyxl", "openpyxl")
