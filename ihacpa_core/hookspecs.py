"""All hook specifications.

Four families. *Offers* yield named implementations of a role. *Steps* return a middleware that surrounds the core's
own call. *Events* tell what became true. *Start-up* hooks shape the command line and the beginning of a run. Each has
the same docstring form: what it is for, when it is called, its arguments, what it returns, what happens if it raises,
and an example, which is a whole plugin and is executed by a test.

Implementations are called in the main thread, in the order of their plugin ids (``ihacpa plugins --hook NAME`` prints
it). Where this says so, a middleware runs elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ihacpa_core.markers import hookspec

if TYPE_CHECKING:
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
    from ihacpa_core.health import HealthCheck
    from ihacpa_core.offers import Offer
    from ihacpa_core.parser import Commands, Parser
    from ihacpa_core.records import CellUpdate, Outcome, Record
    from ihacpa_core.review import ReviewSource
    from ihacpa_core.roles import (
        BatchStrategy,
        CheckpointStore,
        Executor,
        Processor,
        ProgressReporter,
        RunContext,
        SaveBackend,
    )
    from ihacpa_core.state import BatchState

CallNextSize = Callable[["BatchState"], int]
SizeMiddleware = Callable[[CallNextSize, "BatchState"], int]
"""Surrounds the strategy's `next_size`."""

CallNextRecord = Callable[["Record", "RunContext"], Awaitable["Outcome"]]
RecordMiddleware = Callable[[CallNextRecord, "Record", "RunContext"], Awaitable["Outcome"]]
"""Surrounds the processor's `process`."""

CallNextSave = Callable[[Sequence["CellUpdate"]], "WorkbookSaved"]
SaveMiddleware = Callable[[CallNextSave, Sequence["CellUpdate"]], "WorkbookSaved"]
"""Surrounds a whole save: backup, writing, verification, replacement."""

