"""Backups: whole, found again, pruned with care; and the fingerprints that tell files apart."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from ihacpa_core.engine.backups import list_backups, make_backup, prune_backups
from ihacpa_core.engine.fingerprint import fingerprint, stat_of
from ihacpa_core.engine.save_errors import WorkbookChanged
from ihacpa_core.engine.watched import WatchedFile
from ihacpa_core.fileops import FileOps
from ihacpa_core.state import Fingerprint
from ihacpa_core.testing.faults import Crash, FaultyOps

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"contents")
    return path


def make(book, hours=0, content=None):
    if content is not None:
        book.write_bytes(content)
    return make_backup(FileOps(), book, book.parent / "backups", fingerprint(book), NOON + timedelta(hours=hours))


def test_backups_sort_by_time_and_say_what_they_hold(book):
    """The list is in the order of time, whatever the order of making; each says when, how large, and of what."""
    second, first = make(book, 2, b"two"), make(book, 1, b"one")

    listed = list_backups(book.parent / "backups")

    assert listed == [first, second]
    assert [backup.taken for backup in listed] == [NOON + timedelta(hours=1), NOON + timedelta(hours=2)]
    assert listed[0].is_of(Fingerprint(fingerprint(first.path).sha256, 3))
    assert not listed[1].is_of(fingerprint(first.path))


def test_same_bytes_are_kept_once(book):
    """A copy that is there already and whole is as good as a new one; a damaged one is not."""
    first = make(book)

    again = make(book, 1)
    first.path.write_bytes(b"damaged!")
    third = make(book, 2)

    assert again == first
    assert not first.is_whole()
    assert third != first
    assert third.is_whole()


def test_workbook_that_changed_meanwhile_is_not_backed_up_as_the_old_one(book):
    """A copy whose bytes are not the ones that were read is thrown away."""
    with pytest.raises(WorkbookChanged):
        make_backup(FileOps(), book, book.parent / "backups", Fingerprint("0" * 64, 8))

    assert list((book.parent / "backups").iterdir()) == []


def test_pruning_keeps_the_newest_and_the_protected(book):
    """The oldest go, but never the original's nor one that a kept checkpoint names."""
    backups = [make(book, hour, str(hour).encode()) for hour in range(6)]

    gone = prune_backups(
        FileOps(), book.parent / "backups", keep=2, protected=[backups[0].name, backups[2].name, "not there"]
    )

    assert gone == [backups[1].name, backups[3].name]
    assert list_backups(book.parent / "backups") == [backups[0], backups[2], backups[4], backups[5]]


def test_half_made_backup_is_none(book):
    """Killed while a backup is made, no file that is not whole looks like one; pruning sweeps what is left."""
    folder = book.parent / "backups"
    counting = FaultyOps()
    make_backup(counting, book, folder, fingerprint(book), NOON)
    effects = len(counting.calls)
    for number in range(1, effects + 1):
        for backup in list_backups(folder):
            backup.path.unlink()
        with pytest.raises(Crash):
            make_backup(FaultyOps(number, Crash()), book, folder, fingerprint(book), NOON)
            raise Crash

        assert all(backup.is_whole() for backup in list_backups(folder))

    prune_backups(FileOps(), folder, keep=10, protected=())
    assert sorted(folder.iterdir()) == [backup.path for backup in list_backups(folder)]


def test_other_files_are_no_backups(book):
    """What a person puts into the folder is neither listed nor pruned."""
    make(book)
    (book.parent / "backups" / "mine.xlsx").touch()

    assert len(list_backups(book.parent / "backups")) == 1
    prune_backups(FileOps(), book.parent / "backups", keep=0, protected=())

    assert [path.name for path in (book.parent / "backups").iterdir()] == ["mine.xlsx"]


def test_old_file_is_not_read_again(book, monkeypatch):
    """A file whose time of change is long past is trusted by its identity alone."""
    os.utime(book, (1, 1))
    watched = WatchedFile(book)
    monkeypatch.setattr("ihacpa_core.engine.watched.fingerprint", lambda _: pytest.fail("it was read"))

    watched.check()

    assert watched.fingerprint is not None


def test_change_within_one_tick_of_the_clock_is_noticed(book):
    """A change so quick that size and time stay the same is found, since a young time is not trusted."""
    watched = WatchedFile(book)
    about = book.stat()
    book.write_bytes(b"CONTENTS")
    os.utime(book, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert stat_of(book).mtime_ns == about.st_mtime_ns

    with pytest.raises(WorkbookChanged):
        watched.check()


def test_touched_file_has_not_changed(book):
    """A new time of change with the same bytes is no change."""
    watched = WatchedFile(book)
    os.utime(book, (1_000_000, 1_000_000))

    watched.check()

    assert watched.fingerprint == fingerprint(book)
