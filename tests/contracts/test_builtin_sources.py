"""The built-in sources keep the contract that every source keeps."""

from __future__ import annotations

import json

import pytest
from ihacpa_plugins.source.osv.importing import bring_in

from ihacpa_core.testing import SourceContract, offered

pytest_plugins = ["ihacpa_core.testing.plugin"]

NOBODY = "http://127.0.0.1:9"
"""The port of the discard service, which listens nowhere any more."""


class TestPypi(SourceContract):
    @pytest.fixture
    def make_source(self, ihacpa_index):
        ihacpa_index.add("requests", ["2.31.0", "2.32.4"])
        ihacpa_index.add("flask", ["1.1", "3.0.0"])
        url = ihacpa_index.url
        return offered("ihacpa_plugins.source.pypi", "pypi", url=url, cache="pypi.sqlite", attempts=1)

    @pytest.fixture
    def make_unreachable(self):
        return offered("ihacpa_plugins.source.pypi", "pypi", url=NOBODY, cache="none.sqlite", attempts=1)


class TestOsv(SourceContract):
    @pytest.fixture
    def make_source(self, tmp_path):
        record = {
            "id": "PYSEC-2023-74",
            "aliases": ["CVE-2023-32681"],
            "modified": "2026-01-02T03:04:05Z",
            "affected": [
                {
                    "package": {"ecosystem": "PyPI", "name": "requests"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.32.0"}]}],
                }
            ],
        }
        folder = tmp_path / "records"
        folder.mkdir()
        (folder / "PYSEC-2023-74.json").write_text(json.dumps(record))
        bring_in(str(folder), tmp_path / "advisories.sqlite", force=True)
        return offered("ihacpa_plugins.source.osv", "osv", database="advisories.sqlite")

    @pytest.fixture
    def make_unreachable(self):
        return offered("ihacpa_plugins.source.osv", "osv", database="nowhere.sqlite")
