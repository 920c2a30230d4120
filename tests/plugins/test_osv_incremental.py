"""Bringing the advisories up to date by OSV's list of changes, over a server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import feed_files
import osv_sets
import pytest
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase, SetInfo
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused
from ihacpa_plugins.source.osv import incremental
from ihacpa_plugins.source.osv.importing import bring_in
from ihacpa_plugins.source.osv.incremental import bring_up_to_date
from ihacpa_plugins.web.client import Backoff

from ihacpa_core.testing.index import LoopbackIndex

Records = dict[str, dict[str, Any]]


class Bucket:
    """OSV's place: ``PyPI/all.zip``, ``PyPI/modified_id.csv`` and a file a record."""

    def __init__(self, server: LoopbackIndex, folder: Path) -> None:
        self.server = server
        self.address = f"{server.url}/PyPI/all.zip"
        self._folder = folder

    def hold(self, records: Records, *, listed: str = "") -> None:
        self.server.serve("/PyPI/all.zip", osv_sets.as_zip(self._folder / "all.zip", records.values()))
        lines = sorted((f"{item['modified']},{name}" for name, item in records.items()), reverse=True)
        (self._folder / "list.csv").write_text(listed or "\n".join(lines) + "\n")
        self.server.serve("/PyPI/modified_id.csv", self._folder / "list.csv")
        for name, item in records.items():
            (self._folder / "record.json").write_text(json.dumps(item))
            self.server.serve(f"/PyPI/{name}.json", self._folder / "record.json")


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    with LoopbackIndex() as server:
        folder = tmp_path / "bucket"
        folder.mkdir()
        yield Bucket(server, folder)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "advisories.sqlite"


def ten() -> Records:
    return {item["id"]: item for item in osv_sets.many(10)}


def bodies(database: Path) -> dict[str, Any]:
    with closing(AdvisoryDatabase(database)) as opened:
        return {name: json.loads(body) for name, body in opened.every_body()}


def info(database: Path) -> SetInfo:
    with closing(AdvisoryDatabase(database)) as opened:
        return opened.info


def test_only_what_changed_is_fetched(bucket: Bucket, database: Path) -> None:
    """New, changed and withdrawn records are fetched, what is gone is removed, and no other is asked for."""
    records = ten()
    bucket.hold(records)
    bring_in(bucket.address, database)
    feed_files.bring_in_feeds(database.parent, database, "CVE-2024-1111")
    later = "2026-03-04T05:06:07.891011Z"
    records["PYSEC-2024-3"] = osv_sets.record("PYSEC-2024-3", "renamed") | {"modified": later}
    records["PYSEC-2024-4"] = records["PYSEC-2024-4"] | {"modified": later, "withdrawn": later}
    records["GHSA-1"] = osv_sets.record("GHSA-1", "new")
    del records["PYSEC-2024-9"]
    bucket.hold(records)
    bucket.server.requests.clear()

    made = bring_up_to_date(bucket.address, database)

    assert made is not None
    assert bodies(database) == records
    assert (made.records, made.withdrawn, made.packages, str(made.date)) == (10, 1, 10, "2026-03-04")
    assert set(bucket.server.requests) == {
        "/PyPI/modified_id.csv", "/PyPI/PYSEC-2024-3.json", "/PyPI/PYSEC-2024-4.json", "/PyPI/GHSA-1.json"
    }  # fmt: skip
    with closing(AdvisoryDatabase(database)) as opened:
        assert [len(opened.bodies(name)) for name in ("thing-3", "renamed", "thing-4", "new", "thing-9")] == [
            0,
            1,
            0,
            1,
            0,
        ]
        assert opened.known_exploited(["CVE-2024-1111"])


