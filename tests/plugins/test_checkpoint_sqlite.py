"""The SQLite store on real files, with real processes that are really killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from ihacpa_plugins.checkpoint import sqlite as plugin
from ihacpa_plugins.checkpoint._journal_db import MIGRATIONS
from ihacpa_plugins.checkpoint.sqlite import SqliteOptions, SqliteStore

from ihacpa_core import CheckpointData, Fingerprint, JournalEntry, RunContext, RunMetrics, StoreError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, SqliteOptions(busy_timeout=0.1))
    yield store
    store.close()


def entry(sequence: int, run_id: str = "r1", **payload: object) -> JournalEntry:
    return JournalEntry(run_id=run_id, sequence=sequence, kind="outcome", payload=payload or {"n": sequence})


def entries(first: int, last: int, run_id: str = "r1") -> list[JournalEntry]:
    return [entry(sequence, run_id) for sequence in range(first, last + 1)]


def checkpoint(checkpoint_id: str = "c1", run_id: str = "r1", batch: int = 1) -> CheckpointData:
    return CheckpointData(
        checkpoint_id=checkpoint_id,
        run_id=run_id,
        created=datetime(2026, 1, 2, tzinfo=UTC),
        sequence=batch,
        batch=batch,
        metrics=RunMetrics(done=batch),
        workbook=Fingerprint("ab", 1),
        backup=f"{checkpoint_id}.xlsx",
    )


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A new process with the plugins on its path, its output to be read line by line."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"},
    )


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


# --- what comes back --------------------------------------------------------------------------------------------------


def test_entries_come_back_in_order(store: SqliteStore) -> None:
    """What was appended comes back as it was, run by run, in order."""
    store.append([entry(1, text="ä\ud800\x00", number=1.5, none=None, deep={"a": [1, True]})])
    store.append(entries(2, 3))
    store.append(entries(1, 1, "r2"))

    assert list(store.entries("r1")) == [
        entry(1, text="ä\ud800\x00", number=1.5, none=None, deep={"a": [1, True]}),
        *entries(2, 3),
    ]
    assert list(store.entries("r2")) == entries(1, 1, "r2")
    assert list(store.entries("other")) == []
    assert store.runs() == ["r1", "r2"]


def test_long_journal_is_read_whole(store: SqliteStore) -> None:
    """More entries than are read at once come back whole, also while more are appended."""
    store.append(entries(1, 1200))
    reading = store.entries("r1")
    first = next(reading)
    store.append(entries(1201, 1300))

    assert [first, *reading] == entries(1, 1200)


def test_reopened(store: SqliteStore, path: Path) -> None:
    """A second store over the same file reads and goes on, whether the first was closed or not."""
    store.append(entries(1, 3))
    second = SqliteStore(path)
    assert list(second.entries("r1")) == entries(1, 3)
    store.close()
    second.append(entries(4, 5))
    second.close()

    assert list(SqliteStore(path).entries("r1")) == entries(1, 5)


def test_reopened_in_a_new_process(store: SqliteStore, path: Path) -> None:
    """Another process reads the journal while this one holds it open for writing."""
    store.append(entries(1, 3))
    code = (
        "import sys, pathlib; from ihacpa_plugins.checkpoint.sqlite import SqliteStore\n"
        "print([e.payload['n'] for e in SqliteStore(pathlib.Path(sys.argv[1])).entries('r1')])"
    )
    with python(code, path) as reader:
        output, _ = reader.communicate(timeout=20)

    assert output.strip() == "[1, 2, 3]"


def test_threads_take_turns(store: SqliteStore) -> None:
    """Threads may append one after the other, and read at the same time."""
    store.append(entries(1, 1))
    gaps: list[list[int]] = []
    finished: list[bool] = []

    def read() -> None:
        for _ in range(30):
            found = [item.sequence for item in store.entries("r1")]
            if found != list(range(1, len(found) + 1)):
                gaps.append(found)
        finished.append(True)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for sequence in range(2, 40):
        writer = threading.Thread(target=store.append, args=([entry(sequence)],))
        writer.start()
        writer.join()
    for reader in readers:
        reader.join()

    assert gaps == []
    assert finished == [True, True]
    assert list(store.entries("r1")) == entries(1, 39)


# --- order, and all or none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sequences", [[5], [3], [4, 6], [4, 4]])
def test_gap_or_repetition_is_refused(store: SqliteStore, sequences: list[int]) -> None:
    """Entries that do not follow the last one are refused, and none of them is kept."""
    store.append(entries(1, 3))

    with pytest.raises(StoreError, match="does not follow"):
        store.append([entry(sequence) for sequence in sequences])

    assert list(store.entries("r1")) == entries(1, 3)
    store.append(entries(4, 4))


def test_second_writer_is_noticed(store: SqliteStore, path: Path) -> None:
    """Of two stores that both believe to be at entry 3, the second to write is refused and nothing is mixed."""
    store.append(entries(1, 3))
    other = SqliteStore(path)
    other.append(entries(4, 4))

    with pytest.raises(StoreError, match="another process wrote"):
        store.append(entries(4, 4))
    other.close()

    assert list(store.entries("r1")) == entries(1, 4)


def test_writer_that_does_not_end_is_told(store: SqliteStore, path: Path) -> None:
    """A transaction that another process keeps open is waited for no longer than busy_timeout, then told."""
    store.append(entries(1, 1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()

    with pytest.raises(StoreError) as caught:
        store.append(entries(2, 2))
    other.close()

    assert time.monotonic() - begun < 5
    assert "another process" in caught.value.hint
    store.append(entries(2, 2))


def test_what_json_cannot_hold_is_refused(store: SqliteStore) -> None:
    """A payload that is no JSON is a `StoreError`, and its whole group is left out."""
    with pytest.raises(StoreError, match="entry 2 of run r1"):
        store.append([entry(1), entry(2, bad=float("nan"))])

    assert list(store.entries("r1")) == []


def test_moved_journal_is_noticed(store: SqliteStore, path: Path) -> None:
    """A journal that is taken away while it is in use is not written to unseen."""
    store.append(entries(1, 1))
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(StoreError):
        store.append(entries(2, 2))
    path.write_bytes(b"")

    with pytest.raises(StoreError, match="moved or replaced"):
        store.append(entries(2, 2))


# --- checkpoints ------------------------------------------------------------------------------------------------------


def test_checkpoints_are_kept_replaced_and_removed(store: SqliteStore, path: Path) -> None:
    """Checkpoints come back oldest first; the same id replaces; removing one that is not there is no error."""
    store.write_checkpoint(checkpoint("c1"))
    store.write_checkpoint(checkpoint("c2", batch=2))
    store.write_checkpoint(checkpoint("x", run_id="r2"))
    store.write_checkpoint(checkpoint("c2", batch=3))
    store.remove_checkpoint("nowhere")
    assert store.checkpoints("r1") == [checkpoint("c1"), checkpoint("c2", batch=3)]
    store.remove_checkpoint("c1")
    store.close()

    assert SqliteStore(path).checkpoints("r1") == [checkpoint("c2", batch=3)]


@pytest.mark.parametrize("change", ["payload = replace(payload, 'c2.xlsx', 'c3.xlsx')", "run_id = 'r9'"])
def test_altered_checkpoint_is_left_out(store: SqliteStore, path: Path, change: str) -> None:
    """A checkpoint whose row was altered is left out; the others are still offered."""
    for name in ("c1", "c2", "c3"):
        store.write_checkpoint(checkpoint(name))
    store.close()
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE checkpoints SET {change} WHERE checkpoint_id = 'c2'")
    db.close()

    assert [data.checkpoint_id for data in SqliteStore(path).checkpoints("r1")] == ["c1", "c3"]


# --- writing nothing --------------------------------------------------------------------------------------------------


def test_reading_creates_nothing(tmp_path: Path, path: Path) -> None:
    """Asking for what does not exist creates no file; neither does removing, nor closing."""
    store = SqliteStore(path)

    assert store.runs() == []
    assert list(store.entries("r1")) == []
    assert store.checkpoints("r1") == []
    store.remove_checkpoint("c1")
    store.close()
    assert files(tmp_path) == {}


@pytest.mark.parametrize("state", ["closed", "in use", "killed"])
def test_read_only_changes_no_byte(tmp_path: Path, path: Path, state: str) -> None:
    """A read-only store sees everything and leaves no trace, after a clean end, beside a writer, and after a kill."""
    writer = SqliteStore(path)
    writer.append(entries(1, 3))
    if state == "killed":
        copy = files(tmp_path)
    if state != "in use":
        writer.close()
    if state == "killed":
        for name, content in copy.items():
            (tmp_path / name).write_bytes(content)
    before = files(tmp_path)
    store = SqliteStore(path, read_only=True)
    if state == "in use":  # its writer's index is shared within one process
        before["journal.sqlite-shm"] = b""

    assert list(store.entries("r1")) == entries(1, 3)
    assert store.runs() == ["r1"]
    for refused in (lambda: store.append(entries(4, 4)), lambda: store.write_checkpoint(checkpoint())):
        with pytest.raises(StoreError, match="reading only"):
            refused()
    store.close()
    after = files(tmp_path)
    if state == "in use":
        after["journal.sqlite-shm"] = b""
    assert after == before
    writer.close()


def test_log_that_ends_after_its_header_holds_nothing(tmp_path: Path, path: Path) -> None:
    """A process that was killed right after it began its log left a journal that can be read as it is."""
    writer = SqliteStore(path)
    writer.append(entries(1, 3))
    log = files(tmp_path)["journal.sqlite-wal"]
    writer.close()
    db = sqlite3.connect(path)
    db.execute("SELECT * FROM runs").fetchall()
    index = files(tmp_path)["journal.sqlite-shm"]  # of a log that is still empty
    db.close()
    (tmp_path / "journal.sqlite-wal").write_bytes(log[:32])
    (tmp_path / "journal.sqlite-shm").write_bytes(index)
    before = files(tmp_path)

    store = SqliteStore(path, read_only=True)

    assert list(store.entries("r1")) == entries(1, 3)
    assert files(tmp_path) == before


def test_file_is_for_its_owner_alone(store: SqliteStore, tmp_path: Path) -> None:
    """The journal, its log and its index are readable and writable by their owner alone."""
    store.append(entries(1, 1))

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"journal.sqlite": 0o600, "journal.sqlite-wal": 0o600, "journal.sqlite-shm": 0o600}


def test_planted_link_is_not_followed(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    """A symbolic link in the journal's place is refused, and what it leads to stays as it was."""
    victim = tmp_path / "victim"
    path.symlink_to(victim)

    with pytest.raises(StoreError, match="not a plain file"):
        store.append(entries(1, 1))

    assert not victim.exists()


