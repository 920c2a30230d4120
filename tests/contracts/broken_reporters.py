"""Reporters that each break a rule on purpose; the contract has to notice."""

from __future__ import annotations

import sys
import threading

from breaking import breaks, tried

from ihacpa_core import (
    BatchCommitted,
    ProgressReporter,
    RecordFinished,
    RunContext,
    RunFinished,
    RunStarted,
    WarningRaised,
)
from ihacpa_core.testing.contracts import ProgressReporterContract

pytest_plugins = ["ihacpa_core.testing.plugin"]


class Quiet(ProgressReporter):
    def __init__(self, context: RunContext) -> None:
        self._folder = context.config_dir


@breaks("listens_to_events_that_exist")
class MisspellsAnEvent(Quiet):
    def on_record_done(self, event: RecordFinished) -> None:
        sys.stderr.write("done\n")


@breaks("hears_a_whole_run")
class KnowsThreeStates(Quiet):
    def on_record_finished(self, event: RecordFinished) -> None:
        {"done": 1, "failed": 2}[event.outcome.status]


@breaks("hears_a_run_of_nothing")
class DividesByTheTotal(Quiet):
    def on_batch_committed(self, event: BatchCommitted) -> None:
        self._share = event.finished / event.total


@breaks("any_event_may_come_first")
class WaitsForTheBeginning(Quiet):
    def on_run_started(self, event: RunStarted) -> None:
        self._total = event.total

    def on_record_finished(self, event: RecordFinished) -> None:
        self._left = self._total - event.finished


@breaks("closes_after_any_event")
class ClosesWhatItNeverOpened(Quiet):
    def on_run_started(self, event: RunStarted) -> None:
        self._file = (self._folder / "log").open("a")

    def close(self) -> None:
        self._file.close()


@breaks("closes_after_any_event")
class ClosesOnce(Quiet):
    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        self._lines = [""]

    def close(self) -> None:
        self._lines.pop()


@breaks("no_control_characters_without_a_terminal")
class AlwaysInColour(Quiet):
    def on_warning(self, event: WarningRaised) -> None:
        sys.stderr.write(f"\x1b[33m{event.message!a}\x1b[0m\n")


@breaks("no_control_characters_without_a_terminal")
class BelievesNames(Quiet):
    def on_record_finished(self, event: RecordFinished) -> None:
        with (self._folder / "names.log").open("a") as file:
            file.write(f"{event.outcome.id.key}\n")


@breaks("no_control_characters_without_a_terminal")
class DrawsOverItsLine(Quiet):
    def on_batch_committed(self, event: BatchCommitted) -> None:
        sys.stderr.write(f"\r{event.finished}")


@breaks("standard_output_is_left_alone")
class Prints(Quiet):
    def on_run_finished(self, event: RunFinished) -> None:
        sys.stdout.write("finished\n")


@breaks("leaves_no_thread")
class LeavesItsThread(Quiet):
    def on_run_started(self, event: RunStarted) -> None:
        threading.Thread(target=threading.Event().wait, args=(2,), daemon=True).start()


globals().update(tried(globals(), ProgressReporterContract, "make_reporter"))
