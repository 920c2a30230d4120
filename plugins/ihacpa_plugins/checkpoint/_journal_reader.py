"""Reads a run's journal as the file store keeps it: a header, and a line for each entry, in groups.

Entries that were appended together say so: each carries the first and the last sequence of its group. A group that is
not whole at the end of the file was never acknowledged, and is not there. Whatever else is not as it was is damage.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ihacpa_core import JournalEntry, StoreError
from ihacpa_plugins.checkpoint._lines import line_of, lines_within, read_line
from ihacpa_plugins.checkpoint._places import path_is_file
from ihacpa_plugins.checkpoint._telling import damaged, newer

SCHEMA = 1
"""The newest form of journals and seals that this version reads and writes."""

_JOURNAL, _SEAL = "ihacpa journal", "ihacpa seal"


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a journal ends.

    :param end: the bytes of what counts: the header and whole groups; 0 if there is no group.
    :param last: the sequence of the last entry; 0 if there is none.
    :param torn: the bytes behind that, which an append left that did not come to its end.
    """

    end: int = 0
    last: int = 0
    torn: int = 0


Groups = Generator[list[JournalEntry], None, Tail]


def read_groups(path: Path, run_id: str, limit: int | None = None) -> Groups:
    """The groups of a run, in order; then, as the generator's result, where they end.

    :param limit: the end that is known to whoever writes; what is behind it does not count.
    :raises StoreError: the journal is damaged, or is none; the groups before that are right.
    """
    tail = Tail()
    if limit != 0:
        if path_is_file(path):
            with path.open("rb") as file:
                tail = yield from _groups_in(file, path, run_id, limit)
        elif limit:
            raise damaged(path, "it vanished while it is in use")
    _check_seal(path, run_id, tail.last)
    return tail


def _groups_in(file: BinaryIO, path: Path, run_id: str, limit: int | None) -> Groups:
    header = file.readline()
    if read_header(path, header, run_id) is None:
        return Tail(torn=len(header))
    place = whole = len(header)
    group: list[JournalEntry] = []
    last = 0
    while limit is None or place < limit:
        line, fields = _line_at(file, place)
        if fields is None:
            _refuse_if_altered(path, line, run_id, (last + 1, last + 1 + len(group)))
            break
        entry, closing = _entry(path, fields, run_id, last, last + len(group) + 1)
        group.append(entry)
        place += len(line)
        if entry.sequence == closing:
            yield group
            whole, last, group = place, closing, []
    if limit is not None and whole != limit:
        raise damaged(path, f"run {run_id} lacks what was appended to it after entry {last}")
    return Tail(whole, last, _size(file) - whole) if last else Tail(torn=_size(file))


def _line_at(file: BinaryIO, place: int) -> tuple[bytes, dict[str, Any] | None]:
    """The line at `place`, where `file` stands, and its fields; if it is not whole, all that is left.

    A line that another process was writing a moment ago may be whole the second time.
    """
    line = file.readline()
    if (fields := read_line(line)) is not None:
        return line, fields
    file.seek(place)
    rest = file.read()
    line = rest[: rest.find(b"\n") + 1]
    if (fields := read_line(line)) is not None:
        file.seek(place + len(line))
        return line, fields
    return rest, None


def _entry(path: Path, fields: dict[str, Any], run_id: str, last: int, sequence: int) -> tuple[JournalEntry, int]:
    """The entry that a whole line holds, and the last sequence of its group."""
    match fields:
        case {"group": [first, int() as closing], "kind": str() as kind, "payload": dict() as payload}:
            place = (fields.get("run"), fields.get("sequence"), first)
            if place == (run_id, sequence, last + 1) and closing >= sequence:
                return JournalEntry(run_id=run_id, sequence=sequence, kind=kind, payload=payload), closing
    raise damaged(path, f"in the place of entry {sequence} of run {run_id} stands another line")


def _refuse_if_altered(path: Path, rest: bytes, run_id: str, expected: tuple[int, int]) -> None:
    """Refuse a `rest` that is no torn last group: lines of another group follow, or all that the last one lacks.

    :param expected: the first sequence of the group, and the next one.
    """
    first, sequence = expected
    lines = list(lines_within(rest))
    places = {(line.get("run"), line.get("group", (0, 0))[0], line.get("sequence")) for line in lines}
    foreign = any(place[:2] != (run_id, first) for place in places)
    closing = lines[-1].get("group", (0, 0))[1] if lines else sequence
    if foreign or all((run_id, first, wanted) in places for wanted in range(sequence, closing + 1)):
        raise damaged(path, f"what stands in the place of entry {sequence} of run {run_id} is not what was written")


# --- the first line ---------------------------------------------------------------------------------------------------


def header_of(run_id: str, number: int) -> bytes:
    """The first line of a journal; `number` is the run's place among the runs, from 1."""
    return line_of({"format": _JOURNAL, "schema": SCHEMA, "run": run_id, "number": number})


def read_header(path: Path, line: bytes, run_id: str | None = None) -> tuple[int, str] | None:
    """The number and the id of the run whose journal begins with `line`; None if it is only the beginning of one.

    :param run_id: the run that it must be.
    :raises StoreError: it is the first line of something else, or of a later version.
    """
    if not line.endswith(b"\n") and _begins_like_ours(line):
        return None
    told = _told(path, line, _JOURNAL, "number")
    if told is None:
        raise damaged(path, "its first line is not the one that was written, or it is something else")
    number, run = told
    if run_id is not None and run != run_id:
        raise damaged(path, f"it is the journal of run {run!r:.60}, not of {run_id}")
    return number, run


def _begins_like_ours(line: bytes) -> bool:
    ours = b'{"length":'
    return line[: len(ours)] == ours[: len(line)] and len(line) < 10_000


def _told(path: Path, line: bytes, kind: str, number: str) -> tuple[int, str] | None:
    """The number, under the name `number`, and the run that a line of this `kind` tells; None if it is none.

    :raises StoreError: it is of a later version.
    """
    fields = read_line(line)
    about = fields if fields is not None else _anything(line)
    match about:
        case {"format": found, "schema": int() as schema} if found == kind and schema > SCHEMA:
            raise newer(path, schema, SCHEMA)
    match about.get("format"), about.get(number), about.get("run"):
        case found, int() as count, str() as run if found == kind and fields is not None:
            return count, run
    return None


def _anything(line: bytes) -> dict[str, Any]:
    """What a line says that may be of a later version, or of anybody."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


# --- the seal ---------------------------------------------------------------------------------------------------------


def seal_path(path: Path) -> Path:
    """Where the seal of the journal at `path` lies."""
    return path.with_name(f"{path.name}.seal")


def seal_of(run_id: str, last: int) -> bytes:
    """A seal: the word that a journal holds at least so many entries, so that a tail cannot go missing unseen."""
    return line_of({"format": _SEAL, "schema": SCHEMA, "run": run_id, "entries": last})


def _check_seal(path: Path, run_id: str, last: int) -> None:
    seal = seal_path(path)
    try:
        content = seal.read_bytes()
    except FileNotFoundError:
        return
    told = _told(seal, content, _SEAL, "entries")
    if told is None or told[1] != run_id:
        raise StoreError(
            f"{seal} is damaged",
            why="it is not the one that was written, which says how many entries the journal has",
            hint=f"if nothing is missing from {path.name}, remove {seal.name} and run the same command again",
        )
    if told[0] > last:
        raise StoreError(
            f"the journal {path} is not whole",
            why=f"run {run_id} lacks its entries from {last + 1} to {told[0]}",
            hint=f"put the whole file back; or remove {seal.name}, and the same command does again what is missing",
        )


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
