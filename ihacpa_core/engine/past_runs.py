"""Runs that are over or interrupted, read back from the journal: what reports are made from. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ihacpa_core.engine.journal import RunHistory, read_history
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.errors import UsageError
from ihacpa_core.records import Outcome, RecordId
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import Selection

LATEST, PREVIOUS, ALL = "latest", "previous", "all"
"""Words in the place of a run's id: the newest run, the one before it, and the newest result of each record."""
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run, as its journal has it.

    :param run_id: its id; of ``all`` runs together, the newest one's.
    :param records: how many records its list has; `outcomes` are fewer if it is not finished.
    :param whole: it was about the whole sheet, not about some of its rows.
    :param headers: the sheet's header texts by column letter.
    :param settings: the effective settings, as nested tables; dates in them are text.
    :param outcomes: the latest outcome of each record, in the order of the rows.
    :param missing: the records that have none yet.
    """

    run_id: str
    workbook: Path
    sheet: str
    started: datetime
    finished: bool
    records: int
    whole: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    missing: tuple[RecordId, ...] = ()


def past_runs(plan: Plan, words: Sequence[str]) -> list[PastRun]:
    """The runs of the workbook that `words` mean: an id, the beginning of one, or a word such as ``latest``.

    :raises UsageError: there is no such run, or more than one.
    :raises StoreError: the journal is damaged.
    """
    store: CheckpointStore = plan.build("checkpoint", lambda _: None, read_only=True)
    try:
        known = store.runs()
        return [_read(store, known, word, plan.target) for word in words]
    finally:
        store.close()


def _read(store: CheckpointStore, known: Sequence[str], word: str, workbook: Path) -> PastRun:
    if not known:
        hint = f"ihacpa {workbook.name} starts one"
        raise UsageError(f"there was no run on {workbook.name} yet", why=f"its journal is empty: {workbook}", hint=hint)
    if word == ALL:
        return _united([read_history(store, run_id) for run_id in known])
    return _past(read_history(store, _meant(word, known, workbook)))


def _meant(word: str, known: Sequence[str], workbook: Path) -> str:
    """The run id that `word` means."""
    if word == LATEST:
        return known[-1]
    if word == PREVIOUS:
        if len(known) > 1:
            return known[-2]
        raise UsageError(f"there is no run before {known[-1]}", why=f"it is the only one on {workbook.name}")
    found = [word] if word in known else [run_id for run_id in known if word and run_id.startswith(word)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join((found or known)[-_NAMED:])
    if found:
        raise UsageError(f"{word!r} means {len(found)} runs", why=f"they are {listed}", hint="type more of the id")
    raise UsageError(
        f"there is no run {word!r} on {workbook.name}",
        why=f"the newest of {len(known)} are {listed}",
        hint=f"name one of them, or {LATEST}, {PREVIOUS} or {ALL}",
    )


def _past(history: RunHistory) -> PastRun:
    info = history.info
    return PastRun(
        run_id=info.run_id,
        workbook=Path(info.workbook),
        sheet=info.sheet,
        started=info.started,
        finished=history.finished,
        records=len(history.plan),
        whole=history.selection == Selection(),
        headers=dict(history.headers),
        settings=info.settings,
        outcomes=_in_order(history.outcomes.values()),
        missing=tuple(record for record in history.plan if record not in history.outcomes),
    )


def _united(histories: Sequence[RunHistory]) -> PastRun:
    """The newest outcome of each record over several runs; everything else is the newest run's."""
    latest = histories[-1]
    outcomes: dict[RecordId, Outcome] = {}
    for history in histories:
        if history.info.sheet == latest.info.sheet:
            outcomes |= history.outcomes
    missing = tuple(record for record in latest.plan if record not in outcomes)
    return PastRun(
        run_id=latest.info.run_id,
        workbook=Path(latest.info.workbook),
        sheet=latest.info.sheet,
        started=latest.info.started,
        finished=latest.finished,
        records=len(outcomes) + len(missing),
        whole=True,
        headers=dict(latest.headers),
        settings=latest.info.settings,
        outcomes=_in_order(outcomes.values()),
        missing=missing,
    )


def _in_order(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    return tuple(sorted(outcomes, key=lambda outcome: (outcome.row, outcome.id)))
