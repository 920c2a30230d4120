"""The observer `acme-notify`: JSON lines for a dashboard, one for each batch that is durable and one at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ihacpa_core import BatchCommitted, Parser, RunFinished, RunStarted, hookimpl

_TABLE, _KEY, _DEFAULT = "acme-notify", "file", "acme-notify.jsonl"


class Notifier:
    """Appends to the file that the settings name, ``acme-notify.jsonl`` beside the workbook by default.

    It only watches: a file that cannot be written is told as a warning of the run, and the run goes on.
    """

    ihacpa_hook_api = 1

    def __init__(self) -> None:
        self._name = _DEFAULT
        self._path: Path | None = None
        self._run_id = ""

    @hookimpl
    def ihacpa_addoption(self, parser: Parser) -> None:
        parser.addoption(
            f"--{_TABLE}-{_KEY}",
            help="where acme-notify writes, from the workbook's folder on",
            default=_DEFAULT,
            toml=f"{_TABLE}.{_KEY}",
        )

    @hookimpl
    def ihacpa_configure(self, settings: Mapping[str, Any]) -> None:
        self._name = settings[_TABLE][_KEY]

    @hookimpl
    def ihacpa_run_started(self, event: RunStarted) -> None:
        self._path = event.workbook.parent / self._name
        self._run_id = event.run.run_id

    @hookimpl
    def ihacpa_batch_committed(self, event: BatchCommitted) -> None:
        batch = event.batch
        self._append(
            "batch-committed",
            batch=batch.number,
            records=batch.records,
            failed=batch.failed,
            finished=event.finished,
            total=event.total,
        )

    @hookimpl
    def ihacpa_run_finished(self, event: RunFinished) -> None:
        metrics = event.metrics
        self._append(
            "run-finished",
            state=event.state,
            exit_code=int(event.exit_code),
            done=metrics.done,
            failed=metrics.failed,
            skipped=metrics.skipped,
        )

    def _append(self, event: str, **facts: object) -> None:
        if self._path is None:
            return
        told = {"event": event, "at": datetime.now(UTC).isoformat(timespec="seconds"), "run": self._run_id, **facts}
        line = json.dumps(told, separators=(",", ":")).encode() + b"\n"
        # One write in append mode: a kill leaves whole lines, and two runs may share a file.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


plugin = Notifier()
