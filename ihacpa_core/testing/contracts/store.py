"""What every checkpoint store must do: nothing that it acknowledged is ever lost, altered, or half there."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ihacpa_core.errors import StoreError
from ihacpa_core.journal import EntryKind, JournalEntry
from ihacpa_core.roles import CheckpointStore, RunContext
from ihacpa_core.testing.contracts import _store_tasks as tasks
from ihacpa_core.testing.contracts._checkpoint_rules import CheckpointRules
from ihacpa_core.testing.contracts._children import Case, Child, in_child, in_children
from ihacpa_core.testing.contracts._damage import assert_goes_on, cuts, flip, flips
from ihacpa_core.testing.contracts._disk import can_tell, pages_in_memory_only
from ihacpa_core.testing.contracts._store_tasks import (
    GROUP,
    RUN,
    StoreFactory,
    checkpoint,
    exact,
    files,
    group,
    groups,
    moved,
    snapshot,
    spread,
)
from ihacpa_core.testing.contracts.base import missing_fixture

ODD_PAYLOADS: tuple[dict[str, Any], ...] = (
    {},
    {"": None, "true": True, "false": False, "empty": [], "nothing": {}},
    {"whole": [0, -1, 2**53 + 1, 2**4000], "broken": [0.1, 1.0, -0.0, 5e-324, 1.7976931348623157e308]},
    {"text": "naïve 表 😀 \x00\x1b\r\n\t\u2028 \\ \" ' = \ud800"},
    {"ä\x00\n": {"deep": [[[{"a": [{"b": [None, [True, [1, "x"]]]}]}]]]}},
    {"long": "x" * 300_000},
)


class CheckpointStoreContract(CheckpointRules):
    """The rules of the role `checkpoint`. Needs POSIX: processes are forked and killed.

    :param rounds: how often a writer is killed at a random moment.
    :param samples: how many steps, cuts and bytes are tried where all of them would be too many.
    """

    rounds: ClassVar[int] = 3

    @pytest.fixture
    def make_newer(self) -> Callable[[Path], None]:
        """A function that, given the state folder of a closed store, changes it as a later version might."""
        return missing_fixture("make_newer", "it makes a closed store's folder one of a later version")  # type: ignore[no-any-return]

    # --- what comes back ----------------------------------------------------------------------------------------------

    def test_entries_come_back_as_they_were(self, store: CheckpointStore) -> None:
        """Whatever JSON can hold comes back unchanged: kinds, numbers, any text, depth, and length."""
        kinds = [*(str(kind) for kind in EntryKind), "a later kind"]
        written = [
            JournalEntry(run_id=RUN, sequence=number, kind=kind, payload=ODD_PAYLOADS[number % len(ODD_PAYLOADS)])
            for number, kind in enumerate(kinds, start=1)
        ]

        store.append(written)

        assert exact(store.entries(RUN)) == exact(written)

    def test_entries_come_back_in_order(self, store: CheckpointStore) -> None:
        """Each run has its own journal, in the order in which it was appended, however the runs take turns."""
        for number in range(60):
            store.append(group(1 + number * GROUP))
            store.append(group(1 + number * GROUP, "r2"))

        assert exact(store.entries(RUN)) == exact(groups(60))
        assert exact(store.entries("r2")) == exact(groups(60, "r2"))

    def test_runs_are_listed_oldest_first(self, store: CheckpointStore) -> None:
        """Runs are named in the order of their first entries; one that is not known has no entries."""
        for name in ("z", "ä b/..", "a"):
            store.append(group(1, name))
        store.append(group(1 + GROUP, "z"))

        assert list(store.runs()) == ["z", "ä b/..", "a"]
        assert list(store.entries("never seen")) == []

    def test_appending_nothing_changes_nothing(self, store: CheckpointStore) -> None:
        """An empty group is no error, and begins no run."""
        store.append([])

        assert list(store.runs()) == []

    def test_gap_is_refused(self, store: CheckpointStore) -> None:
        """Entries that do not follow the last one are a `StoreError`, and none of their group is kept."""
        store.append(group(1))
        follows = group(1 + GROUP)[0]

        for wrong in ([GROUP + 2], [GROUP], [1], [GROUP + 1, GROUP + 1], [GROUP + 1, GROUP + 3]):
            with pytest.raises(StoreError):
                store.append([replace(follows, sequence=sequence) for sequence in wrong])

        assert exact(store.entries(RUN)) == exact(groups(1))
        store.append(group(1 + GROUP))

    def test_group_is_kept_whole_or_not_at_all(self, store: CheckpointStore) -> None:
        """An entry that cannot be stored is a `StoreError`, and takes its whole group with it."""
        store.append(group(1))
        first, second, third = group(1 + GROUP)

        for bad in (object(), float("nan"), {1, 2}):
            with pytest.raises(StoreError):
                store.append([first, second, replace(third, payload={"bad": bad})])

        assert exact(store.entries(RUN)) == exact(groups(1))
        store.append([first, second, third])
        assert exact(store.entries(RUN)) == exact(groups(2))

    def test_threads_may_take_turns(self, store: CheckpointStore) -> None:
        """The methods that write are called by one thread at a time, not always by the same one."""
        for number in range(4):
            writer = threading.Thread(target=store.append, args=(group(1 + number * GROUP),))
            writer.start()
            writer.join()

        assert exact(store.entries(RUN)) == exact(groups(4))

    # --- opened again -------------------------------------------------------------------------------------------------

    def test_opened_again_after_closing(self, make_store: StoreFactory, context: RunContext) -> None:
        """A second store over the same folder has everything, and goes on."""
        for number in range(3):
            store = make_store(context)
            assert exact(store.entries(RUN)) == exact(groups(number))
            store.append(group(1 + number * GROUP))
            store.close()

        assert exact(tasks.read(make_store, context).entries) == exact(groups(3))

    def test_read_by_another_process(
        self, store: CheckpointStore, make_store: StoreFactory, context: RunContext
    ) -> None:
        """What was acknowledged is seen by a new process, though nobody has closed the store."""
        store.append(group(1))
        store.append(group(1 + GROUP))

        found = in_child(tasks.read, make_store, context)

        assert (exact(found.entries), found.damage) == (exact(groups(2)), "")

    # --- kills --------------------------------------------------------------------------------------------------------

    def test_killed_at_each_step_of_an_append(self, make_store: StoreFactory, context: RunContext) -> None:
        """A writer killed anywhere in an append: all that was acknowledged is there, the group whole or not at all."""
        self._kill_at_steps(make_store, context, before=2)

    def test_killed_while_the_store_is_made(self, make_store: StoreFactory, context: RunContext) -> None:
        """A writer killed anywhere in its first append leaves a folder that the next one can work in."""
        self._kill_at_steps(make_store, context, before=0)

    def test_killed_at_any_moment(self, make_store: StoreFactory, context: RunContext) -> None:
        """A writer killed at random, again and again: all that was acknowledged is there, whole and in order."""
        chance = random.Random(context.run_id)
        acknowledged = 0
        for _ in range(self.rounds):
            with Child(tasks.append_for_ever, make_store, context) as writer:
                reports = writer.reports()
                acknowledged = next(reports)
                time.sleep(chance.uniform(0, 0.1))
                writer.kill()
                acknowledged = max([acknowledged, *reports])

            found = in_child(tasks.read, make_store, context)
            assert not found.damage
            assert len(found.entries) >= acknowledged
            assert exact(found.entries) == exact(groups(len(found.entries) // GROUP))

    def test_killed_at_each_step_of_a_checkpoint(self, make_store: StoreFactory, context: RunContext) -> None:
        """A checkpoint that was being replaced when the writer was killed is the old one or the new one."""
        steps = in_child(tasks.checkpoint_dying, make_store, moved(context, context.state_dir / "count"), None)
        cases: list[Case] = []
        for step in spread(steps, self.samples):
            place = moved(context, context.state_dir / str(step))
            cases += [(tasks.checkpoint_dying, (make_store, place, step)), (tasks.checkpoints_of, (make_store, place))]

        for ending in in_children(cases)[1::2]:
            assert ending.returned() in ([checkpoint(batch=1)], [checkpoint(batch=2)])

    # --- loss of power ------------------------------------------------------------------------------------------------

    def test_acknowledged_is_on_the_disk(self, store: CheckpointStore, context: RunContext) -> None:
        """When `append` returns, what it changed is on the disk and not in the system's memory only."""
        store.append(group(1))

        self._assert_synced(context.state_dir, lambda: store.append(group(1 + GROUP, text="x" * 5000)))

    def test_checkpoint_is_on_the_disk(self, store: CheckpointStore, context: RunContext) -> None:
        """When `write_checkpoint` returns, what it changed is on the disk."""
        store.append(group(1))

        self._assert_synced(context.state_dir, lambda: store.write_checkpoint(checkpoint()))

    # --- damage -------------------------------------------------------------------------------------------------------

    def test_torn_file(self, make_store: StoreFactory, context: RunContext, tmp_path: Path) -> None:
        """Whatever length a file is cut to, after a clean end or a kill, nothing wrong comes back.

        `entries` gives the groups from the first on, unaltered and whole, and then ends or raises `StoreError`. If
        `append` does not raise as well, its group follows exactly what was read.
        """
        closed, killed = moved(context, tmp_path / "closed"), moved(context, tmp_path / "killed")
        in_child(tasks.write_and_close, make_store, closed, 6)
        self._leave_open(make_store, killed, 6)
        cases: list[Case] = []
        for number, (place, name, size) in enumerate(cuts([closed.state_dir, killed.state_dir], self.samples)):
            torn = shutil.copytree(place, tmp_path / f"torn{number}")
            with (torn / name).open("r+b") as file:
                file.truncate(size)
            cases.append((tasks.go_on, (make_store, replace(context, state_dir=torn))))

        for ending, (_, arguments) in zip(in_children(cases), cases, strict=True):
            assert_goes_on(ending.returned(), groups(6), str(arguments[1].state_dir))

    def test_altered_byte_is_never_believed(
        self, make_store: StoreFactory, context: RunContext, tmp_path: Path
    ) -> None:
        """Whichever byte of a closed store is altered: an entry is the one that was written, or `StoreError` is raised.

        No more than the last group may go missing without an error: only that cannot be told from a torn end.
        """
        in_child(tasks.write_and_close, make_store, context, 6)
        cases: list[Case] = []
        for number, (name, place, bit) in enumerate(flips(context.state_dir, 3 * self.samples)):
            altered = shutil.copytree(context.state_dir, tmp_path / f"altered{number}")
            flip(altered / name, place, bit)
            cases.append((tasks.read, (make_store, replace(context, state_dir=altered))))

        for ending, (_, arguments) in zip(in_children(cases), cases, strict=True):
            found, where = ending.returned(), str(arguments[1].state_dir)
            assert exact(found.entries) == exact(groups(6)[: len(found.entries)]), where
            assert found.damage or len(found.entries) >= 5 * GROUP, where

    def test_something_else_in_its_place_is_refused(
        self, make_store: StoreFactory, context: RunContext, tmp_path: Path
    ) -> None:
        """Files of something else under the store's names are a `StoreError`, and stay as they were."""
        in_child(tasks.write_and_close, make_store, context, 1)
        for path in files(context.state_dir):
            path.write_bytes(b"Dear diary, this is no journal of a program. " * 200)
        before = snapshot(context.state_dir)

        found = in_children([(tasks.go_on, (make_store, context))])[0].returned()

        assert (found.before.entries, found.kept) == ([], False)
        assert found.before.damage
        assert snapshot(context.state_dir) == before

    def test_newer_version_is_refused(
        self, make_store: StoreFactory, make_newer: Callable[[Path], None], context: RunContext
    ) -> None:
        """A store that a later version wrote is neither read nor written."""
        in_child(tasks.write_and_close, make_store, context, 1)
        make_newer(context.state_dir)
        before = snapshot(context.state_dir)

        found = in_children([(tasks.go_on, (make_store, context))])[0].returned()

        assert (found.before.entries, found.kept) == ([], False)
        assert found.before.damage
        assert snapshot(context.state_dir) == before

    def test_system_errors_are_told_as_our_own(self, make_store: StoreFactory, context: RunContext) -> None:
        """A state folder that is gone, or is a file, is a `StoreError` with what happened, never a bare `OSError`."""
        context.state_dir.rmdir()
        with pytest.raises(StoreError):
            make_store(context).append(group(1))
        context.state_dir.write_bytes(b"")

        with pytest.raises(StoreError) as caught:
            make_store(context).append(group(1))

        assert caught.value.what

    def test_no_room(self, make_store: StoreFactory, context: RunContext) -> None:
        """Without room `append` is a `StoreError`, what was acknowledged stays, and the refused group is not there."""
        filled = in_child(tasks.fill, make_store, context)
        after = in_child(tasks.read, make_store, context)

        assert filled.refused, "the store never ran out of room: its files were made large beforehand?"
        assert (len(after.entries), after.damage) == (filled.kept, "")
        assert exact(filled.seen.entries) == exact(after.entries)

    # --- several at once ----------------------------------------------------------------------------------------------

    def test_writers_do_not_mix(self, make_store: StoreFactory, context: RunContext) -> None:
        """Of two processes that append at once each group is kept whole or refused; nothing is mixed or lost."""
        with (
            Child(tasks.compete, make_store, context, "a", 10) as one,
            Child(tasks.compete, make_store, context, "b", 10) as other,
        ):
            told = [*one.reports(), *other.reports()]

        found = in_child(tasks.read, make_store, context)
        texts = [str(entry.payload["text"]) for entry in found.entries]
        kept = [text for word, text in told if word == "kept"]
        assert len(kept) >= 10
        assert not found.damage
        assert [entry.sequence for entry in found.entries] == list(range(1, len(texts) + 1))
        assert texts[::GROUP] == texts[1::GROUP] == texts[2::GROUP]
        assert sorted(texts[::GROUP]) == sorted(kept)

    def test_writer_that_comes_late_is_refused(self, make_store: StoreFactory, context: RunContext) -> None:
        """Of two processes that both read the journal at its beginning, only one appends its first group."""
        go = context.config_dir / "go"
        with Child(tasks.append_late, make_store, context, go) as other:
            reports = other.reports()
            next(reports)
            here = tasks.try_to_append(make_store, context)
            go.touch()
            there = list(reports) == ["kept"]

        found = in_child(tasks.read, make_store, context)
        assert here != there
        assert exact(found.entries) == exact(group(1, text="here" if here else "late"))

    def test_reader_beside_a_writer(self, make_store: StoreFactory, context: RunContext) -> None:
        """Who reads while another process writes sees whole groups, in order, and all that was acknowledged before."""
        with Child(tasks.append_for_ever, make_store, context) as writer:
            reports = writer.reports()
            for _ in range(15):
                acknowledged = next(reports)
                found = tasks.read(make_store, replace(context, read_only=True))

                assert not found.damage
                assert len(found.entries) >= acknowledged
                assert exact(found.entries) == exact(groups(len(found.entries) // GROUP))

    # --- only looking -------------------------------------------------------------------------------------------------

    def test_read_only_makes_nothing(self, make_store: StoreFactory, context: RunContext) -> None:
        """A store that only looks at an empty folder finds nothing there and leaves nothing there."""
        store = make_store(replace(context, read_only=True))

        assert list(store.runs()) == []
        assert list(store.entries(RUN)) == []
        assert list(store.checkpoints(RUN)) == []
        assert list(store.broken_checkpoints()) == []
        store.close()
        assert snapshot(context.state_dir) == {}

    def test_read_only_changes_no_byte(self, make_store: StoreFactory, context: RunContext, tmp_path: Path) -> None:
        """A store that only looks sees everything, after a clean end and after a kill, and changes no byte."""
        closed, killed = moved(context, tmp_path / "closed"), moved(context, tmp_path / "killed")
        in_child(tasks.write_and_close, make_store, closed, 2)
        self._leave_open(make_store, killed, 2)
        for place in (closed, killed):
            before = snapshot(place.state_dir)

            found = in_child(tasks.read, make_store, replace(place, read_only=True))

            assert (exact(found.entries), found.damage) == (exact(groups(2)), "")
            assert snapshot(place.state_dir) == before

    def test_read_only_refuses_to_write(self, make_store: StoreFactory, context: RunContext) -> None:
        """A store that only looks answers every attempt to write with a `StoreError`, and nothing is written."""
        in_child(tasks.write_and_close, make_store, context, 1)
        before = snapshot(context.state_dir)
        store = make_store(replace(context, read_only=True))
        writes: Sequence[Callable[[], None]] = (
            lambda: store.append(group(1 + GROUP)),
            lambda: store.write_checkpoint(checkpoint("c9")),
            lambda: store.remove_checkpoint("c1"),
        )

        for write in writes:
            with pytest.raises(StoreError):
                write()

        store.close()
        assert snapshot(context.state_dir) == before

    # ------------------------------------------------------------------------------------------------------------------

    def _kill_at_steps(self, make: StoreFactory, context: RunContext, before: int) -> None:
        steps = in_child(tasks.append_dying, make, moved(context, context.state_dir / "count"), before, None)
        cases: list[Case] = []
        for step in spread(steps, self.samples):
            place = moved(context, context.state_dir / str(step))
            cases += [(tasks.append_dying, (make, place, before, step)), (tasks.go_on, (make, place))]

        for ending, (_, arguments) in zip(in_children(cases)[1::2], cases[1::2], strict=True):
            found: tasks.GoneOn = ending.returned()
            assert not found.before.damage
            assert len(found.before.entries) >= before * GROUP
            assert found.kept
            assert_goes_on(found, groups(before + 1), f"killed at step {arguments[1].state_dir.name} of {steps}")

    def _leave_open(self, make: StoreFactory, context: RunContext, count: int) -> None:
        """A store as a killed process leaves it."""
        with Child(tasks.write_and_stay, make, context, count) as writer:
            assert next(writer.reports()) == "written"
            writer.kill()

    def _assert_synced(self, folder: Path, change: Callable[[], None]) -> None:
        if not can_tell(folder):
            pytest.skip("it cannot be told what is on the disk: this takes Linux 6.5, and --basetemp on a real disk")
        before = {path: path.stat().st_mtime_ns for path in files(folder)}
        change()
        changed = [path for path in files(folder) if path.stat().st_mtime_ns != before.get(path)]
        assert changed, "no file changed"
        waiting = {path.name: pages_in_memory_only(path) for path in changed}
        assert 0 in waiting.values(), f"pages that only memory holds: {waiting}"
