"""The cache of the index's answers: what it keeps, what it survives, what it sets aside."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ihacpa_plugins.source.pypi.cache import Entry, FactsCache
from ihacpa_plugins.source.pypi.facts import PackageFacts, ReleaseFacts

FACTS = PackageFacts("A", "1.0", "", "", "", (ReleaseFacts("1.0", None, True, False, ""),))
ENTRY = Entry(facts=FACTS, fetched_at=1000.5, etag='"x"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
URL = "https://index.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "pypi.sqlite"


@pytest.fixture
def warnings() -> list[str]:
    return []


def open_cache(path: Path, warnings: list[str], url: str = URL) -> FactsCache:
    return FactsCache(path, url, warnings.append)


def test_what_was_put_is_there_next_time(path: Path, warnings: list[str]) -> None:
    """Found and missing packages are both remembered, each for its own index."""
    cache = open_cache(path, warnings)
    cache.put("a", ENTRY)
    cache.put("nope", Entry(facts=None, fetched_at=7.0))
    cache.close()

    again, other = open_cache(path, warnings), open_cache(path, warnings, "https://other.example")
    found = [again.get("a"), again.get("nope"), again.get("b"), other.get("a")]

    assert found == [ENTRY, Entry(facts=None, fetched_at=7.0), None, None]
    assert warnings == []


def test_a_killed_process_loses_nothing(path: Path, warnings: list[str]) -> None:
    """Whatever was put before a kill -9 is there after it."""
    code = f"""
import sys, time
from pathlib import Path
from ihacpa_plugins.source.pypi.cache import Entry, FactsCache
cache = FactsCache(Path({str(path)!r}), {URL!r}, print)
for number in range(50):
    cache.put(f"name-{{number}}", Entry(facts=None, fetched_at=float(number)))
print("put", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=_env()) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()

    cache = open_cache(path, warnings)
    assert line == "put\n"
    assert all(cache.get(f"name-{number}") for number in range(50))
    assert warnings == []


def test_several_processes_share_a_cache(path: Path, warnings: list[str]) -> None:
    """Processes that begin a cache together and write at the same time all keep what they learned."""
    code = f"""
import sys
from pathlib import Path
from ihacpa_plugins.source.pypi.cache import Entry, FactsCache
cache = FactsCache(Path({str(path)!r}), {URL!r}, lambda text: print(text, file=sys.stderr))
for number in range(40):
    cache.put(f"{{sys.argv[1]}}-{{number}}", Entry(facts=None, fetched_at=1.0))
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(n)], stderr=subprocess.PIPE, text=True, env=_env())
        for n in range(4)
    ]
    complaints = [process.communicate(timeout=30)[1] for process in processes]

    cache = open_cache(path, warnings)
    assert complaints == ["", "", "", ""]
    assert all(cache.get(f"{writer}-{number}") for writer in range(4) for number in range(40))


@pytest.mark.parametrize(
    "junk", [b"this is no database, and long enough to be read as one" * 40, b"SQLite format 3\0" * 64]
)
def test_a_damaged_file_is_set_aside(path: Path, warnings: list[str], junk: bytes) -> None:
    """A file that is no healthy database is kept under another name, told, and a new cache takes its place."""
    path.parent.mkdir()
    path.write_bytes(junk)

    cache = open_cache(path, warnings)
    cache.put("a", ENTRY)

    assert cache.get("a") == ENTRY
    assert (path.parent / "pypi.sqlite.set-aside-1").read_bytes() == junk
    assert len(warnings) == 1 and "set aside" in warnings[0]


def test_another_programs_database_is_not_touched(path: Path, warnings: list[str]) -> None:
    """A healthy database of somebody else is moved aside whole, never written into."""
    path.parent.mkdir()
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE precious (thing)")
    theirs.close()

    open_cache(path, warnings).close()

    with sqlite3.connect(path.parent / "pypi.sqlite.set-aside-1") as kept:
        assert kept.execute("SELECT name FROM sqlite_schema").fetchall() == [("precious",)]
    kept.close()
    assert "another program" in warnings[0]


def test_damage_in_the_middle_of_a_run_stops_nothing(path: Path, warnings: list[str]) -> None:
    """When pages go bad under an open cache, it begins anew and goes on."""
    cache = open_cache(path, warnings)
    for number in range(300):
        cache.put(f"name-{number}", ENTRY)
    cache.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))

    reopened = open_cache(path, warnings)
    reopened.put("a", ENTRY)

    assert reopened.get("a") == ENTRY
    assert warnings


def test_altered_facts_are_not_believed(path: Path, warnings: list[str]) -> None:
    """A row whose bytes are not those that were written counts as unknown."""
    cache = open_cache(path, warnings)
    cache.put("a", ENTRY)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE package_1 SET facts = CAST(replace(CAST(facts AS TEXT), '1.0', '9.9') AS BLOB)")
    database.close()

    assert cache.get("a") is None


def test_without_a_place_to_write_the_run_goes_on(tmp_path: Path, warnings: list[str]) -> None:
    """Where the folder cannot be made, nothing is kept beyond this process, and that is told once."""
    (tmp_path / "deep").write_text("a file where the folder should be")

    cache = open_cache(tmp_path / "deep" / "pypi.sqlite", warnings)
    cache.put("a", ENTRY)

    assert cache.get("a") == ENTRY
    assert len(warnings) == 1 and "not kept" in warnings[0]


def test_a_writer_that_holds_the_file_costs_an_entry_not_the_run(path: Path, warnings: list[str]) -> None:
    """When another process keeps the file locked, the entry is left out and that is told."""
    cache = open_cache(path, warnings)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        cache.put("a", ENTRY)
        waited = time.monotonic() - started
        other.execute("ROLLBACK")
    other.close()

    assert waited < 2
    assert len(warnings) == 1 and "could not be kept" in warnings[0]


def _env() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": "plugins"}
