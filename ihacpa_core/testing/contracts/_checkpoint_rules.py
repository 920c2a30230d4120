"""What every checkpoint store must do with checkpoints: each is the one that was written, or is named as broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from ihacpa_core.roles import CheckpointStore, RunContext
from ihacpa_core.state import CheckpointData
from ihacpa_core.testing.contracts import _store_tasks as tasks
from ihacpa_core.testing.contracts._children import Case, in_child, in_children
from ihacpa_core.testing.contracts._damage import harmed
from ihacpa_core.testing.contracts._store_tasks import RUN, StoreFactory, checkpoint, exact, files, group, groups
from ihacpa_core.testing.contracts.base import Contract, missing_fixture


class CheckpointRules(Contract):
    """The part of the store's contract that is about checkpoints; `CheckpointStoreContract` has it among its own."""

    samples: ClassVar[int] = 30

    @pytest.fixture
    def make_store(self) -> StoreFactory:
        """A function of a `RunContext` that opens the store in its `state_dir`, and that can be pickled.

        `RunContext.read_only` asks for a store that changes nothing.
        """
        return missing_fixture("make_store", "a function of a RunContext that returns the store")  # type: ignore[no-any-return]

    def damage_checkpoint(self, state_dir: Path, data: CheckpointData) -> None:
        """Alter a byte of `data` in the folder of a closed store; override it if its text is not there as it is."""
        wanted = data.backup.encode()
        found = [path for path in files(state_dir) if wanted in path.read_bytes()]
        assert found, f"{data.backup!r} stands in no file of the store; override damage_checkpoint"
        for path in found:
            path.write_bytes(path.read_bytes().replace(wanted, wanted.replace(b"b", b"B", 1)))

    @pytest.fixture
    def store(self, make_store: StoreFactory, context: RunContext) -> Iterator[CheckpointStore]:
        """The store of an empty state folder."""
        store = make_store(context)
        yield store
        store.close()

    def test_checkpoints_come_back_as_they_were(self, make_store: StoreFactory, context: RunContext) -> None:
        """The checkpoints of a run come back field by field, oldest first, in a new process as well."""
        in_child(tasks.write_and_close, make_store, context, 1)

        expected = [checkpoint(name, batch=batch) for batch, name in enumerate(("c1", "c2", "c3"), start=1)]
        assert tasks.checkpoints_of(make_store, context) == expected
        assert tasks.checkpoints_of(make_store, context, "r2") == []

    def test_checkpoint_of_the_same_id_is_replaced(self, store: CheckpointStore) -> None:
        """There is one checkpoint of an id: the one that was written last."""
        store.append(group(1))
        for batch in (1, 2):
            store.write_checkpoint(checkpoint("c1", batch=batch))

        assert list(store.checkpoints(RUN)) == [checkpoint("c1", batch=2)]

    def test_removed_checkpoint_is_gone(self, make_store: StoreFactory, context: RunContext) -> None:
        """A checkpoint that was removed does not come back; removing one that is not there is no error."""
        in_child(tasks.write_and_close, make_store, context, 1)
        store = make_store(context)
        store.remove_checkpoint("c2")
        store.remove_checkpoint("c2")
        store.remove_checkpoint("never there")
        store.close()

        assert tasks.checkpoints_of(make_store, context) == [checkpoint("c1", batch=1), checkpoint("c3", batch=3)]
        assert exact(tasks.read(make_store, context).entries) == exact(groups(1))

    def test_damaged_checkpoint_is_left_out(self, make_store: StoreFactory, context: RunContext) -> None:
        """A checkpoint that was altered is left out, and hides no other."""
        self._damage_c2(make_store, context)

        found = in_child(tasks.checkpoints_of, make_store, context)

        assert found == [checkpoint("c1", batch=1), checkpoint("c3", batch=3)]

    def test_damaged_checkpoint_is_named(self, make_store: StoreFactory, context: RunContext) -> None:
        """A checkpoint that was altered is named, with what is wrong; the whole ones are not."""
        self._damage_c2(make_store, context)

        (broken,) = in_child(tasks.broken_of, make_store, context)

        assert broken.checkpoint_id == "c2"
        assert broken.why
        assert broken.run_id in ("", RUN)

    def test_damaged_checkpoint_can_be_removed(self, make_store: StoreFactory, context: RunContext) -> None:
        """A damaged checkpoint that is removed by its name is gone, and the others are not; or it is a `StoreError`."""
        self._damage_c2(make_store, context)

        removed = in_child(tasks.try_to_remove, make_store, context, "c2")

        assert [data.checkpoint_id for data in in_child(tasks.broken_of, make_store, context)] == ["c2"][removed:]
        assert tasks.checkpoints_of(make_store, context) == [checkpoint("c1", batch=1), checkpoint("c3", batch=3)]

    def test_checkpoint_of_a_newer_version_is_named(self, make_store: StoreFactory, context: RunContext) -> None:
        """A checkpoint that a later version wrote is left out and named, whole as it is, and hides no other."""
        in_child(tasks.write_and_close, make_store, context, 1)
        in_child(tasks.write_newer, make_store, context, "c2")

        found = in_child(tasks.checkpoints_of, make_store, context)
        (broken,) = in_child(tasks.broken_of, make_store, context)

        assert found == [checkpoint("c1", batch=1), checkpoint("c3", batch=3)]
        assert broken.checkpoint_id == "c2"
        assert "version" in broken.why

    def test_whole_checkpoints_are_not_named(self, make_store: StoreFactory, context: RunContext) -> None:
        """Checkpoints that were written, replaced or removed are not told as broken."""
        in_child(tasks.write_and_close, make_store, context, 1)
        store = make_store(context)
        store.write_checkpoint(checkpoint("c1", batch=4))
        store.remove_checkpoint("c2")
        store.close()

        assert in_child(tasks.broken_of, make_store, context) == []

    def test_torn_or_altered_checkpoint_is_never_believed(self, make_store: StoreFactory, context: RunContext) -> None:
        """Whichever file is cut, whichever byte altered: a checkpoint is the one that was written, or is left out."""
        in_child(tasks.write_and_close, make_store, context, 1)
        places = [replace(context, state_dir=folder) for folder in harmed(context.state_dir, self.samples)]
        cases: list[Case] = [(tasks.checkpoints_of, (make_store, place)) for place in places]
        written = [checkpoint(name, batch=batch) for batch, name in enumerate(("c1", "c2", "c3"), start=1)]

        for ending, place in zip(in_children(cases), places, strict=True):
            found = ending.returned()
            assert isinstance(found, str) or [data for data in found if data not in written] == [], place.state_dir

    def _damage_c2(self, make: StoreFactory, context: RunContext) -> None:
        in_child(tasks.write_and_close, make, context, 1)
        self.damage_checkpoint(context.state_dir, checkpoint("c2", batch=2))
