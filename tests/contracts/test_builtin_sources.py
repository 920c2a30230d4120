"""The built-in sources keep the contract that every source keeps."""

from __future__ import annotations

import json

import pytest
from ihacpa_plugins.source.osv.importing import bring_in

from ihacpa_core.testing import SourceContract, offered
from tests.plugins import feed_files, osv_sets

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
        return offered("ihacpa_plugins.source.osv", "osv", database="nowhere.sqlite", online=False)


class TestOsvOnline(SourceContract):
    @pytest.fixture
    def make_source(self, ihacpa_index):
        feed_files.serve_osv(ihacpa_index, [osv_sets.record("PYSEC-2023-74", "requests", aliases=["CVE-2023-32681"])])
        return offered("ihacpa_plugins.source.osv", "osv", database="nowhere.sqlite", api=ihacpa_index.url)

    @pytest.fixture
    def make_unreachable(self):
        return offered("ihacpa_plugins.source.osv", "osv", database="nowhere.sqlite", api=NOBODY, attempts=1)


class LocalContract(SourceContract):
    """A source that reads a set of the advisory database."""

    name = ""

    @pytest.fixture
    def make_source(self, tmp_path):
        feed_files.bring_in_feeds(tmp_path, tmp_path / "advisories.sqlite", "CVE-2023-32681")
        return offered(f"ihacpa_plugins.source.{self.name}", self.name, database="advisories.sqlite")

    @pytest.fixture
    def make_unreachable(self, tmp_path):
        (tmp_path / "torn.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
        return offered(f"ihacpa_plugins.source.{self.name}", self.name, database="torn.sqlite")


class TestKev(LocalContract):
    name = "kev"


class TestEpss(LocalContract):
    name = "epss"


class TestExploitDb(LocalContract):
    name = "exploitdb"


class TestNvd(SourceContract):
    @pytest.fixture
    def make_source(self, ihacpa_index):
        feed_files.serve_nvd(ihacpa_index, {"CVE-2023-32681": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"})
        return offered("ihacpa_plugins.source.nvd", "nvd", url=ihacpa_index.url, cache="nvd")

    @pytest.fixture
    def make_unreachable(self):
        return offered("ihacpa_plugins.source.nvd", "nvd", url=NOBODY, attempts=1, cache="nvd-none")


class TestSnyk(SourceContract):
    @pytest.fixture
    def make_source(self, ihacpa_index):
        feed_files.serve_snyk(ihacpa_index, {("requests", "2.31.0"): [feed_files.snyk_issue()], ("flask", "1.1"): []})
        given = {"token": "hidden", "organization": "me", "cache": "snyk"}
        return offered("ihacpa_plugins.source.snyk", "snyk", url=ihacpa_index.url, attempts=1, **given)

    @pytest.fixture
    def make_unreachable(self):
        given = {"token": "hidden", "organization": "me", "cache": "snyk-none"}
        return offered("ihacpa_plugins.source.snyk", "snyk", url=NOBODY, attempts=1, **given)
