"""The log file of a run: one line an event, with the time, that a person can read; never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO
from urllib.parse import quote, quote_plus

from ihacpa_core.errors import StoreError
from ihacpa_core.events import (
    BatchCommitted,
    BatchStarted,
    CheckpointWritten,
    Event,
    RecordFinished,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
)
from ihacpa_core.fileops import FileOps
from ihacpa_core.records import Outcome, Status
from ihacpa_core.text import counted, duration, one_line

LOGGER = "ihacpa"
"""The name of the logger that everything of ours, and of plugins that like to, writes to."""

_SHORTEST_SECRET = 4  # letters; masking shorter ones would make the log unreadable and hide nothing


# --- secrets ----------------------------------------------------------------------------------------------------------


class Secrets:
    """Values that must not be written anywhere; `mask` takes them out of a text."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: tuple[str, ...] = ()
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """Keep `value` out of every text from now on, also in the forms it takes in an address and in JSON."""
        value = value.strip()
        if len(value) < _SHORTEST_SECRET:
            return
        forms = {
            value,
            quote(value, safe=""),
            quote(value),
            quote_plus(value),
            json.dumps(value)[1:-1],
            repr(value)[1:-1],
        }
        # The longest first, so that no part of one is left standing.
        self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))

    def mask(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, "***")
        return text


class _MaskingFormatter(logging.Formatter):
    """``2026-01-02T03:04:05.678+01:00 WARNING text``; masks the whole of it, a traceback too."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")
        self._secrets = secrets

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.mask(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = one_line(record.message)
        return super().formatMessage(record)


# --- the file ---------------------------------------------------------------------------------------------------------


class _FileHandler(logging.StreamHandler[TextIO]):
    """Writes lines; a disk that takes no more of them is counted and does not stop the run."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        self.lost += 1


class Logbook:
    """The log of one run, open between `attach` and `detach`; a context manager that does both.

    A run that goes on appends to the same file.

    :param path: the file, made for its owner's eyes only; its folder is there.
    """

    def __init__(
        self,
        path: Path,
        secrets: Secrets | None = None,
        level: int = logging.INFO,
        files: FileOps | None = None,
    ) -> None:
        self.path = path
        self._files = files or FileOps()
        self._secrets = secrets or Secrets()
        self._level = level
        self._logger = logging.getLogger(LOGGER)
        self._level_before = self._logger.level
        self._handler: _FileHandler | None = None
        self._lost_before = 0

    @property
    def lost(self) -> int:
        """How many lines could not be written."""
        return self._lost_before + (self._handler.lost if self._handler else 0)

    def attach(self) -> None:
        """Open the file and listen to the logger.

        :raises StoreError: the file cannot be opened.
        """
        try:
            file = self._files.open_appending(self.path)
            # Each line goes out as it is told: what a buffer holds dies with the process.
            stream = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", write_through=True)
        except OSError as error:
            raise StoreError(
                f"the log {self.path} cannot be opened",
                why=error.strerror or str(error),
                hint=f"check that you may write to {self.path.parent}",
            ) from error
        self._handler = _FileHandler(stream)
        self._handler.setFormatter(_MaskingFormatter(self._secrets))
        self._level_before = self._logger.level
        self._logger.setLevel(self._level)
        self._logger.addHandler(self._handler)

    def detach(self) -> None:
        """Close the file. Once is enough; more does no harm."""
        if self._handler is None:
            return
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level_before)
        handler, self._handler = self._handler, None
        try:
            handler.stream.close()
        except OSError:
            handler.lost += 1  # what was still to be written when the disk was full
        self._lost_before += handler.lost

    def note(self, event: Event) -> None:
        """Write the line of an event; `RecordFinished` of a record that is done goes to the debug level."""
        level, text = describe(event)
        self._logger.log(level, "%s", text)

    def __enter__(self) -> Self:
        self.attach()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.detach()


# --- the words --------------------------------------------------------------------------------------------------------


def describe(event: Event) -> tuple[int, str]:
    """An event as a logging level and a sentence."""
    match event:
        case RunStarted():
            return logging.INFO, _run_started(event)
        case BatchStarted(number=number, size=size):
            return logging.INFO, f"batch {number} started, at most {counted(size, 'record')}"
        case RecordFinished(outcome=outcome):
            return _record_finished(outcome)
        case BatchCommitted():
            return logging.INFO, _batch_committed(event)
        case WorkbookSaved(path=path, cells=cells, seconds=seconds, fingerprint=fingerprint):
            return logging.INFO, (
                f"saved {path}: {counted(cells, 'cell')} in {duration(seconds)}, SHA-256 {fingerprint.sha256}"
            )
        case CheckpointWritten(checkpoint_id=name, batch=batch, seconds=seconds):
            return logging.INFO, f"checkpoint {name} written after batch {batch} in {duration(seconds)}"
        case WarningRaised(message=message, source=source):
            return logging.WARNING, f"{source}: {message}"
        case RunFinished():
            return logging.INFO, _run_finished(event)


def _run_started(event: RunStarted) -> str:
    verb = "is resumed" if event.resumed else "begins"
    return (
        f"run {event.run.run_id} {verb} on {event.workbook}, sheet {event.run.sheet}:"
        f" {event.left} of {counted(event.total, 'record')} to do, {event.concurrency} at a time"
    )


def _record_finished(outcome: Outcome) -> tuple[int, str]:
    text = f"row {outcome.row} {outcome.id}: {outcome.status} in {duration(outcome.seconds)}"
    if outcome.attempts > 1:
        text += f" after {outcome.attempts} attempts"
    if outcome.error is not None:
        text += f": {outcome.error.kind}: {outcome.error.message}"
    if outcome.unchecked:
        text += f"; not checked: {'; '.join(outcome.unchecked)}"
    noteworthy = outcome.status is Status.FAILED or outcome.unchecked
    return (logging.WARNING if noteworthy else logging.DEBUG), text


def _batch_committed(event: BatchCommitted) -> str:
    batch = event.batch
    return (
        f"batch {batch.number} committed: {counted(batch.records, 'record')}, {batch.failed} failed,"
        f" {duration(batch.seconds)}, closed by {batch.closed_by}; {event.finished} of {event.total} finished"
    )


def _run_finished(event: RunFinished) -> str:
    metrics = event.metrics
    slowest = ", ".join(f"{name} {duration(seconds)}" for name, seconds in metrics.slowest)
    return (
        f"run {event.run.run_id} {event.state}, exit code {int(event.exit_code)}: {metrics.done} done,"
        f" {metrics.failed} failed, {metrics.skipped} skipped, {counted(metrics.batches, 'batch', 'batches')},"
        f" {counted(metrics.saves, 'save')}, {counted(metrics.checkpoints, 'checkpoint')},"
        f" {counted(metrics.retries, 'retry', 'retries')};"
        f" {duration(metrics.wall_seconds)} in all, {duration(metrics.processing_seconds)} processing,"
        f" {duration(metrics.saving_seconds)} saving, {duration(metrics.waiting_seconds)} waiting;"
        f" {metrics.records_per_second:.1f} records a second, {metrics.peak_memory} bytes of memory at the peak"
        + (f"; slowest: {slowest}" if slowest else "")
    )
