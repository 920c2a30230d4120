"""Decides how a run starts: anew, or where the last one was interrupted. Pure: it reads nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from ihacpa_core.engine.identity import input_digest
from ihacpa_core.engine.journal import RunHistory
from ihacpa_core.errors import DecisionNeeded, UsageError
from ihacpa_core.records import Outcome, Record, RecordId
from ihacpa_core.state import Fingerprint, RecoveryOptions, StartMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How the run starts.

    :param history: the run that goes on; None starts a new one.
    :param edited: somebody changed the workbook since that run last wrote it.
    """

    history: RunHistory | None = None
    edited: bool = False


def decide(
    history: RunHistory | None,
    current: Fingerprint | None,
    options: RecoveryOptions,
    settings: Mapping[str, Any],
) -> Start:
    """Whether the latest run of the workbook goes on.

    :param current: the workbook as it is now; None if it does not exist (yet).
    :param settings: what the effective settings say about the outcome (see `meaning_of`).
    :raises UsageError: a place in an unfinished run is named, and there is none.
    :raises DecisionNeeded: the run is unfinished, and going on or starting anew is not for us to choose.
    """
    if options.goes_back and (history is None or history.finished):
        raise UsageError("there is no unfinished run to go back in", hint="leave the option out to begin a new run")
    if history is None or history.finished or options.mode is StartMode.FRESH:
        return Start()
    edited = current is not None and current not in history.expected
    differs = meaning_of(history.info.settings) != settings
    if (edited or differs) and not options.force:
        raise DecisionNeeded(
            f"run {history.info.run_id} is unfinished ({len(history.outcomes)} of {history.info.records} records done)",
            why=_why(edited, differs),
            hint="--force-continue goes on and keeps every edit; --start-fresh begins anew",
        )
    return Start(history=history, edited=edited)


def _why(edited: bool, differs: bool) -> str:
    reasons = []
    if edited:
        reasons.append("the workbook was changed since the run last wrote it")
    if differs:
        reasons.append("the settings differ from those it was started with")
    return " and ".join(reasons)


def meaning_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the settings that decides what an outcome says: the sheet and the processor, not the pace."""
    core = settings.get("ihacpa", {})
    word = str(core.get("processor", ""))
    table = dict(settings.get("processor", {}).get(word.partition(":")[0], {}))
    for pace in ("concurrency", "results"):
        table.pop(pace, None)
    return {"sheet": settings.get("sheet", {}), "processor": word, "options": _as_stored(table)}


def _as_stored(value: Any) -> Any:
    """`value` as the journal gives it back: dates are text there."""
    if isinstance(value, Mapping):
        return {key: _as_stored(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_stored(item) for item in value]
    return value.isoformat() if isinstance(value, date | time) else value


def split(records: Sequence[Record], outcomes: Mapping[RecordId, Outcome]) -> tuple[list[Record], list[Outcome]]:
    """The records that are still to be processed, and the outcomes that stand.

    An outcome stands as long as its record is there with the same input; in which row does not matter.
    """
    todo: list[Record] = []
    standing: list[Outcome] = []
    for record in records:
        outcome = outcomes.get(record.id)
        if outcome is not None and outcome.input_digest == input_digest(record, outcome.inputs):
            standing.append(outcome)
        else:
            todo.append(record)
    return todo, standing
