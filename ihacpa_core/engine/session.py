"""A run while it goes on: told at its start, led through its batches, saved, and summed up."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from ihacpa_core.engine.assembly import Assembly, Machinery
from ihacpa_core.engine.backups import make_backup
from ihacpa_core.engine.beginning import Beginning
from ihacpa_core.engine.ending import RunEnd, conclude, write_settings
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.interrupts import Interruption, stop_on_signals
from ihacpa_core.engine.logbook import Logbook
from ihacpa_core.engine.losses import check_losses
from ihacpa_core.engine.saver import sweep_leftovers
from ihacpa_core.engine.summary import RunSummary
from ihacpa_core.engine.tracker import ProgressTracker
from ihacpa_core.errors import IhacpaError, StoreError, WorkbookError
from ihacpa_core.events import RunStarted
from ihacpa_core.fileops import FileOps
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.roles import CheckpointStore, SaveBackend
from ihacpa_core.state import RunInfo


class RunSession:
    """Leads one run from its beginning to its end. The lock is held by the caller."""

    def __init__(self, beginning: Beginning, store: CheckpointStore, tracker: ProgressTracker, ops: FileOps) -> None:
        self._beginning = beginning
        self._plan = beginning.plan
        self._store = store
        self._tracker = tracker
        self._ops = ops

    async def run(self) -> RunSummary:
        """Go through the run.

        :raises DecisionNeeded: saving would lose something; nothing was written.
        :raises StoreError: the journal cannot be written; the summary of what was kept is in `run.json`.
        """
        backend: SaveBackend = self._plan.build("save", self._tracker.warn)
        cost = self._check(backend)
        info = self._open_state()
        level = logging.DEBUG if self._plan.request.verbose else logging.INFO
        logbook = Logbook(self._plan.folder.log(info.run_id), level=level)
        self._tracker.listen("the log", logbook.note)
        with logbook:
            return await self._lead(backend, cost, info)

    async def _lead(self, backend: SaveBackend, cost: float, info: RunInfo) -> RunSummary:
        machinery = Assembly(
            beginning=self._beginning,
            info=info,
            store=self._store,
            backend=backend,
            tracker=self._tracker,
            ops=self._ops,
            cost=cost,
        ).build()
        if self._beginning.history is None:
            machinery.journal.begin(info, self._beginning.chosen)
        else:
            machinery.journal.choice("resume", edited=self._beginning.edited)
        try:
            with stop_on_signals(machinery.controller.stop, self._tracker.warn, self._tracker.close) as interruption:
                end = await self._go(machinery, info, interruption)
        finally:
            machinery.committer.close()
            machinery.saving.close()
        return conclude(self._beginning, info, machinery, end, self._ops)

    def _check(self, backend: SaveBackend) -> float:
        """Look for what a save would lose; returns how long that took, which is about what a save takes."""
        started = time.monotonic()
        origin = self._plan.source if self._beginning.anew else self._plan.current
        check_losses(backend, self._plan.settings.core.save, origin, self._tracker.warn)
        return time.monotonic() - started

    def _open_state(self) -> RunInfo:
        """Make the state folder, sweep what dead runs left, and say which run this is."""
        plan, folder = self._plan, self._plan.folder
        folder.make(self._ops, plan.run_id)
        sweep_leftovers(self._ops, plan.target.parent, plan.target.name)
        if self._beginning.anew:
            self._copy_anew()
        settings = plan.settings.effective()
        write_settings(self._ops, folder.settings_toml(plan.run_id), settings)
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

    def _copy_anew(self) -> None:
        """Put a new copy of the source in the place of an earlier result, of which a backup is kept."""
        target, ops = self._plan.target, self._ops
        make_backup(ops, target, self._plan.folder.backups, fingerprint(target))
        ops.write_atomic(target, self._plan.source.read_bytes())

    async def _go(self, machinery: Machinery, info: RunInfo, interruption: Interruption) -> RunEnd:
        self._tell_start(info)
        self._tracker.total = len(self._beginning.chosen)
        self._tracker.resume(self._beginning.standing)
        machinery.saving.add(self._beginning.standing)
        processor = self._beginning.processor
        error: IhacpaError | None = None
        try:
            await processor.open()
            try:
                await machinery.controller.run(self._beginning.todo)
            finally:
                await processor.close()
            await self._save_rest(machinery)
        except (StoreError, WorkbookError) as failed:
            error = failed
        return RunEnd(interrupted=interruption.exit_code, stopped=machinery.controller.stopped_because, error=error)

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
