"""Leads events to progress reporters."""

from __future__ import annotations

from ihacpa_core.engine.tracker import Listener
from ihacpa_core.events import EVENT_NAMES, Event
from ihacpa_core.roles import ProgressReporter


def reporter_listener(reporter: ProgressReporter) -> Listener:
    """A listener that calls the reporter's method for each event."""
    methods = {kind: getattr(reporter, f"on_{name}") for kind, name in EVENT_NAMES.items()}

    def listen(event: Event) -> None:
        methods[type(event)](event)

    return listen
