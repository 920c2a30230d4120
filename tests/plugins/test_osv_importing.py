"""Bringing sets of advisories in: what they say about themselves, what is refused, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import osv_sets
import pytest
from filelock import FileLock
from ihacpa_plugins.advisory_data import building
from ihacpa_plugins.advisory_data.database import APPLICATION_ID, AdvisoryDatabase
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused
from ihacpa_plugins.source.osv.importing import bring_in, families
from ihacpa_plugins.source.osv.lookup import match
from ihacpa_plugins.source.osv.reading import Limits


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database of a test is to lie; its folder does not exist yet."""
    return tmp_path / "data" / "advisories.sqlite"


def found(path: Path, package: str, version: str = "1.0") -> str:
    """The verdict of the database at `path`."""
    database = AdvisoryDatabase(path)
    try:
        return match(database, package, version).verdict.value
    finally:
        database.close()


def info(path: Path) -> Any:
    database = AdvisoryDatabase(path)
    database.close()
    return database.info


@pytest.mark.parametrize("shape", ["zip", "folder", "nested"])
def test_a_zip_and_a_folder_hold_the_same(tmp_path: Path, path: Path, shape: str) -> None:
    """OSV's zip file and a folder of its records, however deep, become the same database."""
    records = [*osv_sets.many(3), osv_sets.record("GHSA-1", "Other.Thing")]
    source = (
        osv_sets.as_zip(tmp_path / "all.zip", records)
        if shape == "zip"
        else osv_sets.as_folder(tmp_path / "all" / ("2024/a" if shape == "nested" else ""), records)
    )

    said = bring_in(str(tmp_path / "all" if shape == "nested" else source), path)

    assert said == info(path).__class__(**{**_fields(info(path)), "imported_at": said.imported_at})
    assert (said.records, said.packages, said.complete_for) == (4, 4, {"PYSEC", "GHSA"})
    assert said.date == date(2026, 1, 2)
    assert len(said.sha256) == 64
    assert found(path, "other-thing") == "affected"


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@pytest.mark.parametrize(
    ("said", "complete_for", "partial", "day"),
    [
        ({"complete_for": ["PYSEC", "ghsa"], "date": "2026-02-03"}, {"PYSEC", "GHSA"}, False, date(2026, 2, 3)),
        ({"complete_for": [], "date": "2026-02-03"}, set(), True, date(2026, 2, 3)),
        ({"complete_for": ["PYSEC"], "partial": True}, set(), True, date(2026, 1, 2)),
        ({}, {"PYSEC"}, False, date(2026, 1, 2)),
    ],
)
def test_a_set_says_what_it_is_complete_for(
    tmp_path: Path, path: Path, said: dict[str, Any], complete_for: set[str], partial: bool, day: date
) -> None:
    """The set's own word counts, a sample is complete for nothing, and without a word the families of ids count."""
    source = osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(2), ihacpa_set=json.dumps(said))

    result = bring_in(str(source), path)

    assert (result.complete_for, result.partial, result.date) == (complete_for, partial, day)


def test_a_person_may_vouch_for_a_set(tmp_path: Path, path: Path) -> None:
    """What a person says a set is complete for outranks what it says itself."""
    source = osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(2), ihacpa_set='{"complete_for": []}')

    result = bring_in(str(source), path, complete_for=families("pysec, GHSA,MAL"))

    assert (result.complete_for, result.partial) == ({"PYSEC", "GHSA", "MAL"}, False)


def test_a_set_file_that_is_wrong_is_refused(tmp_path: Path, path: Path) -> None:
    """A set whose word about itself cannot be read is not brought in."""
    source = osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(2), ihacpa_set='{"complete_for": "PYSEC"}')

    with pytest.raises(ImportRefused, match="ihacpa-set"):
        bring_in(str(source), path)

    assert not path.exists()


@pytest.mark.parametrize("text", ["", " , ", "PYSEC;GHSA", "pysec-2024"])
def test_lists_of_families_that_make_no_sense(text: str) -> None:
    """A list that names no family of ids is an error."""
    with pytest.raises(ValueError, match="PYSEC,GHSA,MAL"):
        families(text)