# --- kills, tears, altered bytes --------------------------------------------------------------------------------------

WRITER = """
import sys, pathlib
from ihacpa_core import JournalEntry
from ihacpa_plugins.checkpoint.sqlite import SqliteStore
store = SqliteStore(pathlib.Path(sys.argv[1]))
last = len(list(store.entries("r1")))
while True:
    group = [JournalEntry(run_id="r1", sequence=last + n, kind="outcome", payload={"n": last + n}) for n in (1, 2, 3)]
    store.append(group)
    last += 3
    print(last, flush=True)
"""


def test_kill_loses_nothing_acknowledged(path: Path) -> None:
    """A writer killed anywhere, again and again: every acknowledged entry is there, and no group is half there."""
    acknowledged = 0
    for _ in range(4):
        with python(WRITER, path) as writer:
            assert writer.stdout is not None
            acknowledged = int(writer.stdout.readline())
            time.sleep(random.uniform(0, 0.05))
            writer.send_signal(signal.SIGKILL)
            for line in writer.stdout:
                acknowledged = int(line) if line.endswith("\n") else acknowledged

        found = list(SqliteStore(path, read_only=True).entries("r1"))
        assert len(found) >= acknowledged
        assert len(found) % 3 == 0
        assert found == entries(1, len(found))


