"""Puts the parts of a run together, once, in the order in which they depend on each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ihacpa_core.config.model import CoreOptions
from ihacpa_core.config.units import parse_duration
from ihacpa_core.engine.attempts import Attempts
from ihacpa_core.engine.backups import list_backups
from ihacpa_core.engine.beginning import Beginning
from ihacpa_core.engine.checkpoints import CheckpointManager, Ticket, expiry
from ihacpa_core.engine.commits import GroupCommitter
from ihacpa_core.engine.controller import BatchController
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.guard import GuardedStrategy
from ihacpa_core.engine.journal import RunJournal
from ihacpa_core.engine.processing import BatchProcessor
from ihacpa_core.engine.saver import AtomicSaver, SaveReceipt
from ihacpa_core.engine.saving import Drawing, Origin, Saving
from ihacpa_core.engine.schedule import SaveSchedule
from ihacpa_core.engine.totals import together
from ihacpa_core.engine.tracker import ProgressTracker
from ihacpa_core.errors import PluginError
from ihacpa_core.events import CheckpointWritten, WorkbookSaved
from ihacpa_core.fileops import FileOps
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.records import Record
from ihacpa_core.roles import CheckpointStore, SaveBackend
from ihacpa_core.state import BatchConfiguration, RunInfo, RunMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """The moving parts of a run.

    :param earlier: what the run's processes before this one have done.
    """

    controller: BatchController
    saving: Saving
    checkpoints: CheckpointManager
    committer: GroupCommitter
    journal: RunJournal
    tracker: ProgressTracker
    earlier: RunMetrics

    def totals(self) -> RunMetrics:
        """What the run has done so far, in all its processes."""
        return together(self.earlier, self.measure())

    def measure(self) -> RunMetrics:
        """What this process has done so far."""
        totals = self.saving.totals
        return self.tracker.metrics(
            saves=totals.saves,
            cells=totals.cells,
            formulas_kept=totals.formulas_kept,
            saving_seconds=totals.seconds,
            waiting_seconds=self.saving.waiting_seconds,
        )


class Assembly:
    """What the parts are made from. `build` makes them.

    :param cost: seconds that a save is expected to take.
    """

    def __init__(
        self,
        *,
        beginning: Beginning,
        info: RunInfo,
        store: CheckpointStore,
        backend: SaveBackend,
        tracker: ProgressTracker,
        ops: FileOps,
        cost: float,
    ) -> None:
        self._beginning = beginning
        self._plan = beginning.plan
        self._info = info
        self._store = store
        self._backend = backend
        self._tracker = tracker
        self._ops = ops
        self._cost = cost
        self._hooks = Dispatcher(self._plan.plugins)
        self._batching = _batching(self._plan.settings.core, beginning.processor.concurrency)

    def build(self) -> Machinery:
        """Make the parts; inside the event loop that will run them."""
        history = self._beginning.history
        self._warn_from_thread = _in_main_thread(self._tracker.warn)
        journal = RunJournal(self._store, self._info.run_id, history.sequence if history else 0)
        checkpoints = self._checkpoints(journal)
        saving = self._saving(journal, checkpoints)
        committer = GroupCommitter(journal.outcomes, lambda outcome: controller.settled(outcome))
        controller = self._controller(journal, saving, checkpoints, committer)
        machinery = Machinery(
            controller=controller,
            saving=saving,
            checkpoints=checkpoints,
            committer=committer,
            journal=journal,
            tracker=self._tracker,
            earlier=history.earlier if history else RunMetrics(),
        )
        self._totals = machinery.totals
        return machinery

    def _checkpoints(self, journal: RunJournal) -> CheckpointManager:
        return CheckpointManager(
            store=self._store,
            ops=self._ops,
            run_id=self._info.run_id,
            target=self._plan.target,
            backups=self._plan.folder.backups,
            every=self._batching.checkpoint_every,
            keep_backups=self._batching.keep_backups,
            measure=lambda: (self._totals(), journal.sequence),
            written=_in_main_thread(self._checkpoint_written),
            failed=self._warn_from_thread,
            original=self._original_backup,
            expires_after=expiry(self._plan.settings.core),
        )

    def _saving(self, journal: RunJournal, checkpoints: CheckpointManager) -> Saving:
        core = self._plan.settings.core
        return Saving(
            draw=lambda: self._draw(journal),
            recall=journal.recall,
            schedule=SaveSchedule(every=self._batching.save_every),
            surround=self._hooks.around_save(self._plan.target, self._warn_from_thread),
            starting=lambda: self._save_begins(journal, checkpoints),
            saved=self._workbook_saved,
            after_save=checkpoints.after_save,
            warn=self._tracker.warn,
            origin=Origin(self._beginning.rows.keys(), self._beginning.sheet.headers.texts),
            drawn=self._beginning.history.drawn if self._beginning.history else (),
            overwrite_formulas=core.overwrite_formulas,
            expected_cost=self._cost,
            edited=self._beginning.edited,
        )

    def _controller(
        self,
        journal: RunJournal,
        saving: Saving,
        checkpoints: CheckpointManager,
        committer: GroupCommitter,
    ) -> BatchController:
        plan, core, tracker = self._plan, self._plan.settings.core, self._tracker
        guarded = GuardedStrategy(self._batching.strategy, plan.build("strategy", tracker.warn), tracker.warn)
        batches = BatchProcessor(
            executor=plan.build("executor", tracker.warn),
            attempts=Attempts(self._process(), core.attempts, self._retried),
            committer=committer,
            processor=self._beginning.processor,
            results=self._beginning.results,
            key=self._beginning.sheet.key,
            normalised=self._normalised,
            mask=tracker.mask,
        )
        return BatchController(
            strategy=self._hooks.around_strategy(guarded, tracker.warn),
            processor=self._beginning.processor,
            batches=batches,
            journal=journal,
            saving=saving,
            checkpoints=checkpoints,
            tracker=tracker,
            batches_before=self._beginning.history.batches if self._beginning.history else 0,
            max_failures=core.max_failures,
            grace=parse_duration(core.grace),
        )

    def _process(self) -> Callable[[Record], Any]:
        """The processor, surrounded by what plugins put round it."""
        surrounded = self._hooks.around_record(self._beginning.processor.process)
        context = self._plan.context(self._tracker.warn)
        return lambda record: surrounded(record, context)

    def _draw(self, journal: RunJournal) -> Drawing:
        """In the saving thread: open the workbook as it is, and read its rows again if it is not what was read."""
        plan, beginning = self._plan, self._beginning
        anew = beginning.replaces is not None and fingerprint(plan.target) == beginning.replaces
        origin = plan.source if anew else plan.current
        saver = AtomicSaver(
            plan.target,
            plan.source,
            beginning.sheet.name,
            self._backend,
            self._ops,
            plan.folder.backups,
            journal.intend_save,
            journal.confirm_save,
            self._warn_from_thread,
            anew=anew,
        )
        if fingerprint(origin) == beginning.current:
            return Drawing(saver, beginning.rows, beginning.sheet.headers.texts)
        sheet = plan.read_sheet(origin, beginning.sheet.name)
        rows = {record.id: record for record in sheet.records}
        return Drawing(saver, rows, sheet.headers.texts, edited=True)

    def _save_begins(self, journal: RunJournal, checkpoints: CheckpointManager) -> Ticket:
        """In the main thread: what the save covers is everything that is durable now."""
        journal.mark()
        return checkpoints.ticket()

    def _original_backup(self) -> str | None:
        backups = list_backups(self._plan.folder.backups)
        return next((backup.name for backup in backups if backup.is_of(self._info.original)), None)

    def _workbook_saved(self, receipt: SaveReceipt) -> None:
        self._tracker.announce(
            WorkbookSaved(
                path=self._plan.target,
                cells=receipt.changed,
                seconds=receipt.seconds,
                fingerprint=receipt.fingerprint,
            )
        )

    def _checkpoint_written(self, event: CheckpointWritten) -> None:
        self._tracker.checkpoints += 1
        self._tracker.announce(event)

    def _retried(self) -> None:
        self._tracker.retries += 1

    def _normalised(self, count: int) -> None:
        self._tracker.normalised += count


def _batching(core: CoreOptions, concurrency: int) -> BatchConfiguration:
    if concurrency < 1:
        raise PluginError(
            f"processor '{core.processor}' wants {concurrency} records in flight", hint="its concurrency is at least 1"
        )
    words = ("batch", "auto", "end")
    return BatchConfiguration(
        strategy=core.strategy,
        concurrency=concurrency,
        save_every=core.save_every if core.save_every in words else parse_duration(core.save_every),
        checkpoint_every=core.checkpoint_every,
        keep_checkpoints=core.keep_checkpoints,
        keep_backups=core.keep_backups,
    )


def _in_main_thread(call: Callable[[Any], None]) -> Callable[[Any], None]:
    """`call`, made in the thread of the loop that is running now, from whatever thread it is asked for."""
    loop = asyncio.get_running_loop()

    def post(argument: Any) -> None:
        loop.call_soon_threadsafe(call, argument)

    return post
