"""KEV, EPSS and Exploit-DB: what is read of their files, what is refused, and what each import leaves alone."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import feed_files
import osv_sets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.advisory_data import epss, exploitdb, feeds, kev
from ihacpa_plugins.advisory_data.building import replace_sets
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase, SetInfo
from ihacpa_plugins.advisory_data.detect import DATABASE, kind_of
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused
from ihacpa_plugins.advisory_data.exchange import export, fills_of
from ihacpa_plugins.source.osv.importing import bring_in

from ihacpa_core import UsageError

ONE, TWO, THREE = "CVE-2023-4863", "CVE-2024-0001", "CVE-2024-123456"
FEEDS = {"kev": kev.FEED, "epss": epss.FEED, "exploitdb": exploitdb.FEED}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "advisories.sqlite"


def take(database: Path, path: Path, *, force: bool = False) -> SetInfo:
    """Bring a file in as what it is."""
    name = kind_of(path, str(path))
    return replace_sets(database, {name: FEEDS[name].fill(path, str(path))}, force=force)[name]


def sets(database: Path) -> dict[str, SetInfo]:
    with closing(AdvisoryDatabase(database)) as opened:
        return dict(opened.sets)


# --- what is read -----------------------------------------------------------------------------------------------------


def test_each_file_is_known_by_its_content_and_joined_by_cve(tmp_path: Path, database: Path) -> None:
    """Known exploited, chance and exploits are found by the CVE, whatever the files are called."""
    kev_info = take(database, feed_files.kev_file(tmp_path / "a", [ONE, TWO]))
    epss_info = take(database, feed_files.epss_file(tmp_path / "b.gz", {ONE: 0.997, TWO: "4.3e-4"}))
    edb_info = take(
        database, feed_files.exploits_file(tmp_path / "c", {7: f"{ONE};OSVDB-9", 12: ONE.lower(), 9: "", 10: "CWE-1"})
    )

    assert [(info.name, info.records, str(info.date)) for info in (kev_info, epss_info, edb_info)] == [
        ("kev", 2, "2026-01-03"),
        ("epss", 2, "2026-01-04"),
        ("exploitdb", 1, "2026-01-05"),
    ]
    with closing(AdvisoryDatabase(database)) as opened:
        assert opened.known_exploited([ONE, THREE]) == {ONE}
        assert opened.chances([ONE, TWO, THREE]) == {ONE: 0.997, TWO: 0.00043}
        assert opened.exploits([ONE, TWO]) == {ONE: ("EDB-7", "EDB-12")}
        assert opened.exploits([]) == {}


def test_each_set_says_what_it_is(tmp_path: Path, database: Path) -> None:
    """Each set has its own checksum, day, and what it is complete for."""
    feed_files.bring_in_feeds(tmp_path, database, ONE)

    found = sets(database)

    assert {name: info.complete_for for name, info in found.items()} == {
        "kev": {"KEV"},
        "epss": {"EPSS"},
        "exploitdb": {"EDB"},
    }
    assert len({info.sha256 for info in found.values()}) == 3


def test_lines_that_cannot_be_read_are_counted(tmp_path: Path, database: Path) -> None:
    """A few bad lines are named, and cost nothing but themselves."""
    scores = {ONE: 0.5, TWO: 0.25, THREE: 0.125}
    info = take(database, feed_files.epss_file(tmp_path / "e", scores, "CVE-X,0.5,0.5", "CVE-2024-2222,1.5,0"))
    odd = feed_files.exploits_file(tmp_path / "x", {1: ONE, "one": TWO, 2: TWO})

    assert (info.records, info.unreadable) == (3, ("line 6", "line 7"))
    assert len(take(database, odd).unreadable) == 1


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Sign in</html>",
        b'{"vulnerabilities": 5}',
        b'{"vulnerabilities": [{"cveID": "CVE-2024-1111"}], "count": 2}',
        b'{"title": "x", "vulnerabilities": [{"cveID": "CVE-2024-',
        b'{"vulnerabilities": []}',
        b'{"id": "PYSEC-2024-1", "affected": []}',
        b"cve,epss,percentile\n",
        b"cve,epss,percentile\nCVE-2024-1111,often,1\n",
        b"id,file,codes\n",
        b"id,file,codes\n1,x,OSVDB-1\n",
        b"name,version\nrequests,2.31.0\n",
        b"\x1f\x8b\x08 torn",
        b"\xff\xfe\x00\x00" * 100,
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, database: Path, content: bytes) -> None:
    """A file of another kind, a torn one and an empty one are refused with a reason, and nothing is changed."""
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(ImportRefused) as error:
        take(database, path)

    assert error.value.why
    assert not database.exists()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(ImportRefused, match="no such file"):
        kind_of(tmp_path / "nowhere.csv", "nowhere.csv")


@given(st.binary(max_size=300), st.sampled_from(["kev", "epss", "exploitdb"]))
def test_no_content_breaks_an_import(content: bytes, name: str) -> None:
    """Whatever the bytes are, they are read or refused."""
    try:
        FEEDS[name].read(content.decode("utf-8", errors="replace"))
    except ValueError as error:
        assert str(error)


def test_a_gzip_bomb_is_refused(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than the limit is refused, and never unpacked whole."""
    monkeypatch.setattr(feeds, "LARGEST_FILE", 1000)
    path = tmp_path / "scores.gz"
    path.write_bytes(gzip.compress(b"cve,epss,percentile\n" + b"CVE-2024-1111,0.5,0.5\n" * 1_000_000))

    with pytest.raises(ImportRefused, match="more than 1,000 bytes"):
        take(database, path)


