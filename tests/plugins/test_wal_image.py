"""A database with its log, read without SQLite's help: the same rows as SQLite's own, at every state of the log."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ihacpa_plugins.checkpoint._wal_image import database_image


def rows(image):
    """The numbers that the database holds."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(image)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return []
        return [number for (number,) in db.execute("SELECT number FROM facts ORDER BY number")]


def opened(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("CREATE TABLE IF NOT EXISTS facts (number INTEGER PRIMARY KEY, text TEXT)")
    return db


def copy(path, folder):
    """The files as a process that dies now leaves them."""
    folder.mkdir()
    for one in path.parent.glob(f"{path.name}*"):
        shutil.copyfile(one, folder / one.name)
    return folder / path.name


steps = st.lists(
    st.one_of(
        st.integers(1, 40).map(lambda count: ("insert", count)),
        st.integers(1, 40).map(lambda count: ("undone", count)),
        st.just(("checkpoint", "PASSIVE")),
        st.just(("checkpoint", "RESTART")),
        st.just(("checkpoint", "TRUNCATE")),
        st.just(("delete", 1)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_the_image_holds_what_sqlite_reads(steps, tmp_path_factory):
    """After any sequence of transactions, undone ones and checkpoints, the image holds what SQLite would read."""
    folder = tmp_path_factory.mktemp("wal")
    path, number = folder / "db.sqlite", 0
    with closing(opened(path)) as db:
        for step, detail in steps:
            if step == "checkpoint":
                db.execute(f"PRAGMA wal_checkpoint({detail})")
            elif step == "delete":
                db.execute("DELETE FROM facts WHERE number % 3 = 0")
            else:
                db.execute("BEGIN")
                for _ in range(detail):
                    number += 1
                    db.execute("INSERT INTO facts VALUES (?, ?)", (number, "x" * 500))
                db.execute("COMMIT" if step == "insert" else "ROLLBACK")
        expected = [found for (found,) in db.execute("SELECT number FROM facts ORDER BY number")]

        assert rows(database_image(path)) == expected


def test_a_torn_log_is_read_as_far_as_it_is_whole(tmp_path):
    """Cut at any place, the log gives the transactions that were complete before the cut, as SQLite does."""
    path = tmp_path / "db.sqlite"
    with closing(opened(path)) as db:
        for number in range(1, 9):
            db.execute("INSERT INTO facts VALUES (?, ?)", (number, "x" * 900))
        dead = copy(path, tmp_path / "dead")
    log = dead.with_name("db.sqlite-wal")
    whole = log.read_bytes()
    dead.with_name("db.sqlite-shm").unlink()

    for length in range(0, len(whole) + 1, 1111):
        log.write_bytes(whole[:length])
        image = rows(database_image(dead))
        with closing(sqlite3.connect(copy(dead, tmp_path / f"other-{length}"))) as db:
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            expected = [n for (n,) in db.execute("SELECT number FROM facts")] if tables else []
        assert image == expected, length


def test_an_altered_page_ends_the_log(tmp_path):
    """What follows a changed byte is not believed."""
    path = tmp_path / "db.sqlite"
    with closing(opened(path)) as db:
        for number in range(1, 9):
            db.execute("INSERT INTO facts VALUES (?, ?)", (number, "x" * 900))
        dead = copy(path, tmp_path / "dead")
    log = dead.with_name("db.sqlite-wal")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)

    found = rows(database_image(dead))

    assert found == list(range(1, len(found) + 1))
    assert 0 < len(found) < 8


def test_read_beside_a_busy_writer(tmp_path):
    """While another connection writes and checkpoints, every image is a whole one, and of one moment."""
    path = tmp_path / "db.sqlite"
    done = threading.Event()

    def write():
        with closing(opened(path)) as db:
            number = 0
            while not done.is_set():
                db.execute("BEGIN")
                for _ in range(3):  # what is seen is a multiple of three, or it is half a transaction
                    number += 1
                    db.execute("INSERT INTO facts VALUES (?, ?)", (number, "x" * 300))
                db.execute("COMMIT")
                if number % 60 == 0:
                    db.execute("PRAGMA wal_checkpoint(RESTART)")

    opened(path).close()
    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = [rows(database_image(path)) for _ in range(40)]
    finally:
        done.set()
        thread.join()

    assert all(found == list(range(1, len(found) + 1)) and len(found) % 3 == 0 for found in seen)
    assert sorted(map(len, seen)) == list(map(len, seen))


def test_without_a_log_the_file_is_the_image(tmp_path):
    """A database that was closed has no log: the image is its bytes, marked as one without a log."""
    path = tmp_path / "db.sqlite"
    with closing(opened(path)) as db:
        db.execute("INSERT INTO facts VALUES (1, 'x')")

    assert not path.with_name("db.sqlite-wal").exists()
    assert rows(database_image(path)) == [1]


def test_no_database(tmp_path):
    """A file that is not there is an error of the system."""
    with pytest.raises(FileNotFoundError):
        database_image(tmp_path / "none.sqlite")
