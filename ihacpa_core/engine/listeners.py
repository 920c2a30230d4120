"""Leads events to those who hear them: progress reporters, observers, the log."""

from __future__ import annotations

from ihacpa_core.engine.tracker import Listener
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
from ihacpa_core.roles import ProgressReporter

NAMES: dict[type, str] = {
    RunStarted: "run_started",
    BatchStarted: "batch_started",
    RecordFinished: "record_finished",
    BatchCommitted: "batch_committed",
    WorkbookSaved: "workbook_saved",
    CheckpointWritten: "checkpoint_written",
    WarningRaised: "warning",
    RunFinished: "run_finished",
}
"""What an event is called: ``on_NAME`` of a reporter, ``ihacpa_NAME`` of an observer."""


def reporter_listener(reporter: ProgressReporter) -> Listener:
    """A listener that calls the reporter's method for each event."""
    methods = {kind: getattr(reporter, f"on_{name}") for kind, name in NAMES.items()}

    def listen(event: Event) -> None:
        methods[type(event)](event)

    return listen