def test_a_sudden_drop_is_refused_for_each_set_by_itself(tmp_path: Path, database: Path) -> None:
    """A set that lost more than a fifth of its CVEs is refused unless it is forced; the others do not matter."""
    many = [f"CVE-2024-{number:04}" for number in range(1, 101)]
    take(database, feed_files.kev_file(tmp_path / "kev", many))

    take(database, feed_files.exploits_file(tmp_path / "few", {1: ONE}))
    with pytest.raises(ImportRefused, match="holds 3 CVEs of kev, the one in use 100"):
        take(database, feed_files.kev_file(tmp_path / "kev", many[:3]))

    assert sets(database)["kev"].records == 100
    assert take(database, feed_files.kev_file(tmp_path / "kev", many[:3]), force=True).records == 3


# --- one file, four sets ----------------------------------------------------------------------------------------------


def test_an_import_leaves_the_other_sets_alone(tmp_path: Path, database: Path) -> None:
    """Each set is renewed by itself: its neighbours keep their data, their dates and their checksums."""
    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(5))), database)
    feed_files.bring_in_feeds(tmp_path, database, ONE)
    before = sets(database)

    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(6))), database)
    take(database, feed_files.kev_file(tmp_path / "kev", [TWO]))

    after = sets(database)
    assert {name: info for name, info in after.items() if name in ("epss", "exploitdb")} == {
        name: info for name, info in before.items() if name in ("epss", "exploitdb")
    }
    assert (after["osv"].records, after["kev"].records) == (6, 1)
    with closing(AdvisoryDatabase(database)) as opened:
        assert (opened.known_exploited([ONE, TWO]), opened.chances([ONE])) == ({TWO}, {ONE: 0.94321})
        assert len(opened.bodies("thing-5")) == 1


