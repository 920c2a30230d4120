"""A save is killed, or fails, at each of its effects on the file system."""

from __future__ import annotations

import errno
import os

import pytest
from saver_rig import Rig, all_rows, make_book, results

from ihacpa_core import WorkbookError
from ihacpa_core.engine.backups import list_backups, prune_backups
from ihacpa_core.engine.drafts import sweep_leftovers
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.save_errors import DurabilityUnconfirmed
from ihacpa_core.fileops import FileOps
from ihacpa_core.testing.faults import Crash, FaultyOps

OLD, NEW = ["old"] * 8, [f"new {row}" for row in range(4, 12)]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_book(tmp_path_factory.mktemp("original") / "book.xlsx").read_bytes()


@pytest.fixture
def fresh(tmp_path, original):
    """Makes a folder with the workbook in it, a new one at each call."""

    def make(number: int) -> Rig:
        folder = tmp_path / str(number)
        (folder / "state").mkdir(parents=True)
        (folder / "book.xlsx").write_bytes(original)
        return Rig(folder, folder / "book.xlsx")

    return make


@pytest.fixture
def effects(fresh):
    """How many effects one save has."""
    ops = FaultyOps()
    fresh(0).saver(ops).save(all_rows("new"), full_check=False)
    return len(ops.calls)


def check_after(rig: Rig, original: bytes) -> list[object]:
    """What must hold whatever happened: the workbook is the old or the new one, and a start tidies up and can save."""
    old = rig.target.read_bytes() == original
    found = results(rig.target)
    assert found == (OLD if old else NEW)
    assert old or fingerprint(rig.target) in rig.intended
    ops = FileOps()
    sweep_leftovers(ops, rig.target.parent, rig.target.name)
    prune_backups(ops, rig.backups, keep=10, protected=())
    assert sorted(path.name for path in rig.folder.iterdir()) == ["book.xlsx", "state"]
    assert not [path for path in rig.folder.rglob("*") if "tmp" in path.suffix]
    assert all(backup.is_whole() for backup in list_backups(rig.backups))
    rig.saver().save(all_rows("new"), full_check=True)
    assert results(rig.target) == NEW
    return found


def test_kill_at_every_effect_leaves_the_old_or_the_new_workbook(fresh, effects, original):
    """Dead before its Nth effect, for every N: the workbook is whole, and the next start ends the work."""
    seen = set()

    for number in range(1, effects + 1):
        rig = fresh(number)
        with pytest.raises(Crash):
            rig.saver(FaultyOps(number, Crash())).save(all_rows("new"), full_check=False)
        seen.add(tuple(check_after(rig, original)))

    assert effects > 10
    assert seen == {tuple(OLD), tuple(NEW)}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_error_at_every_effect_leaves_the_old_workbook_or_says_that_it_is_the_new(fresh, effects, original, code):
    """An error before the replacement leaves the old bytes, one after it says so; the next save makes up for it."""
    for number in range(1, effects + 1):
        rig = fresh(number)
        saver = rig.saver(FaultyOps(number, OSError(code, os.strerror(code))))
        with pytest.raises(WorkbookError) as caught:
            saver.save(all_rows("new"), full_check=False)
        saved = isinstance(caught.value, DurabilityUnconfirmed)
        assert (rig.target.read_bytes() != original) == saved
        assert rig.leftovers() == []
        assert caught.value.hint

        saver.save(all_rows("new"), full_check=False)

        assert fingerprint(rig.target) == rig.confirmed[-1] == rig.intended[-1]


def test_disk_that_stays_full_from_any_effect_on_leaves_a_whole_workbook(fresh, effects, original):
    """When nothing works any more, not even tidying up, the workbook is still the old one or, told so, the new one."""
    for number in range(1, effects + 1):
        rig = fresh(number)
        ops = FaultyOps(number, OSError(errno.ENOSPC, "No space left on device"), sticky=True)

        with pytest.raises(WorkbookError) as caught:
            rig.saver(ops).save(all_rows("new"), full_check=False)

        saved = isinstance(caught.value, DurabilityUnconfirmed)
        assert (rig.target.read_bytes() != original) == saved
        assert not saved or results(rig.target) == NEW


def test_killed_copy_leaves_no_torn_output(fresh, original):
    """Working on a copy, a kill leaves no output or a whole one, and the source as it was."""
    ops = FaultyOps()
    rig = fresh(0)
    rig.target = rig.folder / "out.xlsx"
    rig.saver(ops, source=rig.folder / "book.xlsx").save(all_rows("new"), full_check=False)

    for number in range(1, len(ops.calls) + 1):
        rig = fresh(number)
        source, rig.target = rig.target, rig.folder / "out.xlsx"
        with pytest.raises(Crash):
            rig.saver(FaultyOps(number, Crash()), source=source).save(all_rows("new"), full_check=False)
        assert source.read_bytes() == original
        assert not rig.target.exists() or results(rig.target) == NEW
        sweep_leftovers(FileOps(), rig.folder, rig.target.name)
        assert not rig.leftovers()


def test_sweep_takes_only_drafts_of_this_workbook(tmp_path):
    """A draft of a workbook with the same stem, or one whose name merely begins alike, is another run's."""
    from ihacpa_core.engine.drafts import Draft

    for name in ("book.xlsx", "book.xlsm", "book.a.xlsx"):
        Draft(FileOps(), tmp_path / name).file.close()
    (tmp_path / ".book.xlsx.ihacpa-tmp").touch()

    swept = sweep_leftovers(FileOps(), tmp_path, "book.xlsx")

    assert len(swept) == 1
    assert len(list(tmp_path.iterdir())) == 3


def test_draft_of_a_workbook_with_the_longest_name(tmp_path):
    """A name of 255 bytes, in letters of three bytes each, leaves room for the draft's own."""
    from ihacpa_core.engine.drafts import Draft

    target = tmp_path / ("表" * 83 + ".xlsx")

    draft = Draft(FileOps(), target)
    draft.file.close()

    assert sweep_leftovers(FileOps(), tmp_path, target.name) == [draft.path]
