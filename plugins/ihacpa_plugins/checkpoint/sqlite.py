"""The checkpoint store `sqlite`: journal and checkpoints in one database file."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import msgspec

from ihacpa_core import (
    BrokenCheckpoint,
    CheckpointData,
    CheckpointStore,
    FileOps,
    JournalEntry,
    Offer,
    RunContext,
    StoreError,
    decode_checkpoint,
    encode_checkpoint,
    hookimpl,
)
from ihacpa_plugins.checkpoint._journal_db import open_reading, open_writing, telling
from ihacpa_plugins.checkpoint._telling import damaged, not_following

_PAGE = 500  # entries read at once: no cursor stays open while others write


class SqliteOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[checkpoint.sqlite]``."""

    busy_timeout: Annotated[
        float,
        msgspec.Meta(ge=0.1, le=600, description="seconds to wait while another process writes to the journal"),
    ] = 5.0


@dataclass(frozen=True, slots=True)
class _Run:
    """A run's row: its number in the tables, and the sequence of its last entry."""

    number: int
    run_id: str
    last: int

    @property
    def checksum(self) -> bytes:
        return _checksum("run", self.number, self.run_id, self.last)


class SqliteStore(CheckpointStore):
    """Journal and checkpoints in the file `path`, which the first write makes; until then nothing is written at all.

    Every row carries a checksum, since SQLite's own check does not see a changed value. Every run carries the sequence
    of its last entry, so that a tail cannot go missing unseen.

    :param read_only: refuse to write.
    :param files: what the file is made with; what is in it, SQLite writes.
    """

    def __init__(
        self,
        path: Path,
        options: SqliteOptions | None = None,
        *,
        read_only: bool = False,
        files: FileOps | None = None,
    ) -> None:
        self._path = path
        self._files = files or FileOps()
        self._busy_timeout = (options or SqliteOptions()).busy_timeout
        self._read_only = read_only
        self._closed = False
        self._lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._inode = (0, 0)

    # --- the journal --------------------------------------------------------------------------------------------------

    def append(self, entries: Sequence[JournalEntry]) -> None:
        texts = [_payload_text(entry) for entry in entries]
        if not entries:
            return
        with self._transaction("writing to the journal") as db:
            runs = self._runs(db)
            for entry, text in zip(entries, texts, strict=True):
                run = runs.get(entry.run_id) or self._begin_run(db, entry.run_id, len(runs) + 1)
                runs[entry.run_id] = _following(run, entry)
                db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", _entry_row(run.number, entry, text))
            for run_id in {entry.run_id for entry in entries}:
                run = runs[run_id]
                change = (run.last, run.checksum, run.number)
                db.execute("UPDATE runs SET last = ?, checksum = ? WHERE number = ?", change)

    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        with self._reading() as db:
            run = self._runs(db).get(run_id) if db else None
            done = 0
            while db and run and done < run.last:
                for row in self._page(db, run, done):
                    done += 1
                    yield self._entry(run_id, done, *row)

    def runs(self) -> Sequence[str]:
        with self._reading() as db:
            return list(self._runs(db)) if db else []

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def write_checkpoint(self, data: CheckpointData) -> None:
        text = json.dumps(encode_checkpoint(data), separators=(",", ":"), allow_nan=False)
        row = (data.checkpoint_id, data.run_id, text, _checksum("checkpoint", data.checkpoint_id, data.run_id, text))
        with self._transaction("writing a checkpoint") as db:
            db.execute(
                "INSERT OR REPLACE INTO checkpoints (checkpoint_id, run_id, payload, checksum) VALUES (?, ?, ?, ?)", row
            )

    def checkpoints(self, run_id: str) -> Sequence[CheckpointData]:
        found = self._all_checkpoints()
        return [data for data in found if isinstance(data, CheckpointData) and data.run_id == run_id]

    def broken_checkpoints(self) -> Sequence[BrokenCheckpoint]:
        return [data for data in self._all_checkpoints() if isinstance(data, BrokenCheckpoint)]

    def _all_checkpoints(self) -> list[CheckpointData | BrokenCheckpoint]:
        """Oldest first, read without an index: a damaged row is to be met, not to hide others."""
        with self._reading() as db:
            if db is None:
                return []
            with self._lock, telling(self._path, "reading the checkpoints"):
                rows = db.execute("SELECT checkpoint_id, run_id, payload, checksum FROM checkpoints ORDER BY number")
                return [_checkpoint(*row) for row in rows]

    def remove_checkpoint(self, checkpoint_id: str) -> None:
        if self._writer is None and not self._path.exists():
            return
        with self._transaction("removing a checkpoint") as db:
            db.execute("DELETE FROM checkpoints WHERE checkpoint_id = ?", (checkpoint_id,))

    def close(self) -> None:
        with self._lock, telling(self._path, "closing the journal"):
            self._closed = True
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    # --- connections --------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, doing: str) -> Iterator[sqlite3.Connection]:
        """The writing connection, in a transaction that is committed at the end or undone."""
        with self._lock, telling(self._path, doing):
            db = self._opened()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:  # an interruption too: half a transaction is none
                if db.in_transaction:
                    with suppress(sqlite3.Error):  # the first error is the one to tell
                        db.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection:
        if self._read_only or self._closed:
            state = "closed" if self._closed else "open for reading only"
            raise StoreError("the journal cannot be written", why=f"{self._path} is {state}")
        if self._writer is None:
            self._writer = open_writing(self._path, self._busy_timeout, self._files)
            self._inode = self._inode_now()
        elif self._inode_now() != self._inode:
            # What SQLite would go on writing to is no longer what the next run will find.
            raise StoreError(
                "the journal was moved or replaced while it is in use",
                why=f"{self._path} is another file now",
                hint="put it back, then run the same command again",
            )
        return self._writer

    def _inode_now(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_dev, status.st_ino

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """The writing connection if it is open, else one that writes nothing; None if there is no journal."""
        if self._writer is not None:
            yield self._writer
            return
        with telling(self._path, "opening the journal"):
            db = open_reading(self._path, self._busy_timeout)
        try:
            yield db
        finally:
            if db is not None:
                db.close()

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _runs(self, db: sqlite3.Connection) -> dict[str, _Run]:
        """Every run, oldest first, by its id."""
        with self._lock, telling(self._path, "reading the list of runs"):
            rows = db.execute("SELECT number, run_id, last, checksum FROM runs ORDER BY number").fetchall()
        runs = {}
        for place, (number, run_id, last, checksum) in enumerate(rows, start=1):
            if number != place or checksum != _checksum("run", number, run_id, last):
                raise damaged(self._path, f"the checksum of run number {place} does not fit")
            runs[run_id.decode()] = _Run(number, run_id.decode(), last)
        return runs

    def _begin_run(self, db: sqlite3.Connection, run_id: str, number: int) -> _Run:
        run = _Run(number, run_id, 0)
        db.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (number, run_id, 0, run.checksum))
        return run

    def _page(self, db: sqlite3.Connection, run: _Run, after: int) -> list[tuple[int, bytes, bytes, bytes]]:
        with self._lock, telling(self._path, f"reading run {run.run_id} after entry {after}"):
            page = db.execute(
                "SELECT sequence, kind, payload, checksum FROM entries"
                " WHERE run = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?",
                (run.number, after, run.last, _PAGE),
            ).fetchall()
        if not page:
            raise damaged(self._path, f"run {run.run_id} lacks its entries from {after + 1} to {run.last}")
        return page

    def _entry(
        self, run_id: str, expected: int, sequence: int, kind: bytes, payload: bytes, checksum: bytes
    ) -> JournalEntry:
        if sequence != expected:
            raise damaged(self._path, f"run {run_id} lacks its entry {expected}")
        if checksum != _checksum(run_id, sequence, kind, payload):
            raise damaged(self._path, f"the checksum of entry {sequence} of run {run_id} does not fit")
        return JournalEntry(run_id=run_id, sequence=sequence, kind=kind.decode(), payload=json.loads(payload))


