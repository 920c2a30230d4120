"""How a run begins: which run it is, which records are in it, which of them are done. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.going_back import GoingBack, go_back, without
from ihacpa_core.engine.journal import RunHistory, latest_history, latest_outcomes
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.engine.projection import columns_moved, moved_columns, used_columns
from ihacpa_core.engine.recovery import decide, meaning_of, split
from ihacpa_core.engine.selection import select, unmatched
from ihacpa_core.errors import DecisionNeeded, StoreError
from ihacpa_core.records import Outcome, Record, RecordId
from ihacpa_core.roles import CheckpointStore, Processor
from ihacpa_core.state import Fingerprint, Selection, StartMode
from ihacpa_core.workbook.records import Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A run at its start.

    :param history: the run that goes on, or None.
    :param current: the workbook as its records were read.
    :param results: the letters that the processor may write; empty if it does not say.
    :param chosen: the records of the run, as far as they are in the sheet.
    :param todo: those that are processed now; with `standing` they may be fewer than `chosen`, if a resumed run is
        asked for some of its records alone.
    :param edited: a person changed the workbook since the run last wrote it.
    :param superseded: records whose outcome of the run no longer counts: they are done again.
    :param replaces: the earlier result that the first save replaces by a copy of the source; None if there is none.
    """

    plan: Plan
    history: RunHistory | None
    current: Fingerprint
    sheet: Sheet
    processor: Processor
    results: tuple[str, ...]
    chosen: tuple[Record, ...]
    todo: tuple[Record, ...]
    standing: tuple[Outcome, ...]
    edited: bool
    superseded: frozenset[RecordId] = frozenset()
    replaces: Fingerprint | None = None

    @property
    def origin(self) -> Path:
        """The file that the records were read from."""
        return self.plan.source if self.replaces else self.plan.current

    @property
    def rows(self) -> dict[RecordId, Record]:
        return {record.id: record for record in self.sheet.records}


def begin(plan: Plan, store: CheckpointStore, warn: Callable[[str], None], *, read_only: bool = False) -> Beginning:
    """Look at the workbook and at its latest run, and decide how to start.

    :raises DecisionNeeded: only a person can decide.
    :raises NothingToDo: no record matches.
    :raises WorkbookError: the workbook cannot be read as the settings say.
    """
    latest = _latest(plan, store, warn)
    replaces = _replaced(plan, latest)
    origin = plan.source if replaces else plan.current
    current = fingerprint(origin)
    start = decide(latest, current, plan.request.recovery, meaning_of(plan.settings.effective()))
    if start.history is not None:
        plan = replace(plan, run_id=start.history.info.run_id)
    back = _going_back(plan, store, start.history, warn)
    sheet = plan.read_sheet(origin, start.history.info.sheet if start.history else None)
    if start.history is not None:
        _check_columns(start.history, sheet)
    processor = plan.processor(warn, read_only=read_only)
    results = tuple(processor.bind(sheet.headers))
    for message in (*sheet.warnings, *_unmatched(plan, sheet)):
        warn(message)
    choose = _resumed if start.history is not None else _fresh
    history = without(start.history, back.superseded) if start.history is not None else latest
    chosen, todo, standing = choose(plan, store, history, sheet, results)
    return Beginning(
        plan=plan,
        history=start.history,
        current=current,
        sheet=sheet,
        processor=processor,
        results=results,
        chosen=tuple(chosen),
        todo=tuple(record for record in todo if record.id not in back.left),
        standing=tuple(standing),
        edited=start.edited,
        superseded=back.superseded,
        replaces=replaces,
    )


Choice = tuple[Sequence[Record], Sequence[Record], Sequence[Outcome]]


def _fresh(
    plan: Plan, store: CheckpointStore, latest: RunHistory | None, sheet: Sheet, results: Sequence[str]
) -> Choice:
    """A new run: what is asked for, all of it to be processed."""
    selection = plan.request.selection
    before = latest_outcomes(store) if latest is not None and selection.only_failed else {}
    chosen = select(sheet.records, selection, results=results, latest=before)
    return chosen, chosen, ()


def _resumed(
    plan: Plan, store: CheckpointStore, history: RunHistory | None, sheet: Sheet, results: Sequence[str]
) -> Choice:
    """A run that goes on: its own records, and new rows if it is about the whole sheet.

    Asked for as it was started, or for nothing in particular, it goes on with whatever is left. Asked for other
    records, it processes those among them that are left, and stays unfinished until all are.
    """
    assert history is not None
    planned = set(history.plan)
    whole = history.selection == Selection()
    chosen = [record for record in sheet.records if whole or record.id in planned]
    todo, standing = split(chosen, history.outcomes)
    selection = plan.request.selection
    if selection not in (Selection(), history.selection):
        wanted = select(chosen, selection, results=results, latest=history.outcomes)
        todo = list(wanted) if selection.only_failed else [record for record in todo if record in wanted]
        again = {record.id for record in todo}
        standing = [outcome for outcome in standing if outcome.id not in again]
    return chosen, todo, standing


def _check_columns(history: RunHistory, sheet: Sheet) -> None:
    """Whether the columns that the run's outcomes belong to are where they were.

    :raises WorkbookError: another header stands over one of them.
    """
    moved = moved_columns(history.headers, sheet.headers.texts, used_columns(history.outcomes.values()))
    if moved:
        raise columns_moved(moved)


def _going_back(
    plan: Plan, store: CheckpointStore, history: RunHistory | None, warn: Callable[[str], None]
) -> GoingBack:
    """The place in the run from which records are done again, if one is asked for; told before anything is done.

    :raises UsageError: there is no such place.
    """
    options = plan.request.recovery
    if history is None or not options.goes_back:
        return GoingBack()
    back = go_back(history, options, store)
    for sentence in back.told:
        warn(sentence)
    return back


def _latest(plan: Plan, store: CheckpointStore, warn: Callable[[str], None]) -> RunHistory | None:
    """The workbook's newest run. A journal that cannot be read keeps nobody from beginning anew.

    :raises StoreError: it is damaged.
    """
    try:
        return latest_history(store)
    except StoreError as error:
        if plan.request.recovery.mode is not StartMode.FRESH:
            raise
        warn(f"the last run cannot be read and is left as it is: {error}")
        return None


def _unmatched(plan: Plan, sheet: Sheet) -> list[str]:
    names = unmatched(sheet.records, plan.request.selection)
    return [f"no row has the key {', '.join(names)}"] if names else []


def _replaced(plan: Plan, latest: RunHistory | None) -> Fingerprint | None:
    """The output that is there already and is replaced by a new copy of the source; None if it is not.

    :raises DecisionNeeded: it is there, and nobody said what to do with it.
    """
    if plan.target == plan.source or not plan.target.exists():
        return None
    found = fingerprint(plan.target)
    if plan.request.recovery.mode is StartMode.FRESH:
        return found
    if latest is not None and not latest.finished:
        interrupted_before_its_first_save = latest.saved is None and found == latest.replaces
        return found if interrupted_before_its_first_save else None
    if plan.request.selection != Selection():
        return None  # some rows of the result are wanted again; the others stay
    if latest is not None and found in latest.expected:
        return found  # nobody touched what the last run made of it
    raise DecisionNeeded(
        f"{plan.target.name} exists already",
        why=f"a new run would replace it by a copy of {plan.source.name}, and somebody else has written it",
        hint=f"--start-fresh replaces it (a backup is kept); or go on in it: ihacpa {plan.target.name}",
    )
