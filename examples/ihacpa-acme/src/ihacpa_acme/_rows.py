"""What lies in the journal's file: keys, and values that carry a checksum over both.

LMDB sees a changed page pointer and not a changed letter, so each value begins with the BLAKE2b of its key and itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

from lmdb import Transaction

from ihacpa_core import BrokenCheckpoint, CheckpointData, StoreError, decode_checkpoint

Rows: TypeAlias = "Transaction[bytes]"

SCHEMA = 1
"""The newest form of the file that this version reads and writes."""

ABOUT = b"about"
"""The first row of every file: what it is, and its schema."""

_FORMAT = "ihacpa-acme journal"
_RUN, _ENTRY, _CHECKPOINT = b"r", b"e", b"c"
_SEAL = 16  # bytes of checksum


class Altered(Exception):
    """A value does not fit its checksum."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's row: its number in the keys, its id, and the sequence of its last entry.

    Without `last`, entries that went missing from the end would leave no trace.
    """

    number: int
    run_id: str
    last: int

    @property
    def key(self) -> bytes:
        return _RUN + self.number.to_bytes(4)

    def entry_key(self, sequence: int) -> bytes:
        return _ENTRY + self.number.to_bytes(4) + sequence.to_bytes(8)


def text_of(value: object) -> bytes:
    """`value` as ASCII JSON, which holds whatever text the workbook held, lone surrogates too.

    :raises TypeError: JSON has no form for it; so do ValueError and RecursionError say.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def put(transaction: Rows, key: bytes, text: bytes) -> None:
    """Keep `text` under `key`, sealed."""
    transaction.put(key, _checksum(key, text) + text)


def unseal(key: bytes, sealed: bytes) -> Any:
    """The value that was sealed.

    :raises Altered: it is another one now.
    """
    text = sealed[_SEAL:]
    if sealed[:_SEAL] != _checksum(key, text):
        raise Altered(key)
    return json.loads(text)


def _checksum(key: bytes, text: bytes) -> bytes:
    return blake2b(b"%d:%s%s" % (len(key), key, text), digest_size=_SEAL).digest()


# --- what the file is -------------------------------------------------------------------------------------------------


def describe(transaction: Rows, runs: int = 0) -> None:
    """Write the first row of a file; it also counts the runs, so that none can go missing unseen."""
    put(transaction, ABOUT, text_of({"format": _FORMAT, "schema": SCHEMA, "runs": runs}))


def schema_of(transaction: Rows) -> int | None:
    """The schema that the file says it has; None if it is somebody else's file.

    :raises Altered: its first row was changed.
    """
    sealed = transaction.get(ABOUT)
    if sealed is None:
        return None
    about = unseal(ABOUT, sealed)
    return int(about["schema"]) if about["format"] == _FORMAT else None


def _count_of_runs(transaction: Rows) -> int:
    return int(unseal(ABOUT, transaction.get(ABOUT, b""))["runs"])


# --- runs and checkpoints ---------------------------------------------------------------------------------------------


def runs(transaction: Rows) -> dict[str, Run]:
    """Every run, oldest first, by its id.

    :raises Altered: a run's row was changed, or is missing.
    """
    found = {}
    for place, (key, sealed) in enumerate(_rows(transaction, _RUN), start=1):
        run = Run(place, *unseal(key, sealed))
        if key != run.key:
            raise Altered(run.key)
        found[run.run_id] = run
    if len(found) != _count_of_runs(transaction):
        raise Altered(ABOUT)
    return found


def put_run(transaction: Rows, run: Run) -> None:
    put(transaction, run.key, text_of([run.run_id, run.last]))


def following(run: Run, sequence: int) -> Run:
    """`run` with the entry `sequence`, which must be the next in order, as its last.

    :raises StoreError: it is not the next.
    """
    if sequence != run.last + 1:
        raise StoreError(
            f"entry {sequence} of run {run.run_id} does not follow the last one, {run.last}",
            why="another process wrote to this journal, or an entry was lost",
            hint="make sure that no other run works on this workbook, then run the same command again",
        )
    return Run(run.number, run.run_id, sequence)


def checkpoints(transaction: Rows) -> Iterator[tuple[bytes, CheckpointData | BrokenCheckpoint]]:
    """The checkpoints, oldest first, with their keys; one that cannot be used hides no other."""
    for key, sealed in _rows(transaction, _CHECKPOINT):
        try:
            yield key, decode_checkpoint(unseal(key, sealed))
        except Altered:
            yield key, BrokenCheckpoint(_name_in(sealed), "its checksum does not fit")
        except StoreError as error:  # whole, but of a newer version
            yield key, BrokenCheckpoint(_name_in(sealed), error.why or error.what)


def _name_in(sealed: bytes) -> str:
    """A checkpoint's id, as far as it can be read in what is stored of it."""
    found = re.search(rb'"checkpoint_id":"([^"]*)"', sealed)
    return found[1].decode(errors="replace") if found else ""


def next_checkpoint_key(transaction: Rows) -> bytes:
    newest = max((key for key, _ in _rows(transaction, _CHECKPOINT)), default=_CHECKPOINT + bytes(8))
    return _CHECKPOINT + (int.from_bytes(newest[1:]) + 1).to_bytes(8)


def _rows(transaction: Rows, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    cursor = transaction.cursor()
    for key, value in cursor if cursor.set_range(prefix) else ():
        if not key.startswith(prefix):
            return
        yield key, value
