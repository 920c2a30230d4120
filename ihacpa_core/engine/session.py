"""A run while it goes on: told at its start, led through its batches, saved, and summed up."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime

from ihacpa_core.codec import encode_run
from ihacpa_core.config.given import secrets_of
from ihacpa_core.engine.assembly import Assembly, Machinery
from ihacpa_core.engine.beginning import Beginning
from ihacpa_core.engine.ending import RunEnd, conclude, write_settings
from ihacpa_core.engine.interrupts import Interruption, stop_on_signals
from ihacpa_core.engine.journal import RunJournal
from ihacpa_core.engine.logbook import LOGGER, Logbook, Secrets
from ihacpa_core.engine.losses import check_losses
from ihacpa_core.engine.saver import sweep_leftovers
from ihacpa_core.engine.summary import RunSummary
from ihacpa_core.engine.tracker import ProgressTracker
from ihacpa_core.errors import IhacpaError, StoreError, WorkbookError
from ihacpa_core.events import RunStarted
from ihacpa_core.fileops import FileOps
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.roles import CheckpointStore, Processor, SaveBackend
from ihacpa_core.state import RunInfo


class RunSession:
    """Leads one run from its beginning to its end. The lock is held by the caller."""

    def __init__(self, beginning: Beginning, store: CheckpointStore, tracker: ProgressTracker, ops: FileOps) -> None:
        self._beginning = beginning
        self._plan = beginning.plan
        self._store = store
        self._tracker = tracker
        self._ops = ops
        self._early: list[str] = []

    async def run(self) -> RunSummary:
        """Go through the run.

        :raises DecisionNeeded: saving would lose something; nothing was written.
        :raises WorkbookError: the state folder cannot be written; nothing was begun.
        :raises StoreError: the journal cannot be written; nothing was begun.
        """
        backend: SaveBackend = self._plan.build("save", self._tracker.warn)
        cost = self._check(backend)
        info = self._open_state()
        with self._logbook(info):
            try:
                return await self._lead(backend, cost, info)
            except Exception:  # whatever it was, its place is in the log, and the error goes on to the caller
                logging.getLogger(LOGGER).exception("the run ended by an error")
                raise

    def _logbook(self, info: RunInfo) -> Logbook:
        """The run's log, which begins with what was warned of before it could be opened."""
        secrets = Secrets(secrets_of(self._plan.settings, self._plan.request.env))
        level = logging.DEBUG if self._plan.request.verbose else logging.INFO
        logbook = Logbook(self._plan.folder.log(info.run_id), secrets, level, self._ops)
        self._early = list(self._tracker.warnings)
        self._tracker.listen("the log", logbook.note)
        return logbook

    async def _lead(self, backend: SaveBackend, cost: float, info: RunInfo) -> RunSummary:
        for message in self._early:
            logging.getLogger(LOGGER).warning("%s", message)
        machinery = Assembly(
            beginning=self._beginning,
            info=info,
            store=self._store,
            backend=backend,
            tracker=self._tracker,
            ops=self._ops,
            cost=cost,
        ).build()
        self._write_start(machinery.journal, info)
        try:
            with stop_on_signals(machinery.controller.stop, self._tracker.warn, self._tracker.close) as interruption:
                end = await self._go(machinery, info, interruption)
        finally:
            machinery.committer.close()
            machinery.saving.close()
        return conclude(self._beginning, info, machinery, end, self._ops)

    def _write_start(self, journal: RunJournal, info: RunInfo) -> None:
        begun = self._beginning
        history = begun.history
        if history is None:
            selection = self._plan.request.selection
            headers = begun.sheet.headers.texts
            journal.begin(info, begun.chosen, selection=selection, headers=headers, replaces=begun.replaces)
            return
        if history.intended is not None and begun.current == history.intended:
            journal.confirm_late(begun.current, history.intended_covers)
        settings = encode_run(replace(info, settings=self._plan.settings.effective()))["settings"]
        headers = dict(begun.sheet.headers.texts)
        superseded = [[record.key, record.occurrence] for record in sorted(begun.superseded)]
        journal.choice("resume", edited=begun.edited, settings=settings, headers=headers, superseded=superseded)

    def _check(self, backend: SaveBackend) -> float:
        """Look for what a save would lose; returns how long that took, which is about what a save takes."""
        started = time.monotonic()
        check_losses(backend, self._plan.settings.core.save, self._beginning.origin, self._tracker.warn)
        return time.monotonic() - started

    def _open_state(self) -> RunInfo:
        """Make the state folder, sweep what dead runs left, and say which run this is."""
        plan, folder = self._plan, self._plan.folder
        folder.make(self._ops, plan.run_id)
        settings = plan.settings.effective()
        try:
            sweep_leftovers(self._ops, plan.target.parent, plan.target.name)
            write_settings(self._ops, folder.settings_toml(plan.run_id), settings)
        except OSError as error:
            raise WorkbookError(
                "the run cannot begin",
                why=f"{error.filename or folder.path}: {error.strerror or error}",
                hint="mend that, then type the same command again; nothing was begun",
            ) from error
        if self._beginning.history is not None:
            return self._beginning.history.info
        return RunInfo(
            run_id=plan.run_id,
            workbook=str(plan.target),
            sheet=self._beginning.sheet.name,
            started=datetime.now(UTC),
            original=self._beginning.current,
            records=len(self._beginning.chosen),
            settings=settings,
        )

    async def _go(self, machinery: Machinery, info: RunInfo, interruption: Interruption) -> RunEnd:
        begun = self._beginning
        self._tell_start(info)
        self._tracker.total = len(begun.chosen)
        self._tracker.resume(begun.standing)
        machinery.saving.stand(begun.standing)
        error: IhacpaError | None = None
        try:
            await begun.processor.open()
            try:
                await machinery.controller.run(begun.todo, begun.chosen)
            finally:
                await self._close(begun.processor)
            await self._save_rest(machinery)
        except (StoreError, WorkbookError) as failed:
            error = failed
        return RunEnd(interrupted=interruption.exit_code, stopped=machinery.controller.stopped_because, error=error)

    async def _close(self, processor: Processor) -> None:
        try:
            await processor.close()
        except Exception as error:  # noqa: BLE001  a plugin's farewell keeps no finished result from the workbook
            self._tracker.warn(f"the processor could not be closed: {type(error).__name__}: {error}")

    async def _save_rest(self, machinery: Machinery) -> None:
        if machinery.controller.stopped_because:
            machinery.checkpoints.ask()
        await machinery.saving.finish()

    def _tell_start(self, info: RunInfo) -> None:
        header, failures = Dispatcher(self._plan.plugins).report_header()
        self._tracker.announce(
            RunStarted(
                run=info,
                workbook=self._plan.target,
                total=len(self._beginning.chosen),
                left=len(self._beginning.todo),
                resumed=self._beginning.history is not None,
                concurrency=self._beginning.processor.concurrency,
                header=tuple(header),
            )
        )
        for failure in failures:
            self._tracker.warn(str(failure))
