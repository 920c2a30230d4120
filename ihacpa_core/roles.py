"""The roles that plugins fill, one abstract class each.

A role says what the core promises to it, what it promises in return, and what it may raise. Whatever has to be
right for nothing to be lost (locking, backup, verification, atomic replacement, the order of commit and save) is not
here: it is the core's, the same for every plugin.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ihacpa_core.events import (
    BatchCommitted,
    BatchStarted,
    CheckpointWritten,
    RecordFinished,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
)
from ihacpa_core.fileops import FileOps
from ihacpa_core.journal import JournalEntry
from ihacpa_core.records import CellUpdate, Headers, Outcome, Record
from ihacpa_core.state import BatchMetrics, BatchState, BrokenCheckpoint, CheckpointData, Fingerprint


def _no_warning(message: str) -> None:
    """Drop a warning: the context of a part that is used outside a run."""


def _no_part(role: str, name: str) -> Any:
    raise LookupError(f"no part {role}:{name} outside a run")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What a part may know about the run that it serves.

    :param workbook: the file that is written, links resolved.
    :param state_dir: this workbook's own folder for state, mode 0700; it exists while a run goes on.
    :param config_dir: the folder that relative paths in the settings start from.
    :param read_only: nothing may be created or changed: the run is only being looked at.
    :param argument: what followed the offer's name: ``my.py:f`` of ``python:my.py:f``.
    :param warn: tells the person something that stops nothing; callable from the main thread.
    :param files: the file system; what a part creates, writes or removes goes through it, so that tests can fail it.
    :param part: builds another offer that the options named through `Offer.needs`: ``part("source", "pypi")``.
    """

    run_id: str
    workbook: Path
    state_dir: Path
    config_dir: Path
    read_only: bool = False
    argument: str = ""
    warn: Callable[[str], None] = _no_warning
    files: FileOps = field(default_factory=FileOps)
    part: Callable[[str, str], Any] = _no_part


# --- strategy ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Close:
    """A strategy's word that the open batch ends here, and whether it asks for a save."""

    reason: str
    save: bool = True


class BatchStrategy(ABC):
    """Decides where a batch ends. Called in the main thread; never touches records, files or clocks of the run."""

    @abstractmethod
    def next_size(self, state: BatchState) -> int:
        """How many records the batch that is about to open takes at the most, at least 1."""

    def should_close(self, state: BatchState) -> Close | None:
        """Whether the open batch ends now. Asked after each record that became durable; None lets it go on."""
        return None

    def observe(self, metrics: BatchMetrics) -> None:
        """Learn from a batch that was committed."""


# --- checkpoint -------------------------------------------------------------------------------------------------------


class CheckpointStore(ABC):
    """Keeps the journal, append-only, and the checkpoints. One process writes; any number may read.

    The core calls the methods that write from one thread at a time, not always the same one.
    """

    @abstractmethod
    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Add `entries`, all or none; on return they survive a kill and a loss of power.

        :raises StoreError: they could not be made durable; none of them will be seen by `entries`.
        """

    @abstractmethod
    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        """All entries of a run, in the order in which they were appended.

        :raises StoreError: an entry is damaged; what was read before it is right.
        """

    @abstractmethod
    def runs(self) -> Sequence[str]:
        """The ids of all runs, oldest first."""

    @abstractmethod
    def write_checkpoint(self, data: CheckpointData) -> None:
        """Keep `data` durably, replacing one of the same id.

        :raises StoreError: it could not be made durable.
        """

    @abstractmethod
    def checkpoints(self, run_id: str) -> Sequence[CheckpointData]:
        """The checkpoints of a run that are whole, oldest first. Damaged ones are left out."""

    @abstractmethod
    def broken_checkpoints(self) -> Sequence[BrokenCheckpoint]:
        """Those that `checkpoints` leaves out, of whatever run: torn, altered, or of a newer version."""

    @abstractmethod
    def remove_checkpoint(self, checkpoint_id: str) -> None:
        """Forget a checkpoint; one that is not there is no error."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything that is held open. Nothing is lost without it."""


