"""A run's journal: typed writing and reading over a checkpoint store, which keeps entries and knows no more."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from ihacpa_core.codec import (
    decode_fingerprint,
    decode_metrics,
    decode_outcome,
    decode_run,
    encode_fingerprint,
    encode_metrics,
    encode_outcome,
    encode_run,
)
from ihacpa_core.engine.selection import decode_selection, encode_selection
from ihacpa_core.engine.totals import Earlier
from ihacpa_core.errors import StoreError
from ihacpa_core.journal import EntryKind, JournalEntry
from ihacpa_core.records import Outcome, Record, RecordId
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import BatchMetrics, Fingerprint, RunInfo, RunMetrics, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """What the journal tells about a run.

    :param plan: the records of the run, in the order in which they stood in the sheet when it started.
    :param selection: what was asked for when it started.
    :param headers: the sheet's header texts by column letter when it was last started or resumed.
    :param replaces: the earlier result that the run's first save replaces, if it works on a copy that was there.
    :param outcomes: the latest outcome of each record.
    :param drawn: the records whose latest outcome is in the workbook since the last confirmed save.
    :param covered: the journal's last entry that the last confirmed save covers.
    :param intended_covers: the journal's last entry that the intended save covers.
    :param saved: the workbook as a confirmed save left it; None if there was none.
    :param intended: the workbook as a save meant to leave it whose confirmation is missing.
    :param written: the place in the journal of each record's latest outcome.
    :param committed: the records of each committed batch, by its number.
    :param earlier: what its processes have done, as far as the journal knows.
    """

    info: RunInfo
    plan: tuple[RecordId, ...] = ()
    selection: Selection = field(default_factory=Selection)
    headers: Mapping[str, str] = field(default_factory=dict)
    replaces: Fingerprint | None = None
    outcomes: Mapping[RecordId, Outcome] = field(default_factory=dict)
    batches: int = 0
    drawn: frozenset[RecordId] = frozenset()
    covered: int = 0
    saved: Fingerprint | None = None
    intended: Fingerprint | None = None
    intended_covers: int = 0
    finished: bool = False
    sequence: int = 0
    written: Mapping[RecordId, int] = field(default_factory=dict)
    committed: Mapping[int, tuple[RecordId, ...]] = field(default_factory=dict)
    earlier: RunMetrics = field(default_factory=RunMetrics)

    @property
    def expected(self) -> tuple[Fingerprint, ...]:
        """The states of the workbook that this run itself can have left behind."""
        return (self.saved or self.info.original, *((self.intended,) if self.intended else ()))


def read_history(store: CheckpointStore, run_id: str, *, details: bool = True) -> RunHistory:
    """Read one run.

    :param details: with what its outcomes keep for reports, which a run that goes on has no use for.
    :raises StoreError: the journal is damaged, or was written by a newer version.
    """
    reading = _Reading(details=details)
    for entry in store.entries(run_id):
        reading.take(entry)
    return reading.history(run_id)


def latest_history(store: CheckpointStore) -> RunHistory | None:
    """The newest run of the workbook, finished or not, without what is kept for reports."""
    runs = store.runs()
    return read_history(store, runs[-1], details=False) if runs else None


def latest_outcomes(store: CheckpointStore) -> dict[RecordId, Outcome]:
    """The newest outcome of each record, whichever run of the workbook it is from."""
    outcomes: dict[RecordId, Outcome] = {}
    for run_id in store.runs():
        outcomes |= read_history(store, run_id, details=False).outcomes
    return outcomes


def _ids(pairs: Iterable[Sequence[Any]]) -> Iterator[RecordId]:
    return (RecordId(key, occurrence) for key, occurrence in pairs)


class _Reading:
    """Folds the entries of a run, in order."""

    def __init__(self, *, details: bool = True) -> None:
        self._details = details
        self._info: RunInfo | None = None
        self._plan: tuple[RecordId, ...] = ()
        self._selection = Selection()
        self._headers: Mapping[str, str] = {}
        self._replaces: Fingerprint | None = None
        self._outcomes: dict[RecordId, Outcome] = {}
        self._written: dict[RecordId, int] = {}
        self._covered = 0
        self._intended_covers = 0
        self._batches = 0
        self._committed: dict[int, tuple[RecordId, ...]] = {}
        self._saved: Fingerprint | None = None
        self._intended: Fingerprint | None = None
        self._finished = False
        self._sequence = 0
        self._earlier = Earlier()
        self._fold = {
            EntryKind.RUN: self._on_run,
            EntryKind.PLAN: self._on_plan,
            EntryKind.OUTCOME: self._on_outcome,
            EntryKind.BATCH: self._on_batch,
            EntryKind.SAVE_INTENDED: self._on_intended,
            EntryKind.SAVE_CONFIRMED: self._on_confirmed,
            EntryKind.CHOICE: self._on_choice,
            EntryKind.STOPPED: self._on_stopped,
            EntryKind.FINISHED: self._on_finished,
        }

    def take(self, entry: JournalEntry) -> None:
        self._sequence = entry.sequence
        fold = self._fold.get(EntryKind(entry.kind)) if entry.kind in set(EntryKind) else None
        if fold is None:
            return
        try:
            fold(entry.payload)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"entry {entry.sequence} of run {entry.run_id} cannot be read",
                why=f"{type(error).__name__}: {error}",
                hint="--start-fresh leaves that run as it is and begins anew",
            ) from error

    def history(self, run_id: str) -> RunHistory:
        if self._info is None:
            raise StoreError(f"the journal of run {run_id} lacks its beginning", hint="ihacpa run --start-fresh")
        return RunHistory(
            info=self._info,
            plan=self._plan,
            selection=self._selection,
            headers=self._headers,
            replaces=self._replaces,
            outcomes=self._outcomes,
            drawn=frozenset(record for record, written in self._written.items() if written <= self._covered),
            batches=self._batches,
            covered=self._covered,
            saved=self._saved,
            intended=self._intended,
            intended_covers=self._intended_covers,
            finished=self._finished,
            sequence=self._sequence,
            written=self._written,
            committed=self._committed,
            earlier=self._earlier.metrics,
        )

    def outcomes(self) -> Iterable[Outcome]:
        """The latest outcome of each record."""
        return self._outcomes.values()

    def _on_run(self, payload: Mapping[str, Any]) -> None:
        self._info = decode_run(payload)

    def _on_plan(self, payload: Mapping[str, Any]) -> None:
        self._plan = tuple(_ids(payload["records"]))
        self._selection = decode_selection(payload["selection"])
        self._headers = payload["headers"]
        self._replaces = decode_fingerprint(payload["replaces"]) if payload["replaces"] else None

    def _on_outcome(self, payload: Mapping[str, Any]) -> None:
        outcome = decode_outcome(payload)
        self._outcomes[outcome.id] = outcome if self._details else replace(outcome, detail={})
        self._written[outcome.id] = self._sequence
        self._earlier.outcome(outcome)

    def _on_batch(self, payload: Mapping[str, Any]) -> None:
        self._batches = payload["number"]
        self._committed[self._batches] = tuple(_ids(payload["records"]))
        self._earlier.batch(payload["seconds"])

    def _on_intended(self, payload: Mapping[str, Any]) -> None:
        self._intended = decode_fingerprint(payload["workbook"])
        self._intended_covers = payload["covers"]

    def _on_confirmed(self, payload: Mapping[str, Any]) -> None:
        self._saved, self._intended = decode_fingerprint(payload["workbook"]), None
        self._covered = payload["covers"]
        self._earlier.save()

    def _on_choice(self, payload: Mapping[str, Any]) -> None:
        # A person let the run go on with these settings and columns: from then on they are the run's.
        if self._info is not None and payload["what"] == "resume":
            self._info = replace(self._info, settings=payload["settings"])
            self._headers = payload["headers"]
            for record in _ids(payload.get("superseded", ())):
                self._outcomes.pop(record, None)
                self._written.pop(record, None)
        elif payload["what"] == "restored":  # a backup was put back: every outcome is to be drawn again
            self._saved, self._intended = decode_fingerprint(payload["workbook"]), None
            self._covered = 0

    def _on_stopped(self, payload: Mapping[str, Any]) -> None:
        self._earlier.account(decode_metrics(payload["metrics"]))

    def _on_finished(self, payload: Mapping[str, Any]) -> None:
        self._finished = True
        self._on_stopped(payload)


class RunJournal:
    """Appends to one run's journal. Its methods may be called from several threads; entries keep their order."""

    def __init__(self, store: CheckpointStore, run_id: str, sequence: int = 0, covers: int | None = None) -> None:
        self._store = store
        self._run_id = run_id
        self._sequence = sequence
        self._covers = sequence if covers is None else covers
        self._lock = threading.Lock()

    @property
    def sequence(self) -> int:
        return self._sequence

    def begin(
        self,
        info: RunInfo,
        records: Sequence[Record],
        *,
        selection: Selection,
        headers: Mapping[str, str],
        replaces: Fingerprint | None,
    ) -> None:
        """Write that the run starts, the list of its records, and what it was asked for."""
        plan = {
            "records": [[record.key, record.occurrence] for record in records],
            "selection": encode_selection(selection),
            "headers": dict(headers),
            "replaces": encode_fingerprint(replaces) if replaces else None,
        }
        self._append((EntryKind.RUN, encode_run(info)), (EntryKind.PLAN, plan))

    def mark(self) -> None:
        """Take notice that the next save covers everything that is durable now."""
        self._covers = self._sequence

    def recall(self) -> Iterable[Outcome]:
        """The latest outcome of each record among those that the save under way covers, without what reports need.

        Nothing can be written meanwhile: a store need not bear a reader beside its writer.

        :raises StoreError: the journal is damaged.
        """
        reading = _Reading(details=False)
        with self._lock:
            for entry in takewhile(lambda entry: entry.sequence <= self._covers, self._store.entries(self._run_id)):
                reading.take(entry)
        return reading.outcomes()

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Make outcomes durable: the commit point."""
        self._append(*((EntryKind.OUTCOME, encode_outcome(outcome)) for outcome in outcomes))

    def batch(self, metrics: BatchMetrics, records: Sequence[RecordId]) -> None:
        """Write that a batch is committed, and which records were in it."""
        ids = [[record.key, record.occurrence] for record in records]
        payload = {
            "number": metrics.number,
            "records": ids,
            "failed": metrics.failed,
            "seconds": round(metrics.seconds, 6),
            "closed_by": metrics.closed_by,
        }
        self._append((EntryKind.BATCH, payload))

    def intend_save(self, fingerprint: Fingerprint) -> None:
        """Write what the workbook is about to become."""
        payload = {"workbook": encode_fingerprint(fingerprint), "covers": self._covers}
        self._append((EntryKind.SAVE_INTENDED, payload))

    def confirm_save(self, fingerprint: Fingerprint) -> None:
        """Write what the workbook is now."""
        payload = {"workbook": encode_fingerprint(fingerprint), "covers": self._covers}
        self._append((EntryKind.SAVE_CONFIRMED, payload))

    def confirm_late(self, fingerprint: Fingerprint, covers: int) -> None:
        """Write what an interrupted process could not: the save that it had intended did happen."""
        payload = {"workbook": encode_fingerprint(fingerprint), "covers": covers}
        self._append((EntryKind.SAVE_CONFIRMED, payload))

    def choice(self, what: str, **details: Any) -> None:
        """Write a person's decision."""
        self._append((EntryKind.CHOICE, {"what": what, **details}))

    def stop(self, metrics: RunMetrics, exit_code: int) -> None:
        """Write that this process leaves the run unfinished, and what the run has done so far."""
        self._append((EntryKind.STOPPED, {"metrics": encode_metrics(metrics), "exit_code": exit_code}))

    def finish(self, metrics: RunMetrics) -> None:
        """Write that the run is complete: its workbook shows every outcome. `metrics` of all its processes."""
        self._append((EntryKind.FINISHED, {"metrics": encode_metrics(metrics)}))

    def _append(self, *items: tuple[EntryKind, Mapping[str, Any]]) -> None:
        with self._lock:
            entries = [
                JournalEntry(run_id=self._run_id, sequence=self._sequence + place, kind=kind, payload=payload)
                for place, (kind, payload) in enumerate(items, start=1)
            ]
            self._store.append(entries)
            self._sequence += len(entries)
