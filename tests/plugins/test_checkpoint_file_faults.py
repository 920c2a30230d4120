"""The file store on a disk that fails, and in processes that die, at any effect."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from file_journals import IMPATIENT, checkpoint, group, let_go, read
from ihacpa_plugins.checkpoint.file import FileStore

from ihacpa_core import JournalEntry, RunContext, StoreError, fileops
from ihacpa_core.testing import run_context
from ihacpa_core.testing.faults import Crash, FaultyOps


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return run_context(tmp_path)


# --- a disk that fails ------------------------------------------------------------------------------------------------


def use(store: FileStore, kept: list[JournalEntry], names: list[str]) -> None:
    """Append four groups, each at most three times, with checkpoints between; note what was acknowledged of both."""
    for number in range(4):
        for attempt in range(3):
            try:
                store.append(wanted := group(len(kept) + 1, text=f"{number}-{attempt}"))
            except StoreError:
                assert list(store.entries("r1")) == kept, "what was refused is seen"
            else:
                kept += wanted
                break
        try:
            store.write_checkpoint(checkpoint(f"c{number}", sequence=number))
            names.append(f"c{number}")
        except StoreError:
            continue
    store.close()


def effects(context: RunContext) -> int:
    counting = FaultyOps()
    use(FileStore(replace(context, files=counting), IMPATIENT), [], [])
    return len(counting.calls)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("sticky", [False, True], ids=["once", "from there on"])
def test_any_effect_may_fail(tmp_path: Path, number: int, sticky: bool) -> None:
    """Whichever effect fails: what was acknowledged is there, what was refused is not, and the store can go on."""
    count = effects(run_context(tmp_path / "count"))
    assert count > 30
    for at in range(1, count + 1):
        context = run_context(tmp_path / str(at))
        ops = FaultyOps(at, OSError(number, os.strerror(number)), sticky=sticky)

        kept: list[JournalEntry] = []
        names: list[str] = []
        use(FileStore(replace(context, files=ops), IMPATIENT), kept, names)

        found = read(context)
        assert found[: len(kept)] == kept, ops.calls[-1]
        if sticky:  # taking back what an fsync failed for takes a disk that works
            assert len(found) - len(kept) in (0, 2), ops.calls[-1]
        else:
            assert (len(kept), found) == (8, kept), ops.calls[at - 1]
        assert set(names) <= {data.checkpoint_id for data in FileStore(context).checkpoints("r1")}
        assert FileStore(context).broken_checkpoints() == []
        FileStore(context).append(group(len(found) + 1))


def test_a_crash_at_any_effect_leaves_what_was_acknowledged(tmp_path: Path) -> None:
    """A process that dies before any effect leaves whole groups, and the next one goes on and tidies up."""
    for at in range(1, effects(run_context(tmp_path / "count")) + 1):
        context = run_context(tmp_path / str(at))
        dying = FileStore(replace(context, files=FaultyOps(at)), IMPATIENT)
        kept: list[JournalEntry] = []
        names: list[str] = []
        with pytest.raises(Crash):
            use(dying, kept, names)
        let_go(dying)

        found = read(context)
        FileStore(context).append(group(len(found) + 1))

        assert found[: len(kept)] == kept
        assert len(found) - len(kept) in (0, 2)
        assert read(context)[: len(found)] == found
        assert set(names) <= {data.checkpoint_id for data in FileStore(context).checkpoints("r1")}
        assert FileStore(context).broken_checkpoints() == []
        assert list(context.state_dir.rglob("*.tmp")) == []


def test_a_new_file_is_there_after_a_loss_of_power(context: RunContext) -> None:
    """The first append also makes the names durable: of the file in its folder, and of that folder in the next."""
    ops = FaultyOps()

    FileStore(replace(context, files=ops)).append(group(1))

    journals, path = context.state_dir / "journal", context.state_dir / "journal" / "r1.jsonl"
    assert ops.calls == [
        ("mkdir", journals),
        ("open", path),
        ("write", path),
        ("fsync", path),
        ("fsync-folder", journals),
        ("fsync-folder", context.state_dir),
    ]


def test_after_a_failed_fsync_everything_is_written_anew(context: RunContext) -> None:
    """The system may drop pages when an fsync fails and call them clean: the group is cut off and written again."""
    ops = FaultyOps()
    store = FileStore(replace(context, files=ops))
    store.append(group(1))
    path = context.state_dir / "journal" / "r1.jsonl"
    before = path.read_bytes()
    ops.fail_at, ops.error, ops.sticky = len(ops.calls) + 2, OSError(errno.EIO, "the disk is going"), False

    with pytest.raises(StoreError, match="the disk is going"):
        store.append(group(3))

    assert ops.calls[ops.fail_at - 1][0] == "fsync"
    assert path.read_bytes() == before
    start = len(ops.calls)
    store.append(group(3))
    assert [name for name, _ in ops.calls[start:]] == ["write", "fsync"]


def test_what_could_not_be_taken_back_is_taken_back_later(context: RunContext) -> None:
    """While the disk refuses to cut, a refused group is not seen here; when it works again, it is not seen anywhere."""
    ops = FaultyOps()
    store = FileStore(replace(context, files=ops))
    store.append(group(1))
    ops.fail_at, ops.error, ops.sticky = len(ops.calls) + 2, OSError(errno.EIO, "the disk is going"), True
    with pytest.raises(StoreError):
        store.append(group(3, text="refused"))
    with pytest.raises(StoreError):
        store.append(group(3, text="refused too"))
    assert list(store.entries("r1")) == group(1)

    ops.fail_at = None
    store.append(group(3, text="kept"))

    assert read(context) == [*group(1), *group(3, text="kept")]


def test_a_short_write_is_completed(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that writes a few bytes at a time gets the rest until all of it is there."""
    write = fileops._CountedFile.write
    monkeypatch.setattr(fileops._CountedFile, "write", lambda file, data: write(file, bytes(data)[:7]))

    FileStore(context).append(group(1))

    assert read(context) == group(1)