def _following(run: _Run, entry: JournalEntry) -> _Run:
    """`run` with `entry` as its last one, which must be the next in order."""
    if entry.sequence != run.last + 1:
        raise not_following(run.run_id, entry.sequence, run.last)
    return _Run(run.number, run.run_id, entry.sequence)


def _entry_row(run: int, entry: JournalEntry, text: str) -> tuple[int, int, str, str, bytes]:
    return run, entry.sequence, entry.kind, text, _checksum(entry.run_id, entry.sequence, entry.kind, text)


def _payload_text(entry: JournalEntry) -> str:
    """The payload as ASCII JSON, which holds whatever text the workbook held, lone surrogates too."""
    try:
        return json.dumps(dict(entry.payload), separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"entry {entry.sequence} of run {entry.run_id} cannot be stored", why=str(error)) from error


def _checkpoint(
    checkpoint_id: bytes, run_id: bytes, payload: bytes, checksum: bytes
) -> CheckpointData | BrokenCheckpoint:
    why = "its checksum does not fit"
    if checksum == _checksum("checkpoint", checkpoint_id, run_id, payload):
        try:
            return decode_checkpoint(json.loads(payload))
        except StoreError as error:  # whole, but of a newer version
            why = error.why or error.what
    name, run = (text.decode(errors="replace") for text in (checkpoint_id, run_id))
    return BrokenCheckpoint(name, why, run)


def _checksum(*parts: object) -> bytes:
    """BLAKE2b over the parts, each after its length, so that nothing can move from one into the next."""
    digest = blake2b(digest_size=8)
    for part in parts:
        text = part if isinstance(part, bytes) else str(part).encode()
        digest.update(b"%d:" % len(text))
        digest.update(text)
    return digest.digest()


def _make(options: SqliteOptions, context: RunContext) -> CheckpointStore:
    path = context.state_dir / "journal.sqlite"
    return SqliteStore(path, options, read_only=context.read_only, files=context.files)


@hookimpl
def ihacpa_checkpoint_stores() -> list[Offer[CheckpointStore]]:
    return [
        Offer(
            name="sqlite",
            factory=_make,
            options=SqliteOptions,
            summary="one database file; every outcome durable as it finishes",
        )
    ]