def test_a_refused_import_leaves_every_set_alone(tmp_path: Path, database: Path) -> None:
    """After a refusal the file is the same, byte by byte, and nothing lies beside it."""
    feed_files.bring_in_feeds(tmp_path, database, ONE)
    before = database.read_bytes()
    (tmp_path / "bad.json").write_text('{"vulnerabilities": 1}')

    with pytest.raises(ImportRefused):
        take(database, tmp_path / "bad.json")

    assert database.read_bytes() == before
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_database_of_the_first_form_is_read_and_renewed(tmp_path: Path, database: Path) -> None:
    """A database that was made before there were other sets is answered from, and takes them in."""
    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(5))), database)
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("DROP TABLE kev; DROP TABLE epss; DROP TABLE exploit; PRAGMA user_version = 1")

    assert list(sets(database)) == ["osv"]
    take(database, feed_files.kev_file(tmp_path / "kev", [ONE]))
    assert {name: info.records for name, info in sets(database).items()} == {"kev": 1, "osv": 5}


def test_a_database_without_advisories_says_so(tmp_path: Path, database: Path) -> None:
    """Where only other sets were brought in, asking for advisories is an error with the way out."""
    take(database, feed_files.kev_file(tmp_path / "kev", [ONE]))

    with closing(AdvisoryDatabase(database)) as opened, pytest.raises(AdvisoryDataError) as error:
        opened.about("osv")

    assert error.value.hint == "ihacpa advisories update osv"


# --- to another machine -----------------------------------------------------------------------------------------------


def test_the_whole_database_is_taken_along(tmp_path: Path, database: Path) -> None:
    """An export brings every set to another machine, with its day, checksum and what it is complete for."""
    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(5))), database, complete_for=["PYSEC", "GHSA"])
    feed_files.bring_in_feeds(tmp_path, database, ONE)
    export(database, tmp_path / "export.sqlite")
    other = tmp_path / "other" / "advisories.sqlite"

    assert kind_of(tmp_path / "export.sqlite", "") == DATABASE
    replace_sets(other, fills_of(tmp_path / "export.sqlite"))

    def facts(path: Path) -> dict[str, tuple[object, ...]]:
        return {
            name: (info.date, info.sha256, info.records, info.complete_for, info.source)
            for name, info in sets(path).items()
        }

    assert facts(other) == facts(database)
    with closing(AdvisoryDatabase(other)) as opened:
        assert opened.exploits([ONE]) == {ONE: ("EDB-50331",)}
        assert len(opened.bodies("thing-4")) == 1


def test_the_advisories_are_exported_as_osv_keeps_them(tmp_path: Path, database: Path) -> None:
    """An export as zip is a set that says the same about itself, and the same bytes each time."""
    bring_in(str(osv_sets.as_zip(tmp_path / "all.zip", osv_sets.many(5))), database, complete_for=["PYSEC", "GHSA"])
    first, second = tmp_path / "one.zip", tmp_path / "two.zip"
    for path in (first, second):
        export(database, path)

    again = bring_in(str(first), tmp_path / "other.sqlite")

    assert first.read_bytes() == second.read_bytes()
    assert (again.records, again.complete_for, again.date) == (5, {"PYSEC", "GHSA"}, sets(database)["osv"].date)
    assert zipfile.ZipFile(first).testzip() is None


def test_an_export_replaces_nothing_unasked(tmp_path: Path, database: Path) -> None:
    """A file that is there is left as it is unless it is forced; what cannot be written is an error."""
    feed_files.bring_in_feeds(tmp_path, database, ONE)
    target = tmp_path / "out.sqlite"
    target.write_text("mine")

    with pytest.raises(UsageError, match="there already"):
        export(database, target)
    with pytest.raises(AdvisoryDataError, match="cannot be written"):
        export(database, tmp_path / "nowhere" / "out.sqlite")

    assert target.read_text() == "mine"
    export(database, target, force=True)
    assert list(sets(target)) == list(sets(database))


def test_a_damaged_export_is_refused(tmp_path: Path, database: Path) -> None:
    """A database that was torn on the way is not brought in."""
    feed_files.bring_in_feeds(tmp_path, database, *(f"CVE-2024-{number:05}" for number in range(3000)))
    torn = tmp_path / "torn.sqlite"
    shutil.copy(database, torn)
    content = bytearray(torn.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    torn.write_bytes(content)

    with pytest.raises(ImportRefused):
        fills_of(torn)