def test_nothing_changed(bucket: Bucket, database: Path) -> None:
    """Where nothing changed, no record is asked for and the set is what it was."""
    bucket.hold(ten())
    before = bring_in(bucket.address, database)
    bucket.server.requests.clear()

    first = bring_up_to_date(bucket.address, database)
    second = bring_up_to_date(bucket.address, database)

    assert first is not None
    assert second is not None
    assert (first.records, first.complete_for, first.date) == (10, before.complete_for, before.date)
    assert first.sha256 == second.sha256
    assert set(bucket.server.requests) == {"/PyPI/modified_id.csv"}


def test_after_an_update_the_database_is_that_of_a_whole_import(bucket: Bucket, database: Path) -> None:
    """Step by step or at once: the records are the same."""
    records = ten()
    bucket.hold(records)
    bring_in(bucket.address, database)
    for number in range(3):
        name = f"PYSEC-2024-{number}"
        records[name] = osv_sets.record(name, f"again-{number}") | {"modified": f"2026-02-0{number + 1}T00:00:00Z"}
        bucket.hold(records)
        bring_up_to_date(bucket.address, database)

    whole = database.with_name("whole.sqlite")
    bring_in(bucket.address, whole)

    assert bodies(database) == bodies(whole)
    assert (info(database).records, info(database).packages) == (info(whole).records, info(whole).packages)


@pytest.mark.parametrize("reason", ["no database", "another source", "no list", "no lines of it", "too many"])
def test_where_only_the_whole_set_will_do(
    bucket: Bucket, database: Path, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a set from that place, a list that can be read, and few changes, the whole set has to be fetched."""
    records = ten()
    bucket.hold(records)
    if reason != "no database":
        bring_in(str(bucket._folder / "all.zip") if reason == "another source" else bucket.address, database)
    if reason == "no list":
        bucket.server.fail("/PyPI/modified_id.csv", 404)
    if reason == "no lines of it":
        bucket.hold(records, listed="<html>sign in</html>")
    if reason == "too many":
        monkeypatch.setattr(incremental, "MOST", 1)
        records |= {item["id"]: item for item in osv_sets.many(3, "GHSA")}
        bucket.hold(records)

    assert bring_up_to_date(bucket.address, database) is None


@pytest.mark.parametrize("fault", [404, 403, "wrong-json", "truncated"], ids=str)
def test_a_record_that_cannot_be_had_changes_nothing(bucket: Bucket, database: Path, fault: str | int) -> None:
    """An update is whole or it is not made: half of it would be a set that never was."""
    records = ten()
    bucket.hold(records)
    bring_in(bucket.address, database)
    before = database.read_bytes()
    bucket.hold(records | {"GHSA-1": osv_sets.record("GHSA-1", "new")})
    bucket.server.fail("/PyPI/GHSA-1.json", fault)

    if fault == "wrong-json":  # not a record, and not known to be of any package: named, and vouched for by nobody
        made = bring_up_to_date(bucket.address, database)
        assert made is not None
        assert made.unreadable == ("GHSA-1",)
        assert "GHSA" not in made.complete_for
        return
    with pytest.raises(AdvisoryDataError):
        bring_up_to_date(bucket.address, database, backoff=Backoff(first=0.01, jitter=0.0))
    assert database.read_bytes() == before


def test_another_record_in_its_place_changes_nothing(bucket: Bucket, database: Path) -> None:
    """A record under another's name is refused."""
    records = ten()
    bucket.hold(records)
    bring_in(bucket.address, database)
    bucket.hold(records | {"GHSA-1": osv_sets.record("GHSA-2", "new")})

    with pytest.raises(AdvisoryDataError, match="in the place of GHSA-1"):
        bring_up_to_date(bucket.address, database)


def test_a_list_that_lacks_much_is_refused(bucket: Bucket, database: Path) -> None:
    """A list that was cut would remove what is not on it, so a sudden drop is refused here as well."""
    records = ten()
    bucket.hold(records)
    bring_in(bucket.address, database)
    bucket.hold(records, listed="2026-01-02T03:04:05Z,PYSEC-2024-1\n")

    with pytest.raises(ImportRefused, match="holds 1 advisories, the one in use 10"):
        bring_up_to_date(bucket.address, database)

    assert info(database).records == 10
