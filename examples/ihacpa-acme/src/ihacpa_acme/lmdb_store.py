"""The checkpoint store `lmdb`: journal and checkpoints in one LMDB file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from ihacpa_acme import _rows
from ihacpa_acme._journal_file import Change, JournalFile, damaged
from ihacpa_core import (
    BrokenCheckpoint,
    CheckpointData,
    CheckpointStore,
    Duration,
    JournalEntry,
    Offer,
    RunContext,
    Size,
    StoreError,
    encode_checkpoint,
    hookimpl,
    parse_duration,
    parse_size,
)

ihacpa_hook_api = 1

_PAGE = 500  # entries read at once: no transaction stays open while others write


class LmdbOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[checkpoint.lmdb]``."""

    map_size: Annotated[
        Size,
        msgspec.Meta(
            description="how large the journal is made at first; it grows by itself",
            extra={"at_least": "64KiB", "at_most": "1TiB"},
        ),
    ] = "256KiB"
    busy_timeout: Annotated[
        Duration,
        msgspec.Meta(
            description="how long to wait while another process writes to the journal",
            extra={"at_least": "10ms", "at_most": "10m"},
        ),
    ] = "5s"


class LmdbStore(CheckpointStore):
    """Journal and checkpoints in the file `path`, which the first write makes; until then nothing is written at all.

    :param read_only: refuse to write.
    """

    def __init__(self, path: Path, options: LmdbOptions | None = None, *, read_only: bool = False) -> None:
        given = options or LmdbOptions()
        self._path = path
        self._file = JournalFile(
            path, busy_timeout=parse_duration(given.busy_timeout), map_size=parse_size(given.map_size)
        )
        self._read_only = read_only
        self._closed = False

    # --- the journal --------------------------------------------------------------------------------------------------

    def append(self, entries: Sequence[JournalEntry]) -> None:
        texts = [_entry_text(entry) for entry in entries]

        def add(transaction: _rows.Rows) -> None:
            runs = _rows.runs(transaction)
            known = len(runs)
            for entry, text in zip(entries, texts, strict=True):
                begun = runs.get(entry.run_id) or _rows.Run(len(runs) + 1, entry.run_id, 0)
                run = runs[entry.run_id] = _rows.following(begun, entry.sequence)
                _rows.put(transaction, run.entry_key(entry.sequence), text)
            for run_id in {entry.run_id for entry in entries}:
                _rows.put_run(transaction, runs[run_id])
            if len(runs) > known:
                _rows.describe(transaction, len(runs))

        if entries:
            self._change("writing to the journal", add)

    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        run = self._runs().get(run_id)
        done = 0
        while run is not None and done < run.last:
            for sealed in self._page(run, done):
                done += 1
                yield self._entry(run, done, sealed)

    def runs(self) -> Sequence[str]:
        return list(self._runs())

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def write_checkpoint(self, data: CheckpointData) -> None:
        text = _rows.text_of(encode_checkpoint(data))

        def replace(transaction: _rows.Rows) -> None:
            _forget(transaction, data.checkpoint_id)
            _rows.put(transaction, _rows.next_checkpoint_key(transaction), text)

        self._change("writing a checkpoint", replace)

    def checkpoints(self, run_id: str) -> Sequence[CheckpointData]:
        found = self._all_checkpoints()
        return [data for data in found if isinstance(data, CheckpointData) and data.run_id == run_id]

    def broken_checkpoints(self) -> Sequence[BrokenCheckpoint]:
        return [data for data in self._all_checkpoints() if isinstance(data, BrokenCheckpoint)]

    def _all_checkpoints(self) -> Sequence[CheckpointData | BrokenCheckpoint]:
        with self._file.reading("reading the checkpoints") as transaction:
            return [data for _, data in _rows.checkpoints(transaction)] if transaction else []

    def remove_checkpoint(self, checkpoint_id: str) -> None:
        if self._file.exists:
            self._change("removing a checkpoint", lambda transaction: _forget(transaction, checkpoint_id))

    def close(self) -> None:
        self._closed = True  # nothing is held open between two calls

    # --- transactions -------------------------------------------------------------------------------------------------

    def _change(self, doing: str, change: Change) -> None:
        if self._read_only or self._closed:
            state = "closed" if self._closed else "open for reading only"
            raise StoreError("the journal cannot be written", why=f"{self._path} is {state}")
        self._file.change(doing, change)

    def _runs(self) -> dict[str, _rows.Run]:
        with self._file.reading("reading the list of runs") as transaction:
            return _rows.runs(transaction) if transaction else {}

    def _page(self, run: _rows.Run, after: int) -> list[bytes]:
        """The next entries as they are stored, at least one; one that is not there is empty."""
        last = min(run.last, after + _PAGE)
        with self._file.reading(f"reading run {run.run_id} after entry {after}") as transaction:
            if transaction is None:
                raise damaged(self._path, "it vanished while it was read")
            return [transaction.get(run.entry_key(sequence), b"") for sequence in range(after + 1, last + 1)]

    def _entry(self, run: _rows.Run, sequence: int, sealed: bytes) -> JournalEntry:
        if not sealed:
            raise damaged(self._path, f"run {run.run_id} lacks its entry {sequence}")
        try:
            kind, payload = _rows.unseal(run.entry_key(sequence), sealed)
        except _rows.Altered as error:
            raise damaged(self._path, f"the checksum of entry {sequence} of run {run.run_id} does not fit") from error
        return JournalEntry(run_id=run.run_id, sequence=sequence, kind=kind, payload=payload)


def _entry_text(entry: JournalEntry) -> bytes:
    try:
        return _rows.text_of([str(entry.kind), dict(entry.payload)])
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"entry {entry.sequence} of run {entry.run_id} cannot be stored", why=str(error)) from error


def _forget(transaction: _rows.Rows, checkpoint_id: str) -> None:
    known = [key for key, data in _rows.checkpoints(transaction) if data.checkpoint_id == checkpoint_id]
    for key in known:
        transaction.delete(key)


def _make(options: LmdbOptions, context: RunContext) -> CheckpointStore:
    return LmdbStore(context.state_dir / "journal.lmdb", options, read_only=context.read_only)


@hookimpl
def ihacpa_checkpoint_stores() -> list[Offer[CheckpointStore]]:
    return [
        Offer(
            name="lmdb",
            factory=_make,
            options=LmdbOptions,
            summary="one LMDB file; every outcome durable as it finishes",
        )
    ]
