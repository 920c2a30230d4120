"""What a run holds in memory does not grow with what its outcomes bring."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field, replace

import pytest
from ihacpa_plugins.checkpoint.sqlite import SqliteStore

from ihacpa_core.engine.checkpoints import Ticket
from ihacpa_core.engine.identity import input_digest
from ihacpa_core.engine.journal import RunJournal
from ihacpa_core.engine.saver import SaveReceipt, WorkbookChanged
from ihacpa_core.engine.saving import Drawing, Origin, Saving
from ihacpa_core.engine.schedule import SaveSchedule
from ihacpa_core.engine.tracker import ProgressTracker
from ihacpa_core.records import Cell, Failure, Outcome, Record, RecordId, Status
from ihacpa_core.state import Fingerprint, RunMetrics

ROWS = {RecordId(f"p{row}"): Record(row=row, key=f"p{row}") for row in range(2, 12)}


def outcome(row, text="x", **more):
    record = Record(row=row, key=f"p{row}")
    made = Outcome.done(record, {"F": Cell(text)}, detail={"report": "y" * 100}, **more)
    return replace(made, input_digest=input_digest(record, ()))


@pytest.fixture
def journal(tmp_path):
    store = SqliteStore(tmp_path / "journal.sqlite")
    yield RunJournal(store, "run")
    store.close()


@dataclass
class Sheet:
    """A workbook whose saver keeps the updates that it got; `changed` says that somebody wrote it meanwhile."""

    saves: list[dict[str, object]] = field(default_factory=list)
    changed: bool = False

    def save(self, updates, *, full_check):
        if self.changed:
            self.changed = False
            raise WorkbookChanged("somebody else wrote it")
        self.saves.append({update.ref: update.cell.value for update in updates})
        return SaveReceipt(
            changed=len(updates),
            unchanged=0,
            seconds=0.0,
            verify_seconds=0.0,
            fingerprint=Fingerprint("0" * 64, 1),
            replaced=True,
        )

    def check(self):
        """Nothing to look at."""

    def close(self):
        """Nothing to let go of."""


@pytest.fixture
def sheet():
    return Sheet()


@pytest.fixture
def saving(sheet, journal):
    made = Saving(
        draw=lambda: Drawing(sheet, ROWS, {}),
        recall=journal.recall,
        schedule=SaveSchedule(every="batch"),
        surround=lambda save, updates: save(updates),
        starting=lambda: journal.mark() or Ticket(False, 0, 0, RunMetrics()),
        saved=lambda receipt: None,
        after_save=lambda receipt, ticket: None,
        warn=pytest.fail,
        origin=Origin(ROWS.keys(), {}),
    )
    yield made
    made.close()


def save(saving, journal, *outcomes):
    journal.outcomes(outcomes)
    saving.add(outcomes)
    asyncio.run(saving.finish())


def test_counting_an_outcome_needs_none_of_what_it_brings():
    """The tracker keeps who, where, what became of it and why; cells and details stay in the journal."""
    tracker = ProgressTracker()
    failed = replace(outcome(2), status=Status.FAILED, error=Failure(kind="E", message="m", transient=True))

    tracker.record(failed)
    tracker.resume([outcome(3)])

    assert [(kept.cells, kept.detail, kept.before) for kept in tracker.outcomes] == [({}, {}, {})] * 2
    assert tracker.with_status(Status.FAILED)[0].error == failed.error
    assert tracker.with_status(Status.FAILED)[0].row == 2


def test_a_save_brings_only_what_is_new(saving, sheet, journal):
    """What is in the workbook is not written again as long as nobody changed the file."""
    save(saving, journal, outcome(2, "a"))
    save(saving, journal, outcome(3, "b"))

    assert sheet.saves == [{"F2": "a"}, {"F3": "b"}]


def test_a_changed_workbook_is_drawn_from_the_journal(saving, sheet, journal):
    """Somebody replaced the file: every outcome so far is drawn, each record's latest, read back from the journal."""
    save(saving, journal, outcome(2, "old"), outcome(3, "b"))
    save(saving, journal, outcome(2, "new"))
    sheet.changed = True
    save(saving, journal, outcome(4, "c"))

    assert sheet.saves[-1] == {"F2": "new", "F3": "b", "F4": "c"}


def test_what_no_save_was_told_of_is_not_drawn(saving, sheet, journal):
    """An outcome of the run that does not stand any more is in the journal, and stays out of the workbook."""
    journal.outcomes([outcome(9, "withdrawn")])
    save(saving, journal, outcome(2, "a"))
    sheet.changed = True
    save(saving, journal, outcome(3, "b"))

    assert sheet.saves[-1] == {"F2": "a", "F3": "b"}


def test_recalling_gives_what_the_save_covers(journal):
    """What became durable after a save began is the next one's; details for reports are left where they are."""
    journal.outcomes([outcome(2, "a"), outcome(3, "b")])
    journal.mark()
    journal.outcomes([outcome(2, "later")])

    recalled = list(journal.recall())

    assert [(kept.id.key, kept.cells["F"].value, kept.detail) for kept in recalled] == [
        ("p2", "a", {}),
        ("p3", "b", {}),
    ]


def test_saving_forgets_what_is_in_the_workbook(saving, journal):
    """After a save nothing of an outcome is left in memory but who it was about."""
    save(saving, journal, *(outcome(row, f"remember-{row}") for row in range(2, 12)))
    gc.collect()

    held = [thing for thing in gc.get_objects() if isinstance(thing, Outcome)]
    assert [kept for kept in held if any("remember" in str(cell.value) for cell in kept.cells.values())] == []
