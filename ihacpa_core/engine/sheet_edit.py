"""Changing cells of a workbook outside a run, by the same rules: lock, losses, backup, one atomic save, journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.journal import RunJournal, latest_history
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.losses import check_losses
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.engine.saver import AtomicSaver, SaveReceipt, sweep_leftovers
from ihacpa_core.engine.state_folder import state_folder
from ihacpa_core.errors import WorkbookError
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.records import CellUpdate
from ihacpa_core.roles import CheckpointStore, SaveBackend
from ihacpa_core.state import Fingerprint
from ihacpa_core.workbook.records import Sheet
from ihacpa_core.workbook.sniff import owner_of_open_file

Tell = Callable[[Fingerprint], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCells:
    """What `SheetEdit.save` did: how many cells changed, and where the copy of what was there before lies."""

    changed: int
    backup: Path | None


class SheetEdit:
    """A sheet that is held under the workbook's lock: read, then changed in one save, or not at all.

    :param path: the workbook.
    :param sheet: its records, as they stand in it.
    """

    def __init__(self, plan: Plan, warn: Callable[[str], None]) -> None:
        self._plan = plan
        self._warn = warn
        self.path = plan.target
        self._read = fingerprint(self.path)
        self.sheet: Sheet = plan.read_sheet(self.path)

    def save(self, updates: Sequence[CellUpdate]) -> SavedCells:
        """Let the workbook hold `updates`.

        :raises DecisionNeeded: the save backend would lose something from the workbook; nothing was written.
        :raises WorkbookError: it could not be saved, or somebody else changed it; it is as it was.
        :raises StoreError: the journal cannot be read or written.
        """
        plan, ops = self._plan, self._plan.request.files
        steps = Dispatcher(plan.plugins)
        steps.make_steps()
        backend: SaveBackend = plan.build("save", self._warn)
        check_losses(backend, plan.settings.core.save, self.path, self._warn)
        self._make_ready()
        with self._journal() as (intend, confirm):
            saver = AtomicSaver(
                self.path, self.path, self.sheet.name, backend, ops, plan.folder.backups, intend, confirm, self._warn
            )
            try:
                if saver.fingerprint != self._read:
                    raise _changed(self.path)
                surrounded = steps.around_save(self.path, self._warn)
                receipt: SaveReceipt = surrounded(partial(saver.save, full_check=True), updates)
            finally:
                saver.close()
        return SavedCells(changed=receipt.changed, backup=saver.backup.path if saver.backup else None)

    def _make_ready(self) -> None:
        plan, ops = self._plan, self._plan.request.files
        plan.folder.make(ops, plan.run_id)
        try:
            sweep_leftovers(ops, self.path.parent, self.path.name)
        except OSError as error:
            why = f"{error.filename or self.path}: {error.strerror or error}"
            raise WorkbookError(
                f"{self.path.name} cannot be changed", why=why, hint="mend that, and try again"
            ) from error

    @contextmanager
    def _journal(self) -> Iterator[tuple[Tell, Tell]]:
        """Who hears of the new fingerprint: the last run, if the workbook is as it left it, so that it stays so."""
        store: CheckpointStore = self._plan.build("checkpoint", self._warn)
        try:
            history = latest_history(store)
            if history is None or self._read not in history.expected:
                yield _nobody, _nobody
                return
            covers = history.intended_covers if self._read == history.intended else history.covered
            journal = RunJournal(store, history.info.run_id, history.sequence, covers)
            yield journal.intend_save, journal.confirm_save
        finally:
            store.close()


@contextmanager
def edit_sheet(plan: Plan, warn: Callable[[str], None]) -> Iterator[SheetEdit]:
    """The workbook's sheet, nobody else's while this lasts: the output if there is one, else the workbook itself.

    :raises WorkbookLocked: a run holds it.
    :raises WorkbookError: it cannot be read as the settings say.
    """
    path = plan.current
    plan = replace(plan, source=path, target=path, folder=state_folder(path, plan.settings.core.state_dir))
    with WorkbookLock(path, plan.request.files).acquire(plan.request.wait):
        owner = owner_of_open_file(path)
        if owner:
            warn(f"{path.name} is open ({owner}): what is typed there now and saved later would undo this")
        yield SheetEdit(plan, warn)


def _nobody(_: Fingerprint) -> None:
    """No run has to know."""


def _changed(path: Path) -> WorkbookError:
    return WorkbookError(
        f"{path.name} was changed by somebody else just now, and was left as it is",
        hint="type the same command again",
    )
