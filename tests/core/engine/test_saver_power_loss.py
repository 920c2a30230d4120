"""The power goes at any moment of two saves: what a disk may hold then is the old workbook or the new one."""

from __future__ import annotations

import hashlib

import pytest
from power_model import WatchingOps
from saver_rig import Rig, all_rows, make_book

from ihacpa_core.engine.backups import list_backups
from ihacpa_core.engine.fingerprint import fingerprint


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "state" / "backups").mkdir(parents=True)
    return Rig(tmp_path, make_book(tmp_path / "book.xlsx"))


def save_twice(rig, forgotten=()):
    """Two saves of which the model keeps the books; how many moments there were when each had returned."""
    ops = WatchingOps([rig.folder, rig.backups], forgotten)
    saver = rig.saver(ops)
    returned = []
    for text in ("new", "newer"):
        saver.save(all_rows(text), full_check=False)
        ops.settle()
        returned.append(len(ops.seen) - 1)
    saver.close()
    return ops, returned


def digest(content):
    return hashlib.sha256(content).hexdigest()


def broken(rig, ops, returned, versions):
    """The moments at which something may be left that must not be, each with what it is."""
    for moment, states in enumerate(ops.seen):
        allowed = set(versions)
        if moment >= returned[0]:
            allowed.discard(versions[0])
        if moment >= returned[1]:
            allowed.discard(versions[1])
        for left in states:
            if digest(left.get(rig.target, b"")) not in allowed:
                yield moment, "the workbook"
            for path, content in left.items():
                if path.parent == rig.backups and not path.name.startswith(".") and digest(content) not in versions:
                    yield moment, path.name


def test_power_loss_at_any_moment_leaves_the_old_or_the_new_workbook(rig):
    """The workbook and every backup are whole in every state that may be left; a save that returned is there."""
    original = fingerprint(rig.target).sha256

    ops, returned = save_twice(rig)

    versions = [original, *(intended.sha256 for intended in rig.intended)]
    assert sum(map(len, ops.seen)) > 100
    assert len(versions) == 3
    assert len(list_backups(rig.backups)) == 1
    assert list(broken(rig, ops, returned, versions)) == []


@pytest.mark.parametrize("forgotten", ["fsync", "fsync-folder"])
def test_the_model_sees_what_is_forgotten(rig, forgotten):
    """Without one of the two flushes there are states that must not be; a kill would never show them."""
    original = fingerprint(rig.target).sha256

    ops, returned = save_twice(rig, {forgotten})

    versions = [original, *(intended.sha256 for intended in rig.intended)]
    assert [what for _, what in broken(rig, ops, returned, versions) if what == "the workbook"]
