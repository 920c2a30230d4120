"""All hook specifications.

Three families. *Offers* yield named implementations of a role. *Steps* return a middleware that surrounds the core's
own call. *Events* tell what became true. Each has the same docstring form: when it is called, what it returns, what
happens if it raises, and an example.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

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
    from ihacpa_core.offers import Offer
    from ihacpa_core.records import Outcome, Record
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

    CallNext = Callable[[Record, RunContext], Awaitable[Outcome]]
    Middleware = Callable[[CallNext, Record, RunContext], Awaitable[Outcome]]

# --- offers -----------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_strategies() -> Iterable[Offer[BatchStrategy]]:
    """Offer batch strategies.

    *Called* once, when the settings select one of them.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*: ``return [Offer(name="burst", factory=lambda options, context: Burst())]``
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_checkpoint_stores() -> Iterable[Offer[CheckpointStore]]:
    """Offer checkpoint stores.

    *Called* once, when the settings select one of them.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*: ``return [Offer(name="lmdb", factory=lambda options, context: LmdbStore(context.state_dir))]``
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_save_backends() -> Iterable[Offer[SaveBackend]]:
    """Offer save backends.

    *Called* once, when the settings select one of them.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*: ``return [Offer(name="copy", factory=lambda options, context: CopyBackend())]``
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_progress_reporters() -> Iterable[Offer[ProgressReporter]]:
    """Offer progress reporters.

    *Called* once for each plugin that the settings select; several reporters may listen at once.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*: ``return [Offer(name="bell", factory=lambda options, context: Bell())]``
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_processors() -> Iterable[Offer[Processor]]:
    """Offer processors.

    *Called* once, when the settings select one of them.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*: ``return [Offer(name="echo", factory=lambda options, context: Echo(options))]``
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_executors() -> Iterable[Offer[Executor]]:
    """Offer executors.

    *Called* once, when the settings select one of them.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*: ``return [Offer(name="cluster", factory=lambda options, context: Cluster(options))]``
    """
    raise NotImplementedError  # a specification: pluggy never runs it


@hookspec
def ihacpa_review_sources() -> Iterable[Offer[ReviewSource]]:
    """Offer sources of the package review.

    *Called* once for each plugin that the processor's ``sources`` select.
    *Returns* the offers.
    *If it raises*, the run does not start; the error names the distribution.
    *Example*: ``return [Offer(name="mirror", factory=lambda options, context: Mirror(options))]``
    """
    raise NotImplementedError  # a specification: pluggy never runs it


# --- steps ------------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_process_record() -> Middleware:
    """Surround the processing of each record: cache it, redact it, try it again.

    *Called* once, when the run is put together.
    *Returns* a middleware ``async (call_next, record, context) -> Outcome``; the first plugin in the printed order is
    the outermost. Retries of the core happen outside all of them.
    *If the middleware raises*, the record failed and the run goes on.
    *Example*::

        @hookimpl
        def ihacpa_process_record():
            async def no_notes(call_next, record, context):
                outcome = await call_next(record, context)
                return replace(outcome, cells={c: v for c, v in outcome.cells.items() if c != "N"})
            return no_notes
    """
    raise NotImplementedError  # a specification: pluggy never runs it


# --- events -----------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_run_started(event: RunStarted) -> None:
    """Tell that a run begins or goes on.

    *Called* once a process, in the main thread, before the first batch.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``log.info("%d records to do", event.left)``
    """


@hookspec
def ihacpa_batch_started(event: BatchStarted) -> None:
    """Tell that a batch is open.

    *Called* once a batch, in the main thread, before its first record is taken.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``log.info("batch %d", event.number)``
    """


@hookspec
def ihacpa_record_finished(event: RecordFinished) -> None:
    """Tell that an outcome is durable.

    *Called* once a record, in the main thread, after its outcome is in the journal.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``if event.outcome.status == "failed": alert(event.outcome.id.key)``
    """


@hookspec
def ihacpa_batch_committed(event: BatchCommitted) -> None:
    """Tell that a batch is durable.

    *Called* once a batch, in the main thread, after its outcomes are in the journal and before any save of them.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``gauge.set(event.finished / event.total)``
    """


@hookspec
def ihacpa_workbook_saved(event: WorkbookSaved) -> None:
    """Tell that the workbook was replaced.

    *Called* once a save, in the main thread, after the new file is in place and durable.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``upload(event.path)``
    """


@hookspec
def ihacpa_checkpoint_written(event: CheckpointWritten) -> None:
    """Tell that a checkpoint is durable.

    *Called* once a checkpoint, in the main thread.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``log.info("checkpoint %s", event.checkpoint_id)``
    """


@hookspec
def ihacpa_warning(event: WarningRaised) -> None:
    """Tell something that a person should know and that stops nothing.

    *Called* whenever it happens, in the main thread.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``log.warning(event.message)``
    """


@hookspec
def ihacpa_run_finished(event: RunFinished) -> None:
    """Tell that a run ended or was interrupted.

    *Called* once a process, in the main thread, after the last save.
    *If it raises*, the exception is counted and shown.
    *Example*: ``mail(f"{event.metrics.done} done, exit code {event.exit_code}")``
    """


# --- start-up ---------------------------------------------------------------------------------------------------------


@hookspec
def ihacpa_report_header() -> str | Sequence[str]:
    """Say something in the lines with which a run begins.

    *Called* once, before the first batch.
    *Returns* a line or several.
    *If it raises*, the exception is counted and shown, and the run goes on.
    *Example*: ``return "acme policy of 2026-11"``
    """
    raise NotImplementedError  # a specification: pluggy never runs it
