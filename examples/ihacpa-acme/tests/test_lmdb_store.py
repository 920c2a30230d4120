"""The LMDB store: every rule of its role, and what is LMDB's own."""

from __future__ import annotations

import fcntl
import os
import stat

import lmdb
import pytest
from ihacpa_acme import _rows
from ihacpa_acme.lmdb_store import LmdbOptions, LmdbStore

from ihacpa_core import JournalEntry, StoreError
from ihacpa_core.testing import CheckpointStoreContract, offered


def open_file(path, **changes):
    return lmdb.open(str(path), subdir=False, lock=False, **changes)


class TestLmdbStore(CheckpointStoreContract):
    """Whatever every checkpoint store must do: kills, tears, altered bytes, two writers, no room."""

    @pytest.fixture
    def make_store(self):
        return offered("ihacpa_acme.lmdb_store", "lmdb", busy_timeout="30s")

    @pytest.fixture
    def make_newer(self):
        def change(state_dir):
            about = {"format": "ihacpa-acme journal", "schema": _rows.SCHEMA + 1, "later": "words"}
            with open_file(state_dir / "journal.lmdb") as environment, environment.begin(write=True) as transaction:
                _rows.put(transaction, _rows.ABOUT, _rows.text_of(about))

        return change


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.lmdb"


def group(first, count=1, **payload):
    return [
        JournalEntry(run_id="r1", sequence=number, kind="outcome", payload=payload or {"n": number})
        for number in range(first, first + count)
    ]


def test_either_meta_page_shows_everything(path):
    """Whichever bit of LMDB's two meta pages flips: no acknowledged entry is missing without an error, none later."""
    store = LmdbStore(path)
    for number in range(1, 7):
        store.append(group(number))
    whole = path.read_bytes()
    page = os.sysconf("SC_PAGE_SIZE")
    used = [place for place in range(2 * page) if whole[place] or place % page < 160]
    believed = 0
    for place in used:
        for bit in range(8):
            altered = bytearray(whole)
            altered[place] ^= 1 << bit
            path.write_bytes(altered)
            try:
                LmdbStore(path).append(group(7))
                found = list(LmdbStore(path).entries("r1"))
            except StoreError:
                continue
            believed += 1

            assert found == group(1, 7), (place, bit)
    assert believed > 100


def test_a_value_whose_end_was_cut_off_is_damage(path):
    """Long values, of which LMDB's verifier sees the beginning only, are told when they were cut; nothing crashes."""
    store = LmdbStore(path)
    store.append(group(1, 3, text="x" * 100_000))
    whole = path.read_bytes().rstrip(b"\0")
    told = 0
    for size in range(len(whole), 0, -5000):
        path.write_bytes(whole[:size])
        try:
            assert list(LmdbStore(path).entries("r1")) == group(1, 3, text="x" * 100_000)
        except StoreError:
            told += 1
    assert told > 50


def test_the_map_grows_with_the_journal(path):
    """Entries that do not fit into the map make it grow, one group at once or many."""
    store = LmdbStore(path, LmdbOptions(map_size="64KiB"))
    store.append(group(1, 300, text="x" * 2000))
    for number in range(301, 321):
        store.append(group(number, text="x" * 20_000))

    assert sum(1 for _ in LmdbStore(path).entries("r1")) == 320


def test_there_is_one_file_for_its_owner_alone(path, tmp_path):
    """The journal is a single file of mode 0600; LMDB's lock file and leftovers of a killed beginning are not there."""
    (tmp_path / "journal.lmdb.x1y2.new").write_bytes(b"left by a kill")
    store = LmdbStore(path)
    store.append(group(1))

    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {"journal.lmdb": 0o600}


def test_a_long_journal_is_read_while_it_grows(path):
    """More entries than are read at once come back whole, also while more are appended."""
    store = LmdbStore(path)
    store.append(group(1, 1200))
    reading = store.entries("r1")
    first = next(reading)
    store.append(group(1201, 100))

    assert [first, *reading] == group(1, 1200)


def test_a_writer_that_is_held_up_is_told(path):
    """While another process holds the journal, a writer waits for `busy_timeout` and then says what to do."""
    LmdbStore(path).append(group(1))
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="in use") as caught:
            LmdbStore(path, LmdbOptions(busy_timeout="50ms")).append(group(2))

    assert "another process" in caught.value.why
    LmdbStore(path).append(group(2))


def test_a_planted_link_is_not_followed(path, tmp_path):
    """A symbolic link in the journal's place is refused, and what it leads to stays as it was."""
    path.symlink_to(tmp_path / "victim")

    with pytest.raises(StoreError, match="not a plain file"):
        LmdbStore(path).append(group(1))

    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_moved_journal_is_noticed(path, replaced):
    """A journal that is taken away while it is in use is neither made anew nor written to unseen."""
    store = LmdbStore(path)
    store.append(group(1))
    path.rename(path.with_name("elsewhere"))
    if replaced:
        LmdbStore(path).append(group(1))

    with pytest.raises(StoreError):
        store.append(group(2))

    assert path.exists() == replaced


def test_a_file_of_another_program_is_refused(path):
    """Somebody else's LMDB file is refused and left as it was."""
    with open_file(path) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"theirs", b"1")
    before = path.read_bytes()

    with pytest.raises(StoreError, match="not a journal"):
        LmdbStore(path).append(group(1))

    assert path.read_bytes() == before


def test_an_entry_that_was_altered_is_named(path):
    """A changed letter, which LMDB does not see, is told with run and entry; what comes before it is right."""
    store = LmdbStore(path)
    store.append(group(1, 20))
    path.write_bytes(path.read_bytes().replace(b'{"n":17}', b'{"n":71}'))
    reading = LmdbStore(path).entries("r1")
    read = [next(reading) for _ in range(16)]

    with pytest.raises(StoreError, match="entry 17 of run r1"):
        next(reading)

    assert read == group(1, 16)


def test_rows_that_went_missing_are_noticed(path):
    """Entries deleted from the end, and runs that vanish, are missed, though nothing after them is."""
    store = LmdbStore(path)
    store.append(group(1, 3))
    run = _rows.Run(1, "r1", 3)
    with open_file(path) as environment, environment.begin(write=True) as transaction:
        transaction.delete(run.entry_key(3))
    with pytest.raises(StoreError, match="lacks its entry 3"):
        list(LmdbStore(path).entries("r1"))
    with open_file(path) as environment, environment.begin(write=True) as transaction:
        transaction.delete(run.key)

    with pytest.raises(StoreError, match="damaged"):
        LmdbStore(path).runs()