@pytest.fixture
def template(tmp_path: Path) -> bytes:
    """The bytes of a journal that was closed, with two runs and two checkpoints."""
    path = tmp_path / "template.sqlite"
    store = SqliteStore(path)
    store.append(entries(1, 20))
    store.append(entries(1, 5, "r2"))
    store.write_checkpoint(checkpoint("c1"))
    store.write_checkpoint(checkpoint("c2", batch=2))
    store.close()
    return path.read_bytes()


def read_until_damage(store: SqliteStore, run_id: str) -> tuple[list[JournalEntry], bool]:
    """The entries up to the first damage, and whether there was any."""
    found: list[JournalEntry] = []
    try:
        found.extend(store.entries(run_id))
    except StoreError:
        return found, True
    return found, False


def test_altered_byte_is_never_believed(template: bytes, path: Path) -> None:
    """Whichever byte is altered: an entry is either the one that was written, or the journal says it is damaged."""
    used = [place for place, byte in enumerate(template) if byte or place < 100]
    rng = random.Random(7)
    noticed = 0
    for place in rng.sample(used, 600):
        flipped = bytearray(template)
        flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        store = SqliteStore(path, read_only=True)

        for run_id, last in (("r1", 20), ("r2", 5)):
            found, damage = read_until_damage(store, run_id)
            noticed += damage
            assert found == entries(1, len(found), run_id), place
            assert damage or len(found) == last, place
        try:
            checkpoints = store.checkpoints("r1")
        except StoreError:
            continue
        assert all(data in (checkpoint("c1"), checkpoint("c2", batch=2)) for data in checkpoints), place
    assert noticed > 300


