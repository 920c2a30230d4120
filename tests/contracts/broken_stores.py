"""Stores that each break a rule on purpose; the contract has to notice."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from breaking import breaks, tried
from plain_store import HEADER, PlainStore

from ihacpa_core import BrokenCheckpoint, CheckpointData, JournalEntry, RunContext, RunMetrics, StoreError
from ihacpa_core.testing.contracts import CheckpointStoreContract

pytest_plugins = ["ihacpa_core.testing.plugin"]

# --- what comes back --------------------------------------------------------------------------------------------------


@breaks("entries_come_back_as_they_were")
class ForgetsKinds(PlainStore):
    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        return (replace(entry, kind="outcome") for entry in super().entries(run_id))


@breaks("entries_come_back_as_they_were")
class TurnsNumbersToText(PlainStore):
    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        for entry in super().entries(run_id):
            yield replace(entry, payload=json.loads(json.dumps(dict(entry.payload)), parse_float=str))


@breaks("entries_come_back_in_order")
class NewestFirst(PlainStore):
    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        return reversed(list(super().entries(run_id)))


@breaks("entries_come_back_in_order")
class StopsAtAHundred(PlainStore):
    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        return iter(list(super().entries(run_id))[:100])


@breaks("runs_are_listed_oldest_first")
class SortsRuns(PlainStore):
    def runs(self) -> Sequence[str]:
        return sorted(super().runs())


@breaks("appending_nothing_changes_nothing")
class TripsOverNothing(PlainStore):
    def append(self, entries: Sequence[JournalEntry]) -> None:
        assert entries[0].sequence
        super().append(entries)


@breaks("gap_is_refused")
class AcceptsGaps(PlainStore):
    def _check(self, document: dict[str, Any]) -> None:
        return None


@breaks("group_is_kept_whole_or_not_at_all", "killed_at_each_step_of_an_append", "reader_beside_a_writer")
class KeepsHalfAGroup(PlainStore):
    def append(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            super().append([entry])
            time.sleep(0.002)


@breaks("threads_may_take_turns")
class BoundToItsThread(PlainStore):
    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        self._thread = threading.get_ident()

    def append(self, entries: Sequence[JournalEntry]) -> None:
        if threading.get_ident() == self._thread:
            super().append(entries)


# --- opened again -----------------------------------------------------------------------------------------------------


@breaks("opened_again_after_closing", "checkpoints_come_back_as_they_were")
class ForgetsOnClosing(PlainStore):
    def close(self) -> None:
        self._path.unlink(missing_ok=True)


@breaks("read_by_another_process", "killed_at_any_moment", "acknowledged_is_on_the_disk")
class WritesOnClosing(PlainStore):
    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        self._kept: list[JournalEntry] = []

    def append(self, entries: Sequence[JournalEntry]) -> None:
        self._kept += entries

    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        yield from super().entries(run_id)
        yield from (entry for entry in self._kept if entry.run_id == run_id)

    def close(self) -> None:
        super().append(self._kept)


# --- kills and loss of power ------------------------------------------------------------------------------------------


@breaks("killed_at_each_step_of_an_append", "killed_at_each_step_of_a_checkpoint")
class RewritesInPlace(PlainStore):
    def _write(self, file: int, frame: bytes) -> None:
        content = self._content() or HEADER
        os.ftruncate(file, 0)
        os.pwrite(file, content + frame, 0)
        os.fsync(file)


@breaks("killed_while_the_store_is_made")
class IsMadeInTwoSteps(PlainStore):
    def _write(self, file: int, frame: bytes) -> None:
        if not self._content():
            os.write(file, b"to be filled in\n")
            os.ftruncate(file, 0)
        super()._write(file, frame)


@breaks("killed_at_each_step_of_a_checkpoint")
class RemovesBeforeItReplaces(PlainStore):
    def write_checkpoint(self, data: CheckpointData) -> None:
        self.remove_checkpoint(data.checkpoint_id)
        super().write_checkpoint(data)


@breaks("acknowledged_is_on_the_disk", "checkpoint_is_on_the_disk")
class ForgetsFsync(PlainStore):
    def _sync(self, file: int) -> None:
        return None


# --- damage -----------------------------------------------------------------------------------------------------------


@breaks("torn_file")
class WritesAfterATornLine(PlainStore):
    def _write(self, file: int, frame: bytes) -> None:
        if self._content().startswith(HEADER):
            os.lseek(file, 0, os.SEEK_END)
            os.write(file, frame)
        else:
            super()._write(file, frame)


@breaks("altered_byte_is_never_believed")
class HasNoChecksums(PlainStore):
    def _unframed(self, line: bytes) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(line.partition(b" ")[2])
        except ValueError as error:
            raise StoreError("a line is damaged") from error
        return document


@breaks("altered_byte_is_never_believed")
class SkipsDamagedLines(PlainStore):
    def _documents(self) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            try:
                yield self._unframed(line)
            except StoreError:
                continue


@breaks("something_else_in_its_place_is_refused")
class TakesAnything(PlainStore):
    def _content(self) -> bytes:
        content = super()._content()
        return content if content.startswith(b"plain store") else b""


@breaks("newer_version_is_refused")
class ReadsLaterVersions(PlainStore):
    def _is_known(self, content: bytes) -> bool:
        return content.startswith(b"plain store ")


@breaks("system_errors_are_told_as_our_own")
class LetsSystemErrorsOut(PlainStore):
    @contextmanager
    def _told(self) -> Iterator[None]:
        yield


@breaks("no_room")
class IgnoresAFullDisk(PlainStore):
    def _write(self, file: int, frame: bytes) -> None:
        try:
            super()._write(file, frame)
        except OSError:
            return


# --- several at once --------------------------------------------------------------------------------------------------


@breaks("writers_do_not_mix")
class HasNoLock(PlainStore):
    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield file
        finally:
            os.close(file)

    def _check(self, document: dict[str, Any]) -> None:
        super()._check(document)
        time.sleep(0.005)


@breaks("writer_that_comes_late_is_refused")
class RemembersItsPlace(PlainStore):
    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        self._known = list(super()._documents())

    def _check(self, document: dict[str, Any]) -> None:
        documents, self._documents = self._documents, lambda: iter(self._known)
        try:
            super()._check(document)
        finally:
            self._documents = documents
        self._known.append(document)


# --- checkpoints ------------------------------------------------------------------------------------------------------


@breaks("checkpoints_come_back_as_they_were")
class LosesMetrics(PlainStore):
    def write_checkpoint(self, data: CheckpointData) -> None:
        super().write_checkpoint(replace(data, metrics=RunMetrics()))


@breaks("checkpoint_of_the_same_id_is_replaced")
class KeepsTheFirstCheckpoint(PlainStore):
    def write_checkpoint(self, data: CheckpointData) -> None:
        if all(known.checkpoint_id != data.checkpoint_id for known in self.checkpoints(data.run_id)):
            super().write_checkpoint(data)


@breaks("removed_checkpoint_is_gone")
class RemovesNothing(PlainStore):
    def remove_checkpoint(self, checkpoint_id: str) -> None:
        return None


@breaks("damaged_checkpoint_is_left_out")
class StopsAtDamagedCheckpoints(PlainStore):
    def checkpoints(self, run_id: str) -> Sequence[CheckpointData]:
        list(self._documents())
        return super().checkpoints(run_id)


@breaks("damaged_checkpoint_is_left_out", "torn_or_altered_checkpoint_is_never_believed")
class BelievesDamagedCheckpoints(HasNoChecksums):
    def _decoded(self, document: dict[str, Any]) -> CheckpointData:
        content = {name: value for name, value in document.items() if name != "checksum"}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return super()._decoded({**content, "checksum": sha256(text.encode()).hexdigest()})


@breaks("damaged_checkpoint_is_named", "checkpoint_of_a_newer_version_is_named")
class KeepsQuietAboutBrokenCheckpoints(PlainStore):
    def broken_checkpoints(self) -> Sequence[BrokenCheckpoint]:
        return []


@breaks("damaged_checkpoint_can_be_removed")
class CannotRemoveWhatIsBroken(PlainStore):
    def remove_checkpoint(self, checkpoint_id: str) -> None:
        if any(
            data.checkpoint_id == checkpoint_id for data in self._all_checkpoints() if isinstance(data, CheckpointData)
        ):
            super().remove_checkpoint(checkpoint_id)


@breaks("checkpoint_of_a_newer_version_is_named")
class StopsAtLaterCheckpoints(PlainStore):
    def _decoded(self, document: dict[str, Any]) -> CheckpointData:
        if document["schema"] > 1:
            raise ValueError(document)
        return super()._decoded(document)


@breaks("whole_checkpoints_are_not_named")
class NamesWhatWasReplaced(PlainStore):
    def broken_checkpoints(self) -> Sequence[BrokenCheckpoint]:
        written = [document["checkpoint"] for document in self._documents() if "checkpoint" in document]
        ids = [document["checkpoint_id"] for document in written]
        return [BrokenCheckpoint(name, "it is old") for name in dict.fromkeys(ids) if ids.count(name) > 1]


# --- only looking -----------------------------------------------------------------------------------------------------


@breaks("read_only_makes_nothing")
class MakesItsFileAtOnce(PlainStore):
    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        self._path.touch()


@breaks("read_only_changes_no_byte")
class NotesEachReading(PlainStore):
    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        found = list(super().entries(run_id))
        self._path.with_name("readings").write_text(str(len(found)))
        return iter(found)


@breaks("read_only_refuses_to_write")
class DoesNotKnowReadOnly(PlainStore):
    def __init__(self, context: RunContext) -> None:
        super().__init__(replace(context, read_only=False))


# ----------------------------------------------------------------------------------------------------------------------


def newer_plain(state_dir: Path) -> None:
    """Raise the version in the header."""
    path = state_dir / "journal.log"
    path.write_bytes(path.read_bytes().replace(HEADER, b"plain store 2\n", 1))


@pytest.fixture
def make_newer(self: Any) -> Callable[[Path], None]:
    return newer_plain


globals().update(tried(globals(), CheckpointStoreContract, "make_store", make_newer=make_newer))
