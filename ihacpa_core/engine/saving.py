"""Saves while the run goes on: one at a time, beside the processing of the next batch, when the schedule says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from ihacpa_core.engine.checkpoints import Ticket
from ihacpa_core.engine.projection import KeptEdit, Projection, columns_moved, moved_columns, project, used_columns
from ihacpa_core.engine.saver import AtomicSaver, DurabilityUnconfirmed, SaveReceipt, WorkbookChanged
from ihacpa_core.engine.schedule import SaveSchedule
from ihacpa_core.errors import IhacpaError, StoreError, WorkbookError
from ihacpa_core.plugins.steps import SurroundedSave
from ihacpa_core.records import Outcome, Record, RecordId

Rows = Mapping[RecordId, Record]

TRIES_WHEN_EDITED = 5
"""How often a save starts anew because the workbook was changed under it."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A workbook held open for saving, and the rows as they stand in it.

    :param headers: the header texts by column letter, as they stand in it.
    :param edited: it is not the file that the run's records were read from.
    """

    saver: AtomicSaver
    rows: Rows
    headers: Mapping[str, str]
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """The sheet as the run began with it: who its records are, and which header stood over which column."""

    records: Set[RecordId]
    headers: Mapping[str, str]


@dataclass(slots=True)
class SaveTotals:
    """What all saves of this process did. Times are seconds."""

    saves: int = 0
    cells: int = 0
    seconds: float = 0.0
    formulas_kept: int = 0
    edits_kept: dict[str, KeptEdit] = field(default_factory=dict)
    homeless: set[RecordId] = field(default_factory=set)
    stale: set[RecordId] = field(default_factory=set)
    added: set[RecordId] = field(default_factory=set)


class Saving:
    """Brings durable outcomes into the workbook, and forgets them once they are in it.

    :param draw: opens the workbook as it is now and reads its rows; called again when somebody changed it meanwhile.
    :param recall: the outcomes that the save under way covers, read back from the journal, in the saving thread; asked
        when a workbook that somebody changed has to be drawn anew.
    :param surround: puts round each save what plugins want there.
    :param origin: the sheet as the run began with it.
    :param drawn: the records whose outcome was in the workbook before this process began.
    :param edited: the workbook already held a person's changes when the run went on.
    :param starting: called in the main thread when a save begins; what it returns is handed to `after_save`.
    :param saved: hears of each save that replaced the workbook, in the main thread.
    :param after_save: rides on each save, in the saving thread, while the workbook is known to be what was written.
    :param warn: hears why a save failed; the run goes on in the journal.
    """

    def __init__(
        self,
        *,
        draw: Callable[[], Drawing],
        recall: Callable[[], Iterable[Outcome]],
        schedule: SaveSchedule,
        surround: SurroundedSave,
        starting: Callable[[], Ticket],
        saved: Callable[[SaveReceipt], None],
        after_save: Callable[[SaveReceipt, Ticket], None],
        warn: Callable[[str], None],
        origin: Origin,
        drawn: Iterable[RecordId] = (),
        overwrite_formulas: bool = False,
        expected_cost: float = 0.0,
        edited: bool = False,
    ) -> None:
        self._draw = draw
        self._recall = recall
        self._schedule = schedule
        self._surround = surround
        self._starting = starting
        self._saved = saved
        self._after_save = after_save
        self._origin = origin
        self._drawn = set(drawn)
        self._fully_checked = True
        self._told: set[str] = set()
        self._warn = warn
        self._overwrite_formulas = overwrite_formulas
        self._edited = edited
        self._drawing: Drawing | None = None
        self._known: set[RecordId] = set()
        self._used: set[str] = set()
        self._pending: dict[RecordId, Outcome] = {}
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ihacpa-save")
        self._cost = expected_cost
        self._last_end = time.monotonic()
        self._projection = Projection(())
        self.waiting_seconds = 0.0
        self.totals = SaveTotals()

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Outcomes that are durable and not in the workbook yet."""
        for outcome in outcomes:
            self._pending[outcome.id] = _drawable(outcome)
            self._drawn.discard(outcome.id)

    def stand(self, outcomes: Iterable[Outcome]) -> None:
        """Outcomes of an earlier process: durable, and in the workbook as far as `drawn` says."""
        for outcome in outcomes:
            self._pending[outcome.id] = _drawable(outcome)

    async def batch_committed(self, *, asked: bool) -> None:
        """Start a save if one is due. Waits only where the schedule wants every batch saved and one is under way."""
        since_last = time.monotonic() - self._last_end
        if not self._schedule.is_due(since_last=since_last, cost=self._cost, asked=asked):
            return
        if self._is_busy() and self._schedule.every != "batch":
            return
        await self.idle()  # also raises what a save before this one could not live with: a journal that fails
        self._task = asyncio.ensure_future(self._save_and_warn(full_check=self.totals.saves == 0))

    async def idle(self) -> None:
        """Return when no save is under way."""
        started = time.monotonic()
        if self._task is not None:
            await self._task
            self._task = None
        self.waiting_seconds += time.monotonic() - started

    async def finish(self) -> None:
        """Save what is not saved yet, with a full check of the result.

        :raises WorkbookError: the workbook could not be saved; every outcome is in the journal.
        :raises StoreError: the journal cannot be written.
        """
        await self.idle()
        started = time.monotonic()
        try:
            await self._save(full_check=True)
        except IhacpaError:
            raise
        except Exception as error:  # a backend is a plugin: whatever it raises, the person learns what to type next
            raise WorkbookError(
                "the workbook could not be saved",
                why=f"{type(error).__name__}: {error}",
                hint="every result is in the journal: mend the cause and type the same command again",
            ) from error
        finally:
            self.waiting_seconds += time.monotonic() - started

    def close(self) -> None:
        """Let go of the workbook."""
        self._thread.shutdown(wait=True)
        if self._drawing is not None:
            self._drawing.saver.close()

    def _is_busy(self) -> bool:
        return self._task is not None and not self._task.done()

    async def _save_and_warn(self, *, full_check: bool) -> None:
        try:
            await self._save(full_check=full_check)
        except StoreError:
            raise
        except DurabilityUnconfirmed as error:
            self._tell(str(error))
        except Exception as error:  # noqa: BLE001  whatever keeps a save from working, the run goes on in the journal
            self._last_end = time.monotonic()
            self._tell(f"the workbook could not be saved ({error}); the run goes on in the journal")

    def _tell(self, message: str) -> None:
        """Warn once of what every later save would say again."""
        if message not in self._told:
            self._told.add(message)
            self._warn(message)

    async def _save(self, *, full_check: bool) -> None:
        batch, self._pending = self._pending, {}
        self._known |= batch.keys()
        self._used |= used_columns(batch.values())
        ticket = self._starting()
        try:
            loop = asyncio.get_running_loop()
            receipt = await loop.run_in_executor(self._thread, self._write, batch, full_check, ticket)
        except BaseException:  # a cancellation too: what is not saved stays to be saved
            self._pending = batch | self._pending
            raise
        self._drawn |= batch.keys() - self._pending.keys()
        self._count(receipt)

    def _write(self, batch: Mapping[RecordId, Outcome], full_check: bool, ticket: Ticket) -> SaveReceipt:
        """In the saving thread: draw `batch`, or everything if the workbook was changed by somebody else."""
        for _ in range(TRIES_WHEN_EDITED):
            try:
                return self._write_once(batch, full_check, ticket)
            except WorkbookChanged:
                self._edited = True
                self._let_go()
        raise WorkbookError(
            "the workbook is being changed by another program again and again",
            hint="close it there, then type the same command again; every result is in the journal",
        )

    def _write_once(self, batch: Mapping[RecordId, Outcome], full_check: bool, ticket: Ticket) -> SaveReceipt:
        if self._drawing is None:
            self._drawing = self._opened()
            batch = self._everything(batch)  # what an earlier drawing held may not be in this one
        self._projection = project(
            batch.values(),
            self._drawing.rows,
            overwrite_formulas=self._overwrite_formulas,
            edited=self._edited,
            drawn=self._drawn,
        )
        save = partial(self._drawing.saver.save, full_check=full_check)
        receipt = self._surround(save, self._projection.updates)
        if full_check and not (receipt.replaced or self._fully_checked):
            self._drawing.saver.check()
        self._fully_checked = full_check or (self._fully_checked and not receipt.replaced)
        self._after_save(receipt, ticket)
        return receipt

    def _everything(self, batch: Mapping[RecordId, Outcome]) -> Mapping[RecordId, Outcome]:
        """`batch`, and what earlier saves brought into a workbook that is no longer the one they wrote."""
        before = self._known - batch.keys()
        if not before:
            return batch
        recalled = {outcome.id: outcome for outcome in self._recall() if outcome.id in before}
        return {**recalled, **batch}

    def _opened(self) -> Drawing:
        """The workbook as it is now.

        :raises WorkbookError: its columns are others than those that the run's outcomes belong to.
        """
        drawing = self._draw()
        self._edited = self._edited or drawing.edited
        moved = moved_columns(self._origin.headers, drawing.headers, self._used)
        if moved:
            drawing.saver.close()
            raise columns_moved(moved)
        self.totals.added |= drawing.rows.keys() - self._origin.records
        return drawing

    def _let_go(self) -> None:
        if self._drawing is not None:
            self._drawing.saver.close()
            self._drawing = None

    def _count(self, receipt: SaveReceipt) -> None:
        totals, drawn = self.totals, self._projection
        self._last_end = time.monotonic()
        self._cost = receipt.seconds
        totals.seconds += receipt.seconds
        totals.cells += receipt.changed
        totals.formulas_kept += drawn.formulas_kept
        totals.edits_kept |= {edit.ref: edit for edit in drawn.edits_kept}
        totals.homeless |= set(drawn.homeless)
        totals.stale |= set(drawn.stale)
        if receipt.replaced:
            totals.saves += 1
            self._saved(receipt)


def _drawable(outcome: Outcome) -> Outcome:
    """`outcome` without what no workbook shows: it waits here until a save is due, which may be the end of the run."""
    return replace(outcome, detail={})