def test_altered_payload_names_run_and_entry(template: bytes, path: Path) -> None:
    """A changed byte of a payload, which SQLite itself does not see, is told with the run and the entry."""
    path.write_bytes(template.replace(b'{"n":17}', b'{"n":71}'))
    reading = SqliteStore(path).entries("r1")
    read = [next(reading) for _ in range(16)]

    with pytest.raises(StoreError, match="entry 17 of run r1"):
        next(reading)

    assert read == entries(1, 16)


def test_missing_tail_is_noticed(template: bytes, path: Path) -> None:
    """Entries that were deleted from the end are missed, though nothing after them is."""
    path.write_bytes(template)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM entries WHERE run = 1 AND sequence > 18")
    db.close()

    with pytest.raises(StoreError, match="lacks its entries from 19 to 20"):
        list(SqliteStore(path).entries("r1"))


@pytest.mark.parametrize("garbage", [False, True])
def test_torn_log(path: Path, tmp_path: Path, garbage: bool) -> None:
    """A log torn anywhere, as a loss of power leaves it, costs what was not yet durable and no more."""
    store = SqliteStore(path)
    for sequence in range(1, 11):
        store.append([entry(sequence)])
    whole = files(tmp_path)
    store.close()
    log = whole["journal.sqlite-wal"]
    lengths = []
    for cut in range(0, len(log), 1001):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        torn = folder / path.name
        torn.write_bytes(whole["journal.sqlite"])
        (folder / "journal.sqlite-wal").write_bytes(log[:cut] + (b"\xa5" * 3000 if garbage else b""))
        after = SqliteStore(torn)
        found = list(after.entries("r1"))
        after.append(entries(len(found) + 1, len(found) + 1))
        after.close()
        lengths.append(len(found))

        assert list(SqliteStore(torn).entries("r1")) == entries(1, len(found) + 1)
    assert lengths == sorted(lengths)
    assert lengths[-1] >= 8


