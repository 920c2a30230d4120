"""A small checkpoint store that keeps every rule: a line for each change, with a checksum, in one file."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from ihacpa_core import (
    BrokenCheckpoint,
    CheckpointData,
    CheckpointStore,
    JournalEntry,
    RunContext,
    StoreError,
    decode_checkpoint,
    encode_checkpoint,
)

HEADER = b"plain store 1\n"


class PlainStore(CheckpointStore):
    def __init__(self, context: RunContext) -> None:
        self._path = context.state_dir / "journal.log"
        self._read_only = context.read_only

    # --- the role -----------------------------------------------------------------------------------------------------

    def append(self, entries: Sequence[JournalEntry]) -> None:
        if entries:
            self._add({"entries": [[e.run_id, e.sequence, e.kind, dict(e.payload)] for e in entries]})

    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        for document in self._documents():
            for run, sequence, kind, payload in document.get("entries", ()):
                if run == run_id:
                    yield JournalEntry(run_id=run, sequence=sequence, kind=kind, payload=payload)

    def runs(self) -> Sequence[str]:
        groups = (document.get("entries", ()) for document in self._documents())
        return list(dict.fromkeys(entry[0] for group in groups for entry in group))

    def write_checkpoint(self, data: CheckpointData) -> None:
        self._add({"checkpoint": encode_checkpoint(data)})

    def checkpoints(self, run_id: str) -> Sequence[CheckpointData]:
        found = self._all_checkpoints()
        return [data for data in found if isinstance(data, CheckpointData) and data.run_id == run_id]

    def broken_checkpoints(self) -> Sequence[BrokenCheckpoint]:
        return [data for data in self._all_checkpoints() if isinstance(data, BrokenCheckpoint)]

    def _decoded(self, document: dict[str, Any]) -> CheckpointData:
        return decode_checkpoint(document)

    def _all_checkpoints(self) -> Sequence[CheckpointData | BrokenCheckpoint]:
        found: dict[str, CheckpointData | BrokenCheckpoint] = {}
        for line in self._lines():
            try:
                document = self._unframed(line)
                if "checkpoint" in document:
                    data = self._decoded(document["checkpoint"])
                    found[data.checkpoint_id] = data
                found.pop(document.get("removed", ""), None)
            except StoreError as error:
                for name in re.findall(rb'"checkpoint_id": "([^"]*)"', line):
                    found[name.decode()] = BrokenCheckpoint(name.decode(), str(error))
        return list(found.values())

    def remove_checkpoint(self, checkpoint_id: str) -> None:
        self._add({"removed": checkpoint_id})

    def close(self) -> None:
        return None

    # --- writing ------------------------------------------------------------------------------------------------------

    def _add(self, document: dict[str, Any]) -> None:
        if self._read_only:
            raise StoreError("this store only looks")
        frame = self._framed(document)
        with self._told(), self._locked() as file:
            self._check(document)
            self._write(file, frame)

    def _check(self, document: dict[str, Any]) -> None:
        last: dict[str, int] = {}
        for known in [*self._documents(), document]:
            for run, sequence, _, _ in known.get("entries", ()):
                if sequence != last.get(run, 0) + 1:
                    raise StoreError(f"entry {sequence} of {run} does not follow {last.get(run, 0)}")
                last[run] = sequence

    def _write(self, file: int, frame: bytes) -> None:
        content = self._content()
        length = content.rfind(b"\n") + 1
        frame = frame if length else HEADER + frame
        try:
            os.ftruncate(file, length)
            os.lseek(file, length, os.SEEK_SET)
            while frame:
                frame = frame[os.write(file, frame) :]
            self._sync(file)
        except OSError:
            os.ftruncate(file, length)
            raise

    def _sync(self, file: int) -> None:
        os.fsync(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    # --- reading ------------------------------------------------------------------------------------------------------

    def _documents(self) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            yield self._unframed(line)

    def _lines(self) -> list[bytes]:
        """The lines after the header; a torn one at the end is none."""
        with self._told():
            content = self._content()
        if HEADER.startswith(content):
            return []
        if not self._is_known(content):
            raise StoreError("this is no plain store of version 1")
        return content.split(b"\n")[1:-1]

    def _is_known(self, content: bytes) -> bool:
        return content.startswith(HEADER)

    def _content(self) -> bytes:
        return self._path.read_bytes() if self._path.exists() else b""

    def _framed(self, document: dict[str, Any]) -> bytes:
        try:
            text = json.dumps(document, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise StoreError("this cannot be stored", why=str(error)) from error
        return _sum(text) + b" " + text + b"\n"

    def _unframed(self, line: bytes) -> dict[str, Any]:
        checksum, _, text = line.partition(b" ")
        if checksum != _sum(text):
            raise StoreError("a line is damaged")
        document: dict[str, Any] = json.loads(text)
        return document

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError("the store cannot be used", why=str(error)) from error


def _sum(text: bytes) -> bytes:
    return blake2b(text, digest_size=8).hexdigest().encode()
