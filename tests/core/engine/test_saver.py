"""Saving as a whole: what a save leaves as it was, what it changes, and in which order."""

from __future__ import annotations

import os
import sys

import pytest
from saver_rig import Rig, all_rows, facts, make_book, results, update

from ihacpa_core import StoreError, WorkbookError, WriteReceipt
from ihacpa_core.engine.backups import list_backups
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.saver import DurabilityUnconfirmed, SaveBlocked, VerificationFailed, WorkbookChanged
from ihacpa_core.fileops import FileOps
from ihacpa_core.roles import SaveBackend, SaveSession
from ihacpa_core.testing.faults import FaultyOps


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "state").mkdir()
    return Rig(tmp_path, make_book(tmp_path / "book.xlsx"))


def test_save_changes_the_updated_cells_and_nothing_else(rig):
    """After a save the results are there, and everything of the person's is as it was."""
    before = facts(rig.target)

    receipt = rig.saver().save(all_rows("new"), full_check=True)

    assert results(rig.target) == [f"new {row}" for row in range(4, 12)]
    assert facts(rig.target) == before
    assert (receipt.changed, receipt.unchanged, receipt.replaced) == (8, 0, True)
    assert receipt.fingerprint == fingerprint(rig.target)
    assert rig.leftovers() == []


def test_journal_hears_before_and_after_the_replacement(rig):
    """`intend` is told while the old workbook stands, `confirm` when the new one does, both of the new one."""
    seen = []

    def look(told):
        seen.append((told, fingerprint(rig.target)))

    old = fingerprint(rig.target)

    rig.saver(intend=look, confirm=look).save(all_rows("new"), full_check=False)

    new = fingerprint(rig.target)
    assert seen == [(new, old), (new, new)]


def test_order_of_effects_is_that_of_the_recipe(rig):
    """The draft is durable before the backup, the backup before the replacement, and the folder is synced after it."""
    ops = FaultyOps()

    rig.saver(ops).save(all_rows("new"), full_check=False)

    names = [name for name, _ in ops.calls]
    draft = [(name, path) for name, path in ops.calls if path.name.endswith(".ihacpa-tmp")]
    assert [name for name, _ in draft if name != "write"] == ["create", "attributes", "fsync"]
    assert names[-2:] == ["replace", "fsync-folder"]
    assert ops.calls[-2] == ("replace", rig.target)
    backup = [name for name, path in ops.calls if path.parent == rig.backups and name != "write"]
    assert backup == ["create", "copy", "fsync", "replace"]
    assert names.index("fsync") < names.index("copy") < len(names) - 2


def test_second_save_of_the_same_results_leaves_the_file_alone(rig):
    """When no cell changes, the workbook stays the same file with the same bytes, and the journal hears nothing."""
    rig.saver().save(all_rows("new"), full_check=False)
    before, inode, told = fingerprint(rig.target), rig.target.stat().st_ino, len(rig.intended)

    receipt = rig.saver().save(all_rows("new"), full_check=True)

    assert (receipt.changed, receipt.unchanged, receipt.replaced) == (0, 8, False)
    assert (fingerprint(rig.target), rig.target.stat().st_ino, len(rig.intended)) == (before, inode, told)
    assert receipt.fingerprint == before
    assert rig.leftovers() == []


def test_session_is_kept_for_the_next_save(rig):
    """Several saves through one saver add up, and only the first makes a backup."""
    saver = rig.saver()

    for row in range(4, 12):
        saver.save([update(f"D{row}", f"new {row}")], full_check=False)

    assert results(rig.target) == [f"new {row}" for row in range(4, 12)]
    assert len(list_backups(rig.backups)) == 1
    assert rig.intended == rig.confirmed
    assert len(rig.intended) == 8


def test_backup_holds_the_original(rig):
    """The backup is the workbook as it was before the first save, byte for byte, for its owner only."""
    original = rig.target.read_bytes()
    saver = rig.saver()

    saver.save(all_rows("new"), full_check=False)

    (backup,) = list_backups(rig.backups)
    assert backup.path.read_bytes() == original
    assert backup == saver.backup
    assert backup.path.stat().st_mode & 0o777 == 0o600
    assert rig.backups.stat().st_mode & 0o777 == 0o700


def test_work_on_a_copy_leaves_the_source_alone(rig):
    """With another source the target comes into being, and later saves go on from it."""
    source = rig.target.read_bytes()
    rig.target = rig.folder / "out.xlsx"
    saver = rig.saver(source=rig.folder / "book.xlsx")

    saver.save(all_rows("new")[:4], full_check=True)
    saver.save(all_rows("new")[4:], full_check=False)

    assert results(rig.target) == [f"new {row}" for row in range(4, 12)]
    assert (rig.folder / "book.xlsx").read_bytes() == source
    assert list_backups(rig.backups) == []


