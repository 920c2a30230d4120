"""What a run came to: for the caller, for ``run.json``, and for the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ihacpa_core.errors import ExitCode
from ihacpa_core.records import Level, Outcome, Status
from ihacpa_core.state import RunMetrics, RunState

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """How a run ended.

    :param metrics: what this process did; how many records are done, failed and skipped is the run's.
    :param totals: what the run did in all its processes; the same as `metrics` if there was one.
    :param unchecked: what could not be looked up, with the number of records, most first.
    :param levels: how many records had something serious found, by level, the worst first.
    :param serious: records at or above the `--fail-on` level.
    :param notes: what a person should know about this result, a sentence each.
    :param error: why the workbook could not be saved, if it could not.
    :param next_command: what to type to retry or to go on; empty if nothing is left.
    """

    run_id: str
    workbook: Path
    sheet: str
    exit_code: ExitCode
    state: RunState
    resumed: bool
    metrics: RunMetrics
    totals: RunMetrics
    failures: tuple[Outcome, ...] = ()
    levels: tuple[tuple[str, int], ...] = ()
    unchecked: tuple[tuple[str, int], ...] = ()
    serious: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""
    next_command: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON values: the content of ``run.json``."""
        return {
            "schema": SCHEMA,
            "run_id": self.run_id,
            "workbook": str(self.workbook),
            "sheet": self.sheet,
            "exit_code": int(self.exit_code),
            "state": self.state.value,
            "resumed": self.resumed,
            "metrics": _metrics(self.metrics),
            "totals": _metrics(self.totals),
            "failures": [failure_to_dict(outcome) for outcome in self.failures],
            "unchecked": [{"what": what, "records": count} for what, count in self.unchecked],
            "levels": dict(self.levels),
            "fail_on_met": self.serious,
            "notes": list(self.notes),
            "error": self.error,
            "next_command": self.next_command,
        }


def _metrics(metrics: RunMetrics) -> dict[str, Any]:
    return {**asdict(metrics), "records_per_second": metrics.records_per_second}


def failure_to_dict(outcome: Outcome) -> dict[str, Any]:
    """A failed record as JSON values, without what it was to write."""
    error = outcome.error
    return {
        "key": outcome.id.key,
        "row": outcome.row,
        "attempts": outcome.attempts,
        "kind": error.kind if error else "",
        "message": error.message if error else "",
        "hint": error.hint if error else "",
    }


def count_unchecked(outcomes: Iterable[Outcome]) -> tuple[tuple[str, int], ...]:
    """What could not be looked up, and for how many records, most first."""
    return tuple(Counter(what for outcome in outcomes for what in outcome.unchecked).most_common())


def count_levels(outcomes: Iterable[Outcome]) -> tuple[tuple[str, int], ...]:
    """How many records are at each level above none, the worst first."""
    counted = Counter(outcome.level for outcome in outcomes if outcome.level is not Level.NONE)
    return tuple((level.name.lower(), counted[level]) for level in sorted(counted, reverse=True))


def count_serious(outcomes: Iterable[Outcome], fail_on: str) -> int:
    """How many records are at or above the level named `fail_on`; none if it is empty."""
    if not fail_on:
        return 0
    least = Level[fail_on.upper()]
    return sum(1 for outcome in outcomes if outcome.level >= least)


def exit_code_of(outcomes: Iterable[Outcome], serious: int) -> ExitCode:
    """The exit code of a run that came to its end: 3 beats 1."""
    if any(outcome.status is Status.FAILED or outcome.unchecked for outcome in outcomes):
        return ExitCode.INCOMPLETE
    return ExitCode.FAIL_ON if serious else ExitCode.OK