def test_truncated_file_is_refused(template: bytes, path: Path) -> None:
    """A journal cut short is refused with what to do, for reading and for writing."""
    path.write_bytes(template[: len(template) // 2])
    for use in (lambda: list(SqliteStore(path).entries("r1")), lambda: SqliteStore(path).append(entries(21, 21))):
        with pytest.raises(StoreError) as caught:
            use()

        assert caught.value.hint


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 20, b"x"])
def test_no_database_is_refused(path: Path, content: bytes) -> None:
    """A file of something else in the journal's place is refused and left as it was."""
    path.write_bytes(content)

    with pytest.raises(StoreError, match="damaged"):
        SqliteStore(path).append(entries(1, 1))

    assert path.read_bytes() == content


def test_foreign_database_is_refused(path: Path) -> None:
    """Somebody else's database is refused and left as it was."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="not a journal"):
        SqliteStore(path).append(entries(1, 1))

    assert path.read_bytes() == before


def test_newer_schema_is_refused(template: bytes, path: Path) -> None:
    """A journal of a newer version is neither read nor written."""
    path.write_bytes(template)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    before = path.read_bytes()

    for use in (lambda: SqliteStore(path).runs(), lambda: SqliteStore(path).append(entries(21, 21))):
        with pytest.raises(StoreError, match="newer version") as caught:
            use()
        assert "upgrade" in caught.value.hint
    assert path.read_bytes() == before


def test_missing_folder_is_told(tmp_path: Path) -> None:
    """A state folder that is not there is an error of ours with a hint, not the system's."""
    with pytest.raises(StoreError) as caught:
        SqliteStore(tmp_path / "gone" / "journal.sqlite").append(entries(1, 1))

    assert "gone" in caught.value.hint


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root on Linux can mount a file system that is small enough to fill")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_full_disk_is_told_and_nothing_is_half_written(tiny_disk: Path) -> None:
    """On a full disk, append fails with a hint; what was acknowledged stays, and work goes on once there is room."""
    path = tiny_disk / "journal.sqlite"
    store = SqliteStore(path)
    store.append(entries(1, 2))
    (tiny_disk / "filler").write_bytes(b"x" * 100_000)
    last = 2
    with pytest.raises(StoreError) as caught:
        while True:
            store.append([entry(last + 1, text="x" * 3000), entry(last + 2, text="y" * 3000)])
            last += 2
    assert str(tiny_disk) in caught.value.hint
    assert [item.sequence for item in store.entries("r1")] == list(range(1, last + 1))

    (tiny_disk / "filler").unlink()
    store.append(entries(last + 1, last + 1))
    store.close()
    assert [item.sequence for item in SqliteStore(path).entries("r1")] == list(range(1, last + 2))


# --- the offer --------------------------------------------------------------------------------------------------------


def test_offer(tmp_path: Path) -> None:
    """The plugin offers `sqlite`, whose journal lies in the workbook's state folder."""
    [offer] = plugin.ihacpa_checkpoint_stores()
    context = RunContext(run_id="r1", workbook=tmp_path / "b.xlsx", state_dir=tmp_path, config_dir=tmp_path)
    store = offer.factory(SqliteOptions(), context)
    store.append(entries(1, 1))
    store.close()

    assert offer.name == "sqlite"
    assert (tmp_path / "journal.sqlite").exists()


@pytest.mark.parametrize("seconds", [0.05, 601, "5s"])
def test_options_have_a_range(seconds: object) -> None:
    """A busy_timeout out of range is refused before anything is opened."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"busy_timeout": seconds}, SqliteOptions)


def test_appending_is_fast(store: SqliteStore) -> None:
    """20,000 outcomes of 1 KB are appended in groups of 16 in little time, and read back."""
    begun = time.monotonic()
    for first in range(1, 20_001, 16):
        store.append([entry(n, text="x" * 1000) for n in range(first, first + 16)])
    spent = time.monotonic() - begun

    assert sum(1 for _ in store.entries("r1")) == 20_000
    assert spent < 10  # about 1 s on a local disk; the limit leaves room for a busy one