def test_copy_comes_into_being_without_any_update(rig):
    """A run that changes nothing still leaves the output that was asked for."""
    rig.target = rig.folder / "out.xlsx"

    receipt = rig.saver(source=rig.folder / "book.xlsx").save([], full_check=True)

    assert receipt.replaced
    assert facts(rig.target) == facts(rig.folder / "book.xlsx")


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_mode_is_kept(rig):
    """The new file has the old one's mode; while it is written, nobody else may read it."""
    rig.target.chmod(0o640)
    modes = []

    class Watching(FileOps):
        def effect(self, name, path):
            if name == "write" and path.name.endswith(".ihacpa-tmp"):
                modes.append(path.stat().st_mode & 0o777)

    rig.saver(Watching()).save(all_rows("new"), full_check=False)

    assert rig.target.stat().st_mode & 0o777 == 0o640
    assert set(modes) == {0o600}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_owner_is_kept(rig):
    """The new file belongs to whom the old one belonged."""
    os.chown(rig.target, 12345, 23456)

    rig.saver().save(all_rows("new"), full_check=False)

    about = rig.target.stat()
    assert (about.st_uid, about.st_gid) == (12345, 23456)


@pytest.mark.skipif(sys.platform != "linux", reason="extended attributes as Linux has them")
def test_extended_attributes_are_kept(rig):
    """What other programs noted on the file stays on it."""
    try:
        os.setxattr(rig.target, "user.note", b"mine")
    except OSError:
        pytest.skip("this file system has no extended attributes")

    rig.saver().save(all_rows("new"), full_check=False)

    assert os.getxattr(rig.target, "user.note") == b"mine"


def test_target_of_a_link_is_replaced_and_the_link_stays(rig):
    """Given the real path, as callers do, a save leaves a symbolic link to it a link."""
    link = rig.folder / "link.xlsx"
    link.symlink_to(rig.target)
    rig.target = link.resolve()

    rig.saver().save(all_rows("new"), full_check=False)

    assert link.is_symlink()
    assert results(link) == [f"new {row}" for row in range(4, 12)]


def test_hard_links_are_told(rig):
    """A workbook with a second name is saved, with a warning that the other name keeps the old contents."""
    other = rig.folder / "other.xlsx"
    other.hardlink_to(rig.target)

    rig.saver().save(all_rows("new"), full_check=False)

    assert any("2 names" in message for message in rig.warnings)
    assert results(other) == ["old"] * 8


def test_edit_between_two_saves_is_noticed(rig):
    """A workbook that somebody saved meanwhile is not overwritten; a new saver goes on from it."""
    saver = rig.saver()
    saver.save(all_rows("new")[:2], full_check=False)
    make_book(rig.target, rows=9)
    edited = rig.target.read_bytes()

    with pytest.raises(WorkbookChanged, match="changed by somebody else"):
        saver.save(all_rows("new")[2:], full_check=False)
    assert rig.target.read_bytes() == edited
    rig.saver().save(all_rows("new"), full_check=False)

    assert results(rig.target, 9) == [*(f"new {row}" for row in range(4, 12)), "old"]


@pytest.mark.parametrize("moment", ["write", "attributes", "fsync", "copy"])
def test_late_edit_is_noticed(rig, moment):
    """Somebody saves the workbook while ours is being written: theirs stays, ours goes."""
    theirs = make_book(rig.folder / "theirs.xlsx", rows=9).read_bytes()

    class Late(FileOps):
        done = False

        def effect(self, name, path):
            if name == moment and not self.done:
                self.done = True
                rig.target.write_bytes(theirs)

    with pytest.raises(WorkbookChanged):
        rig.saver(Late()).save(all_rows("new"), full_check=False)

    assert rig.target.read_bytes() == theirs
    assert rig.leftovers() == []
    assert rig.intended == []


def test_edit_while_the_journal_is_told_is_noticed(rig):
    """The last look at the workbook comes after the journal was told, right before the replacement."""
    theirs = make_book(rig.folder / "theirs.xlsx", rows=9).read_bytes()

    with pytest.raises(WorkbookChanged):
        rig.saver(intend=lambda _: rig.target.write_bytes(theirs)).save(all_rows("new"), full_check=False)

    assert rig.target.read_bytes() == theirs
    assert rig.leftovers() == []


def test_vanished_workbook_is_not_brought_back(rig):
    """A workbook that was moved away is told, and no file comes up in its place."""
    saver = rig.saver()
    rig.target.rename(rig.folder / "elsewhere.xlsx")

    with pytest.raises(WorkbookChanged, match="moved or deleted"):
        saver.save(all_rows("new"), full_check=False)

    assert not rig.target.exists()


def test_output_that_came_up_meanwhile_is_not_overwritten(rig):
    """When working on a copy, a file that somebody else put there is left alone."""
    rig.target = rig.folder / "out.xlsx"
    saver = rig.saver(source=rig.folder / "book.xlsx")
    rig.target.write_bytes(b"theirs")

    with pytest.raises(WorkbookChanged, match="come up"):
        saver.save(all_rows("new"), full_check=False)

    assert rig.target.read_bytes() == b"theirs"


def test_little_room_is_told_with_numbers(rig):
    """A save that would fill the disk is refused before it begins, and the message says how much it needs."""

    class Small(FileOps):
        def free_bytes(self, folder):
            return 1_000_000

    before = rig.target.read_bytes()

    with pytest.raises(SaveBlocked, match=r"needs about \d+\.\d MB in .*, 1\.0 MB are free"):
        rig.saver(Small()).save(all_rows("new"), full_check=False)

    assert rig.target.read_bytes() == before


