"""Checkpoints: when they expire, what removes them, and what one costs."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from figures import record_figure
from ihacpa_plugins.checkpoint.sqlite import SqliteStore

from ihacpa_core.config.model import CoreOptions
from ihacpa_core.engine.backups import list_backups, make_backup
from ihacpa_core.engine.checkpoint_book import read_checkpoints, to_be_removed
from ihacpa_core.engine.checkpoints import CheckpointManager, all_checkpoints, expiry
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.saver import SaveReceipt
from ihacpa_core.fileops import FileOps
from ihacpa_core.journal import EntryKind, JournalEntry
from ihacpa_core.state import CheckpointData, Fingerprint, RunMetrics, RunState

ROWS = 486
NOW = datetime.now(UTC)


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"contents" * 5000)
    return path


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "journal.sqlite")
    made.append([JournalEntry(run_id="run", sequence=1, kind=EntryKind.CHOICE, payload={"what": "x"})])
    yield made
    made.close()


@pytest.fixture
def manager(book, store):
    """Makes the manager of a run; `failed` gathers what could not be written."""

    def make(run_id="run", metrics=None, **more):
        made = CheckpointManager(
            store=store,
            ops=FileOps(),
            run_id=run_id,
            target=book,
            backups=book.parent / "backups",
            every=1,
            keep_backups=2,
            measure=lambda: (metrics or RunMetrics(records=ROWS, done=10), 1),
            written=lambda _: None,
            failed=pytest.fail,
            original=lambda: None,
            **more,
        )
        made.ask()
        return made

    return make


def write(manager, book):
    """One checkpoint with a save that left `book` as it is."""
    receipt = SaveReceipt(
        changed=1, unchanged=0, seconds=0, verify_seconds=0, fingerprint=fingerprint(book), replaced=True
    )
    manager.after_save(receipt, manager.ticket())


def data(number, run_id="run", **more):
    return CheckpointData(
        checkpoint_id=f"{run_id}-{number}",
        run_id=run_id,
        created=NOW,
        sequence=1,
        batch=number,
        metrics=RunMetrics(),
        workbook=Fingerprint("0" * 64, 1),
        backup=more.pop("backup", "none.xlsx"),
        **more,
    )


def test_a_checkpoint_expires_when_the_settings_say(manager, book, store):
    """It is good for as long as the settings say from its making on; without a word for ever."""
    write(manager(expires_after=timedelta(days=3)), book)
    write(manager(), book)

    first, second = store.checkpoints("run")
    assert first.expires == first.created + timedelta(days=3)
    assert second.expires is None


@pytest.mark.parametrize(
    ("core", "found"),
    [
        (CoreOptions(), timedelta(days=30)),
        (CoreOptions(checkpoint_expiry="36h"), timedelta(hours=36)),
        (CoreOptions(checkpoint_expiry="1d", keep_checkpoints=True), None),
    ],
)
def test_how_long_a_checkpoint_is_good_for(core, found):
    """Thirty days, or what the settings say; for ever if they keep checkpoints."""
    assert expiry(core) == found


@pytest.mark.parametrize(
    ("metrics", "state"),
    [
        (RunMetrics(records=4, done=2, failed=1), RunState.UNFINISHED),
        (RunMetrics(records=4, done=2, failed=1, skipped=1), RunState.FINISHED),
    ],
)
def test_a_checkpoint_says_whether_anything_was_left(manager, book, store, metrics, state):
    """Its state is finished once every record had its outcome."""
    write(manager(metrics=metrics), book)

    (found,) = store.checkpoints("run")
    assert found.state is state


def test_expired_checkpoints_of_earlier_runs_go(manager, book, store):
    """With a new checkpoint the expired ones of other runs go; not those of this run, nor those still good."""
    store.append([JournalEntry(run_id="next", sequence=1, kind=EntryKind.CHOICE, payload={"what": "x"})])
    past, future = NOW - timedelta(days=1), NOW + timedelta(days=1)
    for each in (data(1, expires=past), data(2, expires=future), data(3), data(4, "next", expires=past)):
        store.write_checkpoint(each)

    write(manager("next"), book)

    kept = [each.checkpoint_id for each in all_checkpoints(store)]
    assert kept[:3] == ["run-2", "run-3", "next-4"]
    assert len(kept) == 4


def test_the_backup_of_an_expired_checkpoint_is_no_longer_needed(manager, book, store):
    """What only an expired checkpoint named is pruned by its age; what a kept one names is not."""
    ops, folder = FileOps(), book.parent / "backups"
    names = []
    for number in range(5):
        book.write_bytes(b"%d" % number)
        names.append(make_backup(ops, book, folder, fingerprint(book), NOW - timedelta(hours=9 - number)).name)
    store.write_checkpoint(data(1, expires=NOW - timedelta(days=1), backup=names[0]))
    store.write_checkpoint(data(2, expires=NOW + timedelta(days=1), backup=names[1]))
    store.append([JournalEntry(run_id="next", sequence=1, kind=EntryKind.CHOICE, payload={"what": "x"})])

    manager("next").prune()

    assert [backup.name for backup in list_backups(folder)] == [names[1], *names[3:]]


def test_what_is_removed_is_what_was_asked_for(store, tmp_path):
    """By name, all, all but the newest, or the expired: a pure choice."""
    for each in (data(1, expires=NOW - timedelta(days=1)), data(2), data(3)):
        store.write_checkpoint(each)
    book = read_checkpoints(store, tmp_path, NOW)

    assert to_be_removed(book) == ["run-1"]
    assert to_be_removed(book, ["run-2"]) == ["run-2"]
    assert to_be_removed(book, keep=1) == ["run-1", "run-2"]
    assert to_be_removed(book, keep=9) == []
    assert to_be_removed(book, everything=True) == ["run-1", "run-2", "run-3"]


@pytest.mark.parametrize("name", ["../journal.sqlite", "/etc/passwd", "", ".", ".."])
def test_a_backups_name_leads_nowhere_else(store, tmp_path, name):
    """A checkpoint whose backup is called like a path is not valid, and nothing outside the folder is read."""
    store.write_checkpoint(data(1, backup=name))

    (line,) = read_checkpoints(store, tmp_path / "backups", NOW).lines

    assert line.flaws


def test_a_checkpoint_takes_less_than_50_ms_without_its_backup(manager, book, store):
    """For the 486 rows of the founding workbook, the copy of the workbook left out."""
    made = manager()
    write(made, book)  # from now on the backup is there
    spent = []
    for _ in range(20):
        made.ask()
        began = time.perf_counter()
        write(made, book)
        spent.append(time.perf_counter() - began)

    median = sorted(spent)[len(spent) // 2]
    record_figure("a checkpoint without the backup copy", f"{median * 1000:.1f} ms (median of 20; goal: 50 ms)")
    assert median < 0.05
