"""The progress reporter `json`: one JSON object a line, for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from io import SEEK_END
from pathlib import Path
from typing import Annotated, Any, TextIO

import msgspec

from ihacpa_core import (
    BatchCommitted,
    BatchStarted,
    CheckpointWritten,
    FileOps,
    Offer,
    Outcome,
    ProgressReporter,
    RecordFinished,
    RunContext,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
    hookimpl,
)

SCHEMA = 1
"""Raised when a field goes or changes its meaning; a new field or type does not raise it."""


class JsonOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[progress.json]``."""

    path: Annotated[
        str,
        msgspec.Meta(description="the file to append to, from the settings' folder on; empty means standard error"),
    ] = ""


def _now() -> datetime:
    return datetime.now(UTC)


class JsonReporter(ProgressReporter):
    """Writes ``{"type": ..., "schema": 1, "time": ..., "run": ..., ...}``, ASCII, a line an event, each flushed.

    :param path: the file to append to, opened with the first event; None means `stream`.
    :param stream: standard error by default.
    """

    def __init__(
        self,
        run_id: str,
        path: Path | None = None,
        stream: TextIO | None = None,
        now: Callable[[], datetime] = _now,
        files: FileOps | None = None,
    ) -> None:
        self._run_id = run_id
        self._path = path
        self._stream = None if path else stream or sys.stderr
        self._now = now
        self._files = files or FileOps()

    def on_run_started(self, event: RunStarted) -> None:
        self._run_id = event.run.run_id  # an earlier run's, if that goes on
        self._write(
            "run_started",
            workbook=str(event.workbook),
            sheet=event.run.sheet,
            started=event.run.started.isoformat(),
            total=event.total,
            left=event.left,
            resumed=event.resumed,
            concurrency=event.concurrency,
        )

    def on_batch_started(self, event: BatchStarted) -> None:
        self._write("batch_started", batch=event.number, size=event.size)

    def on_record_finished(self, event: RecordFinished) -> None:
        fields = _outcome(event.outcome)
        self._write("record_finished", **fields, batch=event.batch, finished=event.finished, total=event.total)

    def on_batch_committed(self, event: BatchCommitted) -> None:
        batch = asdict(event.batch)
        self._write("batch_committed", batch=batch.pop("number"), **batch, finished=event.finished, total=event.total)

    def on_workbook_saved(self, event: WorkbookSaved) -> None:
        self._write(
            "workbook_saved",
            workbook=str(event.path),
            cells=event.cells,
            seconds=event.seconds,
            sha256=event.fingerprint.sha256,
            size=event.fingerprint.size,
        )

    def on_checkpoint_written(self, event: CheckpointWritten) -> None:
        self._write("checkpoint_written", checkpoint=event.checkpoint_id, batch=event.batch, seconds=event.seconds)

    def on_warning(self, event: WarningRaised) -> None:
        self._write("warning", message=event.message, source=event.source)

    def on_run_finished(self, event: RunFinished) -> None:
        metrics = {**asdict(event.metrics), "records_per_second": event.metrics.records_per_second}
        failures = [_outcome(outcome) for outcome in event.failures]
        self._write(
            "run_finished", state=str(event.state), exit_code=int(event.exit_code), metrics=metrics, failures=failures
        )

    def close(self) -> None:
        if self._path is not None and self._stream is not None:
            stream, self._stream = self._stream, None
            with suppress(OSError):  # each line was flushed, and its failure told, when it was written
                stream.close()

    def _write(self, kind: str, **fields: Any) -> None:
        head = {"type": kind, "schema": SCHEMA, "time": self._now().isoformat(), "run": self._run_id}
        if self._stream is None:
            assert self._path is not None  # one of the two is always there
            self._stream = _open_for_lines(self._files, self._path)
        self._stream.write(json.dumps({**head, **fields}) + "\n")
        self._stream.flush()


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "key": outcome.id.key,
        "occurrence": outcome.id.occurrence,
        "row": outcome.row,
        "status": str(outcome.status),
        "level": outcome.level.name.lower(),
        "attempts": outcome.attempts,
        "seconds": outcome.seconds,
        "unchecked": list(outcome.unchecked),
        "error": None if outcome.error is None else asdict(outcome.error),
    }


def _open_for_lines(files: FileOps, path: Path) -> TextIO:
    """`path`, open for appending; a line that a killed run left unfinished is ended first."""
    torn = False
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            file.seek(-1, SEEK_END)
            torn = file.read(1) != b"\n"
    stream = files.open_lines(path, mode=0o666)  # whoever may read is the person's to say, with the process's mask
    if torn:
        stream.write("\n")
    return stream


def _make(options: JsonOptions, context: RunContext) -> JsonReporter:
    path = context.config_dir / Path(options.path).expanduser() if options.path else None
    return JsonReporter(context.run_id, path, files=context.files)


@hookimpl
def ihacpa_progress_reporters() -> list[Offer[ProgressReporter]]:
    return [Offer(name="json", factory=_make, options=JsonOptions, summary="JSON lines for machines")]