def test_the_day_of_a_set_is_not_in_the_future(tmp_path: Path, path: Path) -> None:
    """A record that claims to be modified on a day to come does not make the whole set look new."""
    wrong = osv_sets.record("PYSEC-2024-9") | {"modified": "2999-01-01T00:00:00Z"}

    assert bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", [*osv_sets.many(2), wrong])), path).date == date(
        2026, 1, 2
    )


def test_of_two_records_with_one_id_the_later_counts(tmp_path: Path, path: Path) -> None:
    """The record that was modified later is the one that is kept, wherever it stands in the set."""
    new = osv_sets.record(events=["introduced 5.0"]) | {"modified": "2026-05-01T00:00:00Z"}
    folder = tmp_path / "all"
    for name, item in {"a": new, "b": osv_sets.record()}.items():
        osv_sets.as_folder(folder / name, [item])

    result = bring_in(str(folder), path)

    assert (result.records, found(path, "thing", "1.0"), found(path, "thing", "5.0")) == (1, "not_affected", "affected")


def test_what_cannot_be_read_is_named_and_uncertain(tmp_path: Path, path: Path) -> None:
    """Records of an unknown shape are counted, named and uncertain; files that are no records are counted and named."""
    odd = osv_sets.record("GHSA-odd", "odd")
    odd["affected"][0]["versions"] = [1.1]
    folder = osv_sets.as_folder(tmp_path / "all", [*osv_sets.many(2), odd])
    (folder / "OSV-torn.json").write_bytes(b'{"id": "OSV-torn", "affe')
    (folder / "MAL-2.json").write_bytes(b'["MAL-2", "\xff"]')
    (folder / "readme.txt").write_text("not a record")

    result = bring_in(str(folder), path)

    assert sorted(result.unreadable) == ["GHSA-odd", "MAL-2.json", "OSV-torn.json"]
    assert result.complete_for == {"PYSEC"}
    assert (result.records, found(path, "odd")) == (3, "uncertain")


def test_records_of_other_ecosystems_are_left_out(tmp_path: Path, path: Path) -> None:
    """A record that is about no PyPI package is not stored, and is no error."""
    elsewhere = osv_sets.record("GHSA-npm")
    elsewhere["affected"][0]["package"]["ecosystem"] = "npm"

    result = bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", [*osv_sets.many(2), elsewhere])), path)

    assert (result.records, result.complete_for, result.unreadable) == (2, {"PYSEC"}, ())


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [Limits(members=5), Limits(member_bytes=50), Limits(total_bytes=500)])
@pytest.mark.parametrize("shape", [osv_sets.as_zip, osv_sets.as_folder])
def test_limits_hold(tmp_path: Path, path: Path, limits: Limits, shape: Any) -> None:
    """A set with too many files, too large a file, or too many bytes is refused, and nothing is made."""
    source = shape(tmp_path / "set", osv_sets.many(9))

    with pytest.raises(ImportRefused, match="not read"):
        bring_in(str(source), path, limits=limits)

    assert not path.exists()


def test_a_zip_bomb_is_refused(tmp_path: Path, path: Path) -> None:
    """A small file that unpacks to gigabytes is refused before it is unpacked."""
    bomb = tmp_path / "all.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(16):
            archive.writestr(f"PYSEC-2024-{number}.json", b" " * 2_000_000)

    with pytest.raises(ImportRefused, match="not read") as refused:
        bring_in(str(bomb), path)

    assert "100 times its size" in refused.value.why


def test_overlapping_members_are_refused(tmp_path: Path, path: Path) -> None:
    """Members that share their bytes, so that a small file holds much, are refused."""
    bomb = osv_sets.as_zip(tmp_path / "all.zip", [osv_sets.record() | {"details": os.urandom(40_000).hex()}])
    with zipfile.ZipFile(bomb, "a") as archive:
        archive.filelist.extend(archive.filelist[:1] * 999)
        archive._didModify = True  # type: ignore[attr-defined]  # there is no public way to write such a file

    with pytest.raises(ImportRefused):
        bring_in(str(bomb), path)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "zip"), (b"PK\x03\x04 torn", "zip"), (b"<html>404</html>", "zip"), (None, "no such file")],
)
def test_what_is_no_set_is_refused(tmp_path: Path, path: Path, content: bytes | None, words: str) -> None:
    """A file that is no zip file, and one that is not there, are named for what they are."""
    source = tmp_path / "all.zip"
    if content is not None:
        source.write_bytes(content)

    with pytest.raises(ImportRefused, match=words):
        bring_in(str(source), path)


