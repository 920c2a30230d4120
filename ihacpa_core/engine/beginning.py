"""How a run begins: which run it is, which records are in it, which of them are done. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.journal import RunHistory, latest_history
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.engine.recovery import decide, meaning_of, split
from ihacpa_core.engine.selection import select
from ihacpa_core.errors import DecisionNeeded
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
    :param chosen: the records that are in the run; `todo` are those without a standing outcome.
    :param edited: a person changed the workbook since the run last wrote it.
    :param anew: the workbook is an earlier copy that is to be made anew from its source first.
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
    anew: bool = False

    @property
    def rows(self) -> dict[RecordId, Record]:
        return {record.id: record for record in self.sheet.records}


def begin(plan: Plan, store: CheckpointStore, warn: Callable[[str], None], *, read_only: bool = False) -> Beginning:
    """Look at the workbook and at its latest run, and decide how to start.

    :raises DecisionNeeded: only a person can decide.
    :raises NothingToDo: no record matches.
    :raises WorkbookError: the workbook cannot be read as the settings say.
    """
    latest = latest_history(store)
    anew = _copied_anew(plan, latest)
    origin = plan.source if anew else plan.current
    current = fingerprint(origin)
    start = decide(latest, current, plan.request.recovery, meaning_of(plan.settings.effective()))
    if start.history is not None:
        plan = replace(plan, run_id=start.history.info.run_id)
    sheet = plan.read_sheet(origin)
    for warning in sheet.warnings:
        warn(warning)
    processor = plan.processor(warn, read_only=read_only)
    results = processor.bind(sheet.headers)
    chosen = select(sheet.records, plan.request.selection, results=results, latest=latest.outcomes if latest else {})
    redo = plan.request.selection.only_failed or start.history is None
    todo, standing = split(chosen, {} if redo or start.history is None else start.history.outcomes)
    return Beginning(
        plan=plan,
        history=start.history,
        current=current,
        sheet=sheet,
        processor=processor,
        results=tuple(results),
        chosen=chosen,
        todo=tuple(todo),
        standing=tuple(standing),
        edited=start.edited,
        anew=anew,
    )


def _copied_anew(plan: Plan, latest: RunHistory | None) -> bool:
    """Whether an output that is there already is replaced by a new copy of the source.

    :raises DecisionNeeded: it is there, and nobody said what to do with it.
    """
    if plan.target == plan.source or not plan.target.exists():
        return False
    if plan.request.selection != Selection():
        return False  # some rows of the result are wanted again; the others stay
    if plan.request.recovery.mode is StartMode.FRESH:
        return True
    if latest is not None and not latest.finished:
        return False
    if latest is not None and fingerprint(plan.target) in latest.expected:
        return True  # nobody touched what the last run made of it
    raise DecisionNeeded(
        f"{plan.target.name} exists already",
        why=f"a new run would replace it by a copy of {plan.source.name}, and somebody else has written it",
        hint=f"--start-fresh replaces it (a backup is kept); or go on in it: ihacpa {plan.target.name}",
    )
