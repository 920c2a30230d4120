"""The runs of a workbook, as its journal tells of them. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ihacpa_core.codec import decode_metrics, encode_metrics
from ihacpa_core.engine.journal import RunHistory, read_history
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.engine.summary import count_unchecked, failure_to_dict
from ihacpa_core.errors import StoreError
from ihacpa_core.journal import EntryKind
from ihacpa_core.json_reader import JsonReader
from ihacpa_core.records import Outcome, Status
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import RunMetrics, RunState

_LONG = frozenset({"what", "settings", "headers"})
"""Details of a choice that say nothing to a person in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run in a line.

    :param records: those that it is about; `left` of them have no outcome.
    :param unchecked: those that are done, but could not be looked up everywhere.
    :param flaw: why its journal cannot be read; nothing else is known then.
    """

    run_id: str
    started: datetime | None = None
    state: RunState = RunState.UNFINISHED
    sheet: str = ""
    records: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    left: int = 0
    unchecked: int = 0
    batches: int = 0
    flaw: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "run_id": self.run_id,
            "started": self.started.isoformat() if self.started else None,
            "state": "damaged" if self.flaw else self.state.value,
            "sheet": self.sheet,
            "records": self.records,
            "done": self.done,
            "failed": self.failed,
            "skipped": self.skipped,
            "unchecked": self.unchecked,
            "left": self.left,
            "batches": self.batches,
            "flaw": self.flaw,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """A batch as it was committed. `seconds` from its first record to its last."""

    number: int
    records: int
    failed: int
    seconds: float
    closed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceLine:
    """What a person, or a flag, decided: `sequence` is its place in the journal."""

    sequence: int
    what: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """A run with what was counted, what failed, what was chosen, and its batches.

    :param metrics: of all processes of the run, as the last one wrote them when it ended; of a run whose only process
        was killed as its newest checkpoint has them, if any.
    """

    line: RunLine
    metrics: RunMetrics | None
    failures: tuple[Outcome, ...]
    unchecked: tuple[tuple[str, int], ...]
    choices: tuple[ChoiceLine, ...]
    batches: tuple[BatchLine, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            **self.line.to_dict(),
            "metrics": encode_metrics(self.metrics) if self.metrics else None,
            "failures": [failure_to_dict(outcome) for outcome in self.failures],
            "not_checked": [{"what": what, "records": count} for what, count in self.unchecked],
            "choices": [
                {"sequence": each.sequence, "what": each.what, "details": dict(each.details)} for each in self.choices
            ],
            "batch_list": [asdict(batch) for batch in self.batches],
        }


@contextmanager
def reading(plan: Plan, warn: Callable[[str], None]) -> Iterator[CheckpointStore]:
    """The checkpoint store of a workbook, opened so that nothing is written."""
    store: CheckpointStore = plan.build("checkpoint", warn, read_only=True)
    try:
        yield store
    finally:
        store.close()


def list_runs(store: CheckpointStore) -> list[RunLine]:
    """Every run, oldest first; one whose journal is damaged says so in its line.

    :raises StoreError: not even the list of runs can be read.
    """
    return [_line(store, run_id) for run_id in store.runs()]


def run_line(history: RunHistory) -> RunLine:
    """What `history` comes to."""
    statuses = Counter(outcome.status for outcome in history.outcomes.values())
    left = sum(1 for record in history.plan if record not in history.outcomes)
    return RunLine(
        run_id=history.info.run_id,
        started=history.info.started,
        state=RunState.FINISHED if history.finished else RunState.UNFINISHED,
        sheet=history.info.sheet,
        records=len(history.outcomes) + left,
        done=statuses[Status.DONE],
        failed=statuses[Status.FAILED],
        skipped=statuses[Status.SKIPPED],
        left=left,
        unchecked=sum(1 for outcome in history.outcomes.values() if outcome.unchecked),
        batches=history.batches,
    )


def run_details(store: CheckpointStore, run_id: str) -> RunDetails:
    """Everything about one run.

    :raises StoreError: its journal is damaged.
    """
    history = read_history(store, run_id, details=False)
    noted: dict[str, list[tuple[int, Mapping[str, Any]]]] = {kind: [] for kind in EntryKind}
    for entry in store.entries(run_id):
        if entry.kind in (EntryKind.BATCH, EntryKind.CHOICE, EntryKind.STOPPED, EntryKind.FINISHED):
            noted[entry.kind].append((entry.sequence, entry.payload))
    outcomes = history.outcomes.values()
    failures = sorted((each for each in outcomes if each.status is Status.FAILED), key=lambda outcome: outcome.row)
    return RunDetails(
        line=run_line(history),
        metrics=_metrics(store, run_id, noted[EntryKind.FINISHED] or noted[EntryKind.STOPPED]),
        failures=tuple(failures),
        unchecked=count_unchecked(outcomes),
        choices=tuple(_choice(sequence, payload) for sequence, payload in noted[EntryKind.CHOICE]),
        batches=tuple(_batch(payload) for _, payload in noted[EntryKind.BATCH]),
    )


def _line(store: CheckpointStore, run_id: str) -> RunLine:
    try:
        return run_line(read_history(store, run_id, details=False))
    except StoreError as error:
        return RunLine(run_id=run_id, flaw=str(error))


def _metrics(store: CheckpointStore, run_id: str, ended: Sequence[tuple[int, Mapping[str, Any]]]) -> RunMetrics | None:
    if ended:
        return decode_metrics(JsonReader(ended[-1][1], "the end of a run").mapping("metrics").content)
    checkpoints = store.checkpoints(run_id)
    return checkpoints[-1].metrics if checkpoints else None


def _choice(sequence: int, payload: Mapping[str, Any]) -> ChoiceLine:
    details = {name: value for name, value in payload.items() if name not in _LONG}
    return ChoiceLine(sequence=sequence, what=str(payload.get("what", "")), details=details)


def _batch(payload: Mapping[str, Any]) -> BatchLine:
    read = JsonReader(payload, "a batch")
    return BatchLine(
        number=read.integer("number"),
        records=len(payload.get("records", ())),
        failed=read.integer("failed"),
        seconds=read.number("seconds"),
        closed_by=read.text("closed_by"),
    )