def test_a_torn_zip_is_refused(tmp_path: Path, path: Path) -> None:
    """A zip file whose contents were altered is refused whole: no record of it is brought in."""
    source = osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(50))
    content = bytearray(source.read_bytes())
    content[3000:3100] = bytes(100)
    source.write_bytes(content)

    with pytest.raises(ImportRefused):
        bring_in(str(source), path)

    assert not path.exists()


def test_a_set_without_records_is_refused(tmp_path: Path, path: Path) -> None:
    """An empty set would call everything safe, so it is refused."""
    with pytest.raises(ImportRefused, match="no record"):
        bring_in(str(osv_sets.as_folder(tmp_path / "all", [])), path)


def test_a_sudden_drop_is_refused_unless_forced(tmp_path: Path, path: Path) -> None:
    """A set that lacks more than a fifth of the records of the one in use is refused, and taken when forced."""
    bring_in(str(osv_sets.as_zip(tmp_path / "full.zip", osv_sets.many(10))), path)
    small = str(osv_sets.as_zip(tmp_path / "small.zip", osv_sets.many(7)))

    with pytest.raises(ImportRefused, match="holds 7 advisories, the one in use 10"):
        bring_in(small, path)

    assert info(path).records == 10
    assert bring_in(str(osv_sets.as_zip(tmp_path / "less.zip", osv_sets.many(8))), path).records == 8
    assert bring_in(str(osv_sets.as_zip(tmp_path / "least.zip", osv_sets.many(1))), path, force=True).records == 1


@pytest.mark.parametrize("foreign", [b"my own notes, more than a hundred bytes of them " * 40, None])
def test_a_foreign_file_is_not_replaced(tmp_path: Path, path: Path, foreign: bytes | None) -> None:
    """A file of somebody else that lies where the database should be is left as it is."""
    path.parent.mkdir()
    if foreign is None:
        sqlite3.connect(path).executescript("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)").connection.close()
    else:
        path.write_bytes(foreign)
    before = path.read_bytes()

    with pytest.raises(ImportRefused, match="not an advisory database"):
        bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(3))), path)

    assert path.read_bytes() == before
    assert sorted(item.name for item in path.parent.iterdir()) == ["advisories.sqlite", "advisories.sqlite.lock"]


def test_two_imports_do_not_meet(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one import works a second one says so and changes nothing."""
    monkeypatch.setattr(building, "_LOCK_SECONDS", 0.05)
    path.parent.mkdir()

    with FileLock(f"{path}.lock"), pytest.raises(AdvisoryDataError, match="another import"):
        bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(3))), path)

    assert not path.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Where the database cannot lie there is an error that says so."""
    (tmp_path / "data").write_text("a file, no folder")

    with pytest.raises(AdvisoryDataError, match="cannot be written"):
        bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(3))), tmp_path / "data" / "advisories.sqlite")


# --- one set, whole ---------------------------------------------------------------------------------------------------

_BUILD_AND_HANG = """
import sys, time
from pathlib import Path
from ihacpa_plugins.advisory_data.building import replace_database

def fill(connection):
    connection.execute("INSERT INTO advisory VALUES ('PYSEC-9', '', 0, x'00')")
    print("half", flush=True)
    time.sleep(60)

replace_database(Path(sys.argv[1]), fill)
"""


def test_a_kill_during_the_build_leaves_the_old_set(tmp_path: Path, path: Path) -> None:
    """A process that is killed half-way through an import leaves the old database whole, and no lock in the way."""
    source = str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(10)))
    bring_in(source, path)
    before = path.read_bytes()
    process = subprocess.Popen([sys.executable, "-c", _BUILD_AND_HANG, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert path.read_bytes() == before
    assert found(path, "thing-3") == "affected"
    assert [item for item in path.parent.iterdir() if item.suffix == ".tmp"]
    bring_in(source, path)
    assert not [item for item in path.parent.iterdir() if item.suffix == ".tmp"]


def test_a_reader_keeps_the_set_that_it_opened(tmp_path: Path, path: Path) -> None:
    """A database that is open goes on answering from its own set while a new one takes its place."""
    bring_in(str(osv_sets.as_zip(tmp_path / "old.zip", [osv_sets.record()])), path)
    reader = AdvisoryDatabase(path)

    bring_in(str(osv_sets.as_zip(tmp_path / "new.zip", [osv_sets.record(events=["introduced 9"])])), path)

    assert match(reader, "thing", "1.0").verdict.value == "affected"
    assert found(path, "thing") == "not_affected"
    reader.close()


def test_a_link_is_followed(tmp_path: Path, path: Path) -> None:
    """Where the database is a link, the file that it leads to is replaced, not the link."""
    path.parent.mkdir()
    path.symlink_to(tmp_path / "real.sqlite")

    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(3))), path)

    assert path.is_symlink()
    assert found(tmp_path / "real.sqlite", "thing-1") == "affected"


