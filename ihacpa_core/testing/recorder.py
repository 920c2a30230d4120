"""A hook plugin that notes every event, and can say in which order they came.

A test names this module among the plugins of a run in the same process::

    def test_tells_of_each_save(hook_recorder):
        ihacpa_core.run("book.xlsx", processor=work, plugins=[hook_recorder.plugin])

        hook_recorder.assert_order("run_started", "batch_committed", "workbook_saved", "run_finished")

or registers the recorder itself with a plugin manager of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self, TypeVar

from ihacpa_core.events import (
    EVENT_NAMES,
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
from ihacpa_core.markers import hookimpl

E = TypeVar("E")

_listening: list[HookRecorder] = []


class HookRecorder:
    """The events of a run, in the order in which observers heard them.

    As a context manager it also hears, while it is open, what the plugin called `plugin` is told in this process.
    """

    plugin = __name__
    """The word that puts this module among the plugins of a run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def names(self) -> list[str]:
        """What was heard, by the hooks' names without ``ihacpa_``."""
        return [EVENT_NAMES[type(event)] for event in self.events]

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def clear(self) -> None:
        """Forget what was heard."""
        self.events.clear()

    def assert_order(self, *names: str) -> None:
        """See that these events were heard in this order; others may lie between them.

        :raises AssertionError: the first one that is missing at its place.
        """
        heard = iter(self.names)
        for number, name in enumerate(names):
            if name not in heard:
                before = f" after {names[number - 1]}" if number else ""
                raise AssertionError(f"no {name}{before}; heard: {_folded(self.names)}")

    def __enter__(self) -> Self:
        _listening.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _listening.remove(self)

    @hookimpl
    def ihacpa_run_started(self, event: RunStarted) -> None:
        self.events.append(event)

    @hookimpl
    def ihacpa_batch_started(self, event: BatchStarted) -> None:
        self.events.append(event)

    @hookimpl
    def ihacpa_record_finished(self, event: RecordFinished) -> None:
        self.events.append(event)

    @hookimpl
    def ihacpa_batch_committed(self, event: BatchCommitted) -> None:
        self.events.append(event)

    @hookimpl
    def ihacpa_workbook_saved(self, event: WorkbookSaved) -> None:
        self.events.append(event)

    @hookimpl
    def ihacpa_checkpoint_written(self, event: CheckpointWritten) -> None:
        self.events.append(event)

    @hookimpl
    def ihacpa_warning(self, event: WarningRaised) -> None:
        self.events.append(event)

    @hookimpl
    def ihacpa_run_finished(self, event: RunFinished) -> None:
        self.events.append(event)


def _folded(names: Sequence[str]) -> str:
    """``run_started, record_finished x 30, ...``: what was heard, repetitions counted."""
    parts: list[tuple[str, int]] = []
    for name in names:
        count = parts.pop()[1] if parts and parts[-1][0] == name else 0
        parts.append((name, count + 1))
    return ", ".join(name if count == 1 else f"{name} x {count}" for name, count in parts) or "nothing"


def _hear(event: Event) -> None:
    for recorder in _listening:
        recorder.events.append(event)


@hookimpl
def ihacpa_run_started(event: RunStarted) -> None:
    _hear(event)


@hookimpl
def ihacpa_batch_started(event: BatchStarted) -> None:
    _hear(event)


@hookimpl
def ihacpa_record_finished(event: RecordFinished) -> None:
    _hear(event)


@hookimpl
def ihacpa_batch_committed(event: BatchCommitted) -> None:
    _hear(event)


@hookimpl
def ihacpa_workbook_saved(event: WorkbookSaved) -> None:
    _hear(event)


@hookimpl
def ihacpa_checkpoint_written(event: CheckpointWritten) -> None:
    _hear(event)


@hookimpl
def ihacpa_warning(event: WarningRaised) -> None:
    _hear(event)


@hookimpl
def ihacpa_run_finished(event: RunFinished) -> None:
    _hear(event)