def test_failing_journal_leaves_the_workbook_alone(rig):
    """A journal that cannot take the intention stops the save before the replacement."""

    def fail(_):
        raise StoreError("the journal is full")

    before = rig.target.read_bytes()

    with pytest.raises(StoreError):
        rig.saver(intend=fail).save(all_rows("new"), full_check=False)

    assert rig.target.read_bytes() == before
    assert rig.leftovers() == []


def test_unsynced_folder_is_told_as_saved_but_unconfirmed(rig):
    """When only the folder cannot be synced, the error says that the save stands, and the next save confirms it."""

    class Unsynced(FileOps):
        broken = True

        def effect(self, name, path):
            if name == "fsync-folder" and path == rig.target.parent and self.broken:
                raise OSError(5, "Input/output error")

    ops = Unsynced()
    saver = rig.saver(ops)

    with pytest.raises(DurabilityUnconfirmed, match="was saved"):
        saver.save(all_rows("new"), full_check=False)
    assert results(rig.target) == [f"new {row}" for row in range(4, 12)]
    assert (len(rig.intended), len(rig.confirmed)) == (1, 0)
    ops.broken = False
    receipt = saver.save(all_rows("new"), full_check=False)

    assert not receipt.replaced
    assert rig.confirmed == [fingerprint(rig.target)]


def test_lost_answer_of_a_file_server_is_no_failure(rig):
    """A replacement that was made but reported as failed counts as made."""

    class Server(FileOps):
        def replace(self, source, target):
            super().replace(source, target)
            if target == rig.target:
                raise OSError(5, "Input/output error")

    receipt = rig.saver(Server()).save(all_rows("new"), full_check=False)

    assert receipt.fingerprint == fingerprint(rig.target)
    assert rig.confirmed == [receipt.fingerprint]


class LyingSession(SaveSession):
    """A session that writes whatever `make` writes."""

    def __init__(self, make):
        self.make = make

    def write(self, target, updates):
        self.make(target)
        return WriteReceipt(changed=len(updates))

    def committed(self, fingerprint):
        pass

    def close(self):
        pass


class LyingBackend(SaveBackend):
    def __init__(self, make):
        self.make = make

    def inspect(self, source):
        return []

    def open(self, source, sheet):
        return LyingSession(self.make)


def test_backend_that_forgets_a_cell_is_found_out(rig):
    """A file in which an update is missing never becomes the workbook, though the backend says that all went well."""
    old = rig.target.read_bytes()

    with pytest.raises(VerificationFailed, match="D4 holds 'old' where 'new 4' was written"):
        rig.saver(backend=LyingBackend(lambda target: target.write(old))).save(all_rows("new"), full_check=False)

    assert rig.target.read_bytes() == old
    assert rig.leftovers() == []


@pytest.mark.parametrize("cut", [0, 10, 1000, -10])
def test_backend_that_writes_half_a_file_is_found_out(rig, cut):
    """A torn file never becomes the workbook."""
    old = rig.target.read_bytes()

    with pytest.raises(VerificationFailed):
        rig.saver(backend=LyingBackend(lambda target: target.write(old[:cut]))).save(all_rows("new"), full_check=True)

    assert rig.target.read_bytes() == old


def test_flipped_bit_is_found_out(rig):
    """A damaged member is found by its checksum, wherever it is."""
    old = rig.target.read_bytes()
    at = len(old) // 3
    damaged = old[:at] + bytes([old[at] ^ 0x10]) + old[at + 1 :]

    with pytest.raises(VerificationFailed):
        rig.saver(backend=LyingBackend(lambda target: target.write(damaged))).save(
            [update("D4", "old")], full_check=True
        )

    assert rig.target.read_bytes() == old


def test_backend_that_raises_is_told_in_words(rig):
    """Whatever a backend raises becomes an error that says that the workbook is as it was."""

    def fail(target):
        raise ZeroDivisionError("oh")

    with pytest.raises(WorkbookError, match="the save backend failed: ZeroDivisionError: oh"):
        rig.saver(backend=LyingBackend(fail)).save(all_rows("new"), full_check=False)

    assert rig.leftovers() == []


def test_failed_save_is_made_up_for_by_the_next(rig):
    """Updates of a save that failed are in the file after the next one, and count as changed."""
    ops = FaultyOps(fail_at=1, error=OSError(28, "No space left on device"))
    saver = rig.saver(ops)
    ops.fail_at = len(ops.calls) + 3

    with pytest.raises(SaveBlocked, match="the disk is full"):
        saver.save(all_rows("new"), full_check=False)
    assert results(rig.target) == ["old"] * 8
    receipt = saver.save(all_rows("new"), full_check=False)

    assert receipt.changed == 8
    assert results(rig.target) == [f"new {row}" for row in range(4, 12)]


def test_folder_is_no_workbook(rig):
    """A target that is no file is refused."""
    rig.target = rig.folder / "state"

    with pytest.raises(WorkbookError, match="is not a file"):
        rig.saver()