# --- what cannot be opened --------------------------------------------------------------------------------------------


def test_opening_what_is_not_there(path: Path) -> None:
    """A database that is not there is named, with the command that brings one."""
    with pytest.raises(AdvisoryDataError, match="no advisory database") as error:
        AdvisoryDatabase(path)

    assert error.value.hint == "ihacpa advisories update"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("PRAGMA user_version = 99", "newer ihacpa"),
        ("PRAGMA application_id = 7", "not an advisory database"),
        ("DROP TABLE data_set", "cannot be read"),
        ("DELETE FROM data_set", "cannot be read"),
        ("UPDATE data_set SET date = 'soon'", "cannot be read"),
    ],
)
def test_opening_what_is_not_as_it_should_be(tmp_path: Path, path: Path, spoil: str, words: str) -> None:
    """A database of a newer program, a foreign one and a damaged one are each named."""
    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(3))), path)
    connection = sqlite3.connect(path)
    connection.execute(spoil)
    connection.commit()
    connection.close()

    with pytest.raises(AdvisoryDataError, match=words):
        AdvisoryDatabase(path)


def test_damage_inside_is_found(tmp_path: Path, path: Path) -> None:
    """Pages that were overwritten are an error when they are read, not an answer."""
    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(300))), path)
    content = bytearray(path.read_bytes())
    content[-40_000:] = b"\xff" * 40_000
    path.write_bytes(content)
    database = AdvisoryDatabase(path)

    with pytest.raises(AdvisoryDataError, match="cannot be read"):
        database.verify()

    database.close()


def test_the_file_is_known_for_what_it_is(tmp_path: Path, path: Path) -> None:
    """The file carries the application's number, and only its owner may read it."""
    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(3))), path)

    assert int.from_bytes(path.read_bytes()[68:72]) == APPLICATION_ID
    assert path.stat().st_mode & 0o777 == 0o600


# --- over the network -------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server on this machine: ``/all.zip`` is a set, ``/moved`` leads there, ``/short`` breaks off, else 404."""
    content = osv_sets.as_zip(tmp_path / "served.zip", osv_sets.many(5)).read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = {"/all.zip": 200, "/short": 200, "/moved": 302}.get(self.path, 404)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/all.zip")
            self.send_header("Content-Length", str(len(content) if status == 200 else 0))
            self.end_headers()
            if status == 200:
                self.wfile.write(content[: 100 if self.path == "/short" else None])

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("place", ["/all.zip", "/moved"])
def test_a_set_is_fetched(server: str, path: Path, place: str) -> None:
    """An address is read like a file, through redirects; nothing of the download stays behind."""
    result = bring_in(f"{server}{place}", path)

    assert (result.records, result.source) == (5, f"{server}{place}")
    assert sorted(item.name for item in path.parent.iterdir()) == ["advisories.sqlite", "advisories.sqlite.lock"]


@pytest.mark.parametrize("place", ["/missing", "/short"])
def test_an_address_that_gives_no_set(server: str, path: Path, place: str) -> None:
    """An answer that is no answer, and one that breaks off, leave everything as it was."""
    with pytest.raises(AdvisoryDataError, match="cannot be had"):
        bring_in(f"{server}{place}", path)

    assert not path.exists()


def test_nobody_at_the_address(path: Path) -> None:
    """A server that is not there is an error that says how to go on."""
    with pytest.raises(AdvisoryDataError, match="cannot be had") as error:
        bring_in("http://127.0.0.1:9/all.zip", path)

    assert "advisories import" in error.value.hint