# --- offers -----------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_strategies() -> Iterable[Offer[BatchStrategy]]:
    """Offer batch strategies.

    *Called* once, when the settings select one of them.
    *Arguments*: none.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        from ihacpa_core import BatchStrategy, Offer, hookimpl

        class Doubling(BatchStrategy):
            def next_size(self, state):
                return 2 * state.last.records if state.last else 1

        @hookimpl
        def ihacpa_strategies():
            return [Offer(name="doubling", factory=lambda options, context: Doubling())]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_checkpoint_stores() -> Iterable[Offer[CheckpointStore]]:
    """Offer checkpoint stores.

    *Called* once, when the settings select one of them.
    *Arguments*: none.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        from ihacpa_core import CheckpointStore, Offer, hookimpl

        class Forgetful(CheckpointStore):  # shows the methods; a real store makes them durable
            def __init__(self):
                self.journal, self.kept = [], {}

            def append(self, entries):
                self.journal += entries

            def entries(self, run_id):
                return (entry for entry in self.journal if entry.run_id == run_id)

            def runs(self):
                return list(dict.fromkeys(entry.run_id for entry in self.journal))

            def write_checkpoint(self, data):
                self.kept[data.checkpoint_id] = data

            def checkpoints(self, run_id):
                return [data for data in self.kept.values() if data.run_id == run_id]

            def broken_checkpoints(self):
                return []

            def remove_checkpoint(self, checkpoint_id):
                self.kept.pop(checkpoint_id, None)

            def close(self):
                self.journal, self.kept = [], {}

        @hookimpl
        def ihacpa_checkpoint_stores():
            return [Offer(name="forgetful", factory=lambda options, context: Forgetful())]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_save_backends() -> Iterable[Offer[SaveBackend]]:
    """Offer save backends.

    *Called* once, when the settings select one of them.
    *Arguments*: none.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        from ihacpa_core import Offer, SaveBackend, SaveSession, WriteReceipt, hookimpl

        class Session(SaveSession):
            def __init__(self, source, sheet):
                from openpyxl import load_workbook
                self.book = load_workbook(source)
                self.sheet = self.book[sheet]

            def write(self, target, updates):
                for update in updates:
                    self.sheet[update.ref].value = update.cell.value
                self.book.save(target)
                return WriteReceipt(changed=len(updates))

            def committed(self, fingerprint):
                self.saved = fingerprint

            def close(self):
                self.book.close()

        class Plain(SaveBackend):  # values only, no styles
            def inspect(self, source):
                return []

            def open(self, source, sheet):
                return Session(source, sheet)

        @hookimpl
        def ihacpa_save_backends():
            return [Offer(name="plain", factory=lambda options, context: Plain())]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_progress_reporters() -> Iterable[Offer[ProgressReporter]]:
    """Offer progress reporters.

    *Called* once for each plugin that the settings select; several reporters may listen at once.
    *Arguments*: none.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        import sys
        from ihacpa_core import Offer, ProgressReporter, hookimpl

        class Bell(ProgressReporter):
            def on_run_finished(self, event):
                sys.stderr.write("\\a")

        @hookimpl
        def ihacpa_progress_reporters():
            return [Offer(name="bell", factory=lambda options, context: Bell())]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_processors() -> Iterable[Offer[Processor]]:
    """Offer processors.

    *Called* once, when the settings select one of them.
    *Arguments*: none.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        from ihacpa_core import Cell, Offer, Outcome, Processor, hookimpl

        class Length(Processor):
            def bind(self, headers):
                self.column = headers.letter("Length") or "Z"
                return [self.column]

            async def process(self, record, context):
                return Outcome.done(record, {self.column: Cell(len(record.key))})

        @hookimpl
        def ihacpa_processors():
            return [Offer(name="length", factory=lambda options, context: Length())]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_executors() -> Iterable[Offer[Executor]]:
    """Offer executors.

    *Called* once, when the settings select one of them.
    *Arguments*: none.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        from ihacpa_core import Executor, Offer, hookimpl

        class OneByOne(Executor):
            async def run(self, records, process, settle, concurrency):
                for record in records:
                    await settle(await process(record))

        @hookimpl
        def ihacpa_executors():
            return [Offer(name="one-by-one", factory=lambda options, context: OneByOne())]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_review_sources() -> Iterable[Offer[ReviewSource]]:
    """Offer sources of the package review.

    *Called* once for each plugin that the processor's ``sources`` select.
    *Arguments*: none.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        from ihacpa_core import AnswerState, Finding, Offer, ReviewSource, SourceAnswer, SourceKind, Verdict, hookimpl

        class Banned(ReviewSource):
            kind = SourceKind.ADVISORIES

            async def look_up(self, package, known):
                banned = package.name == "left-pad"
                finding = Finding(id="ACME-1", ids=("ACME-1",), verdict=Verdict.AFFECTED, why="company policy")
                return SourceAnswer(source="banned", state=AnswerState.OK, findings=(finding,) if banned else ())

        @hookimpl
        def ihacpa_review_sources():
            return [Offer(name="banned", factory=lambda options, context: Banned())]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


# --- steps ------------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_plan_batch() -> SizeMiddleware | None:
    """Surround the decision how many records a batch takes: bound it, watch it.

    *Called* once, before the run starts.
    *Arguments*: none.
    *Returns* a middleware ``(call_next, state) -> int``, no coroutine, or None. ``call_next(state)`` asks the next
    plugin and in the end the strategy; the first plugin in the printed order is the outermost.
    *If it raises*, the run does not start; if the middleware raises or returns something else than a number from 1,
    that is told once, and the run goes on without it.
    *Example*::

        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_plan_batch():
            def at_most_five(call_next, state):
                return min(5, call_next(state))
            return at_most_five
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_process_record() -> RecordMiddleware | None:
    """Surround the processing of each record: cache it, redact it, try it again.

    *Called* once, before the run starts.
    *Arguments*: none.
    *Returns* a middleware ``async (call_next, record, context) -> Outcome``, or None. ``await call_next(record,
    context)`` asks the next plugin and in the end the processor; the first plugin in the printed order is the
    outermost. Retries of the core happen outside all of them.
    *If it raises*, the run does not start; if the middleware raises, or returns another record's outcome, the record
    failed and the run goes on.
    *Example*::

        from dataclasses import replace
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_process_record():
            async def no_notes(call_next, record, context):
                outcome = await call_next(record, context)
                return replace(outcome, cells={c: v for c, v in outcome.cells.items() if c != "N"})
            return no_notes
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_save_workbook() -> SaveMiddleware | None:
    """Surround each save of the workbook: try it again, wait for a quiet moment, copy the result elsewhere.

    *Called* once, before the run starts.
    *Arguments*: none.
    *Returns* a middleware ``(call_next, updates) -> WorkbookSaved``, no coroutine, or None; it runs in the saving
    thread. ``call_next(updates)`` asks the next plugin and in the end backs up, writes, verifies and replaces; it may
    be called again when it raised. The updates are not to be changed: what must not be written does not belong in an
    outcome (`ihacpa_process_record`). They may be none, and then ``cells`` is 0.
    *If it raises*, the run does not start; if the middleware raises or never calls ``call_next``, the workbook is not
    saved, that is told, and the next save brings what this one did not; if it raises after the save, the save stands.
    *Example*::

        import shutil
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_save_workbook():
            def copied(call_next, updates):
                saved = call_next(updates)
                shutil.copy(saved.path, saved.path.with_suffix(".latest.xlsx"))
                return saved
            return copied
    """
    raise NotImplementedError  # a specification: pluggy never runs it


# --- events -----------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_run_started(event: RunStarted) -> None:
    """Tell that a run begins or goes on.

    *Called* once a process, before the first batch.
    *Arguments*: `event`, a `RunStarted`.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        import logging
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_run_started(event):
            logging.getLogger("ihacpa").info("%d records to do", event.left)
    """


@hookspec
def ihacpa_batch_started(event: BatchStarted) -> None:
    """Tell that a batch is open.

    *Called* once a batch, before its first record is taken.
    *Arguments*: `event`, a `BatchStarted`.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        from ihacpa_core import hookimpl

        sizes = []

        @hookimpl
        def ihacpa_batch_started(event):
            sizes.append(event.size)
    """


@hookspec
def ihacpa_record_finished(event: RecordFinished) -> None:
    """Tell that an outcome is durable.

    *Called* once a record, after its outcome is in the journal.
    *Arguments*: `event`, a `RecordFinished`.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        from ihacpa_core import Status, hookimpl

        failed = []

        @hookimpl
        def ihacpa_record_finished(event):
            if event.outcome.status is Status.FAILED:
                failed.append(event.outcome.id.key)
    """


@hookspec
def ihacpa_batch_committed(event: BatchCommitted) -> None:
    """Tell that a batch is durable.

    *Called* once a batch, after its outcomes are in the journal and before any save of them.
    *Arguments*: `event`, a `BatchCommitted`.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        from pathlib import Path
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_batch_committed(event):
            Path("progress.txt").write_text(f"{event.finished} of {event.total}")
    """


@hookspec
def ihacpa_workbook_saved(event: WorkbookSaved) -> None:
    """Tell that the workbook was replaced.

    *Called* once a save, after the new file is in place and durable.
    *Arguments*: `event`, a `WorkbookSaved`.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        import shutil
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_workbook_saved(event):
            shutil.copy(event.path, "published.xlsx")
    """


@hookspec
def ihacpa_checkpoint_written(event: CheckpointWritten) -> None:
    """Tell that a checkpoint is durable.

    *Called* once a checkpoint.
    *Arguments*: `event`, a `CheckpointWritten`.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        import logging
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_checkpoint_written(event):
            logging.getLogger("ihacpa").info("checkpoint %s in %.3f s", event.checkpoint_id, event.seconds)
    """


@hookspec
def ihacpa_warning(event: WarningRaised) -> None:
    """Tell something that a person should know and that stops nothing.

    *Called* whenever it happens.
    *Arguments*: `event`, a `WarningRaised`.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        from ihacpa_core import hookimpl

        warnings = []

        @hookimpl
        def ihacpa_warning(event):
            warnings.append(f"{event.source}: {event.message}")
    """


@hookspec
def ihacpa_run_finished(event: RunFinished) -> None:
    """Tell that a run ended or was interrupted.

    *Called* once a process, after the last save.
    *Arguments*: `event`, a `RunFinished`.
    *If it raises*, the exception is counted and shown.
    *Example*::

        from pathlib import Path
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_run_finished(event):
            Path("mail.txt").write_text(f"{event.metrics.done} done, exit code {event.exit_code}")
    """


# --- start-up ---------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_addoption(parser: Parser) -> None:
    """Declare options of the plugin.

    *Called* once, before the settings are read.
    *Arguments*: `parser`, a `Parser`; each declaration feeds flag, settings key, environment variable and help.
    *If it raises*, the settings are not read; the error names the distribution.
    *Example*::

        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_addoption(parser):
            parser.addoption("--notify-url", help="where to post the summary", default="")
    """


@hookspec
def ihacpa_addcommand(commands: Commands) -> None:
    """Add commands to ``ihacpa``.

    *Called* once, when a command is typed that is none of the core's, or help is asked for.
    *Arguments*: `commands`, a `Commands`.
    *If it raises*, the command is unknown; the error names the distribution.
    *Example*::

        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_addcommand(commands):
            commands.addcommand("hello", summary="say hello", run=lambda args, parts: 0)
    """


@hookspec
def ihacpa_configure(settings: Mapping[str, Any]) -> None:
    """Make ready with the settings of a run.

    *Called* once, when the settings are checked, before the workbook is opened.
    *Arguments*: `settings`, the effective settings as nested tables, read-only, as ``ihacpa config show`` names them;
    secrets are left out, but for those of the plugin's own options.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*::

        from ihacpa_core import PluginError, hookimpl

        @hookimpl
        def ihacpa_configure(settings):
            if settings["ihacpa"]["keep_backups"] < 3:
                raise PluginError("the house rules ask for three backups", hint="keep_backups = 3")
    """


@hookspec
def ihacpa_unconfigure() -> None:
    """Let go of what `ihacpa_configure` made.

    *Called* once, when the run is over, whatever became of it; for all plugins, the last one first.
    *Arguments*: none.
    *If it raises*, that is told, and the others are still called.
    *Example*::

        from ihacpa_core import hookimpl

        connections = []

        @hookimpl
        def ihacpa_unconfigure():
            connections.clear()
    """


@hookspec
def ihacpa_health_checks() -> Iterable[HealthCheck]:
    """Offer checks to ``ihacpa doctor``.

    *Called* once, by ``ihacpa doctor``.
    *Arguments*: none.
    *Returns* the checks; each looks, changes nothing, and takes a few seconds at the most.
    *If it raises*, that is shown as a failed check.
    *Example*::

        from ihacpa_core import CheckResult, HealthCheck, hookimpl

        def look(context):
            return CheckResult.passed("the mail server answers")

        @hookimpl
        def ihacpa_health_checks():
            return [HealthCheck(name="mail", run=look)]
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_report_header() -> str | Sequence[str]:
    """Say something in the lines with which a run begins.

    *Called* once, before the first batch.
    *Arguments*: none.
    *Returns* a line or several.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*::

        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_report_header():
            return "acme policy of 2026-11"
    """
    raise NotImplementedError  # a specification: pluggy never runs it