# --- save -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a save would lose.

    :param what: what it is, as a person calls it, with how many and where.
    :param remade: Excel makes it again by itself on opening, so that it is a warning and no more.
    """

    what: str
    remade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReceipt:
    """What a session wrote: how many of the updates changed their cell, and how many stood there already."""

    changed: int
    unchanged: int = 0


class SaveSession(ABC):
    """One workbook, held open for saving again and again.

    Atomicity is not a backend's business: a session writes `target`, and the core verifies it and replaces the
    original. Called from one thread at a time, not always the same one.
    """

    @abstractmethod
    def write(self, target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
        """Write the whole workbook with `updates`, those since the last confirmed save, to `target`, an empty file.

        Every part of the workbook that no update names comes out as it went in, or was named by `inspect`. Text is
        written as text, whatever it begins with. The core has normalised the values and dropped updates of cells that
        hold a formula that is to be kept.

        :raises WorkbookError: an update names a cell that cannot hold the value.
        :raises OSError: `target` cannot be written.
        """

    @abstractmethod
    def committed(self, fingerprint: Fingerprint) -> None:
        """Take notice that the last `write` is the workbook now."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the workbook and of everything temporary."""


class SaveBackend(ABC):
    """Turns cell updates into a workbook file."""

    accept_loss: bool = False
    """Whether the settings accept what `inspect` says would be lost for good; without that the run does not start."""

    @abstractmethod
    def inspect(self, source: Path) -> Sequence[Loss]:
        """What a save with this backend would lose from `source`; nothing is written beside it.

        :raises WorkbookError: the backend cannot work on this workbook.
        """

    @abstractmethod
    def open(self, source: Path, sheet: str) -> SaveSession:
        """Open `source` for updates of `sheet`. The session holds what the file holds now.

        :raises WorkbookError: it cannot be read, or lacks the sheet.
        """


# --- progress ---------------------------------------------------------------------------------------------------------


class ProgressReporter:
    """Shows a run. Overrides the events that it wants to hear; an exception is counted and shown, nothing more."""

    def on_run_started(self, event: RunStarted) -> None:
        """The run begins or goes on."""

    def on_batch_started(self, event: BatchStarted) -> None:
        """A batch is open."""

    def on_record_finished(self, event: RecordFinished) -> None:
        """An outcome is durable."""

    def on_batch_committed(self, event: BatchCommitted) -> None:
        """All outcomes of a batch are durable."""

    def on_workbook_saved(self, event: WorkbookSaved) -> None:
        """The workbook was replaced."""

    def on_checkpoint_written(self, event: CheckpointWritten) -> None:
        """A checkpoint is durable."""

    def on_warning(self, event: WarningRaised) -> None:
        """A person should know something."""

    def on_run_finished(self, event: RunFinished) -> None:
        """The run ended or was interrupted."""

    def close(self) -> None:
        """Leave the terminal and the files as they should be. Called once, whatever happened."""


# --- processor --------------------------------------------------------------------------------------------------------


class Processor(ABC):
    """Turns a record into an outcome. Its methods run on the event loop of the main thread, but for `bind`."""

    concurrency: int = 1
    """How many records may be in flight at once."""

    inputs: Sequence[str] = ()
    """The columns (letters) that outcomes are made from, after `bind`; empty if each outcome names its own."""

    notes: Sequence[str] = ()
    """What a person should know about the results, a sentence each; read when the run is over, after `close`."""

    @abstractmethod
    def bind(self, headers: Headers) -> Sequence[str]:
        """Find the columns in the sheet; returns the letters that outcomes may write, empty if that is not known.

        Called once, before anything else, and before the workbook is touched.

        :raises WorkbookError: the sheet lacks a column that is needed.
        :raises UsageError: the settings name a column that the sheet lacks.
        """

    async def open(self) -> None:
        """Make ready: connections, databases. Called once, before the first record.

        :raises IhacpaError: nothing can be processed; the run stops before its first record.
        """

    async def close(self) -> None:
        """Let go of everything. Called once if `open` was, whatever happened."""

    def prefetch(self, records: Sequence[Record]) -> None:
        """Hear which records come next, to start on what takes long. May be ignored, and must not block."""

    @abstractmethod
    async def process(self, record: Record, context: RunContext) -> Outcome:
        """What becomes of `record`.

        :raises TransientError: trying again may help; so do `OSError` and `TimeoutError`.
        :raises Exception: the record failed; the run goes on.
        """


ProcessRecord = Callable[[Record], Awaitable[Outcome]]
SettleOutcome = Callable[[Outcome], Awaitable[None]]


class Executor(ABC):
    """Runs the records of a batch, several at once."""

    @abstractmethod
    async def run(
        self, records: Iterator[Record], process: ProcessRecord, settle: SettleOutcome, concurrency: int
    ) -> None:
        """Take `records` one by one, `process` each, `settle` each outcome; return when all are settled.

        `process` does not raise. `settle` makes an outcome durable and must run here, in the main thread. A record is
        in flight from being taken until its `settle` returned, and never more than `concurrency` are. `records` may end
        early: a record that was not taken belongs to a later batch.

        :raises StoreError: `settle` raised it; every other record in flight was cancelled first.
        """
