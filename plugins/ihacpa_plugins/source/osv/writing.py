"""Writing OSV records to an advisory database that is being built."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from ihacpa_plugins.source.osv.records import Record, decode, family, salvage

_INSERT_AFFECTED = "INSERT OR IGNORE INTO affected VALUES (?, ?)"
_INSERT_ADVISORY = """
INSERT INTO advisory VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
SET modified = excluded.modified, withdrawn = excluded.withdrawn, body = excluded.body
WHERE excluded.modified > modified
"""  # the schema: of two entries with one id, the one modified later is authoritative
_CHUNK = 500

_Row = tuple[str, str, int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a database holds. `newest` is the day of the record that was changed last, days to come left out."""

    records: int
    withdrawn: int
    packages: int
    newest: date | None


def write_records(
    connection: sqlite3.Connection, files: Iterable[tuple[str, bytes]], seen: set[str] | None = None
) -> list[str]:
    """Write the records of PyPI packages among `files`, a name and a JSON text each.

    :param seen: takes in the families of ids of what was written.
    :returns: the records, or files, that could not be read; what can be told of them is written all the same, so that
        they are uncertain and not silent.
    """
    rows: list[_Row] = []
    links: list[tuple[str, str]] = []
    unreadable: list[str] = []
    families = set() if seen is None else seen
    for name, body in files:
        record, packages = _read(name, body, unreadable)
        if record is not None and packages:
            families.add(family(record.id))
            rows.append((record.id, record.modified or "", int(bool(record.withdrawn)), body))
            links.extend((package, record.id) for package in packages)
        if len(rows) >= _CHUNK:
            _write(connection, rows, links)
    _write(connection, rows, links)
    return unreadable


def count(connection: sqlite3.Connection) -> Counts:
    """Count what was written."""
    records, withdrawn = connection.execute("SELECT count(*), total(withdrawn) FROM main.advisory").fetchone()
    (packages,) = connection.execute("SELECT count(DISTINCT package) FROM main.affected").fetchone()
    today = datetime.now(UTC).date().isoformat()  # real sets hold records of days to come
    (newest,) = connection.execute(
        "SELECT max(substr(modified, 1, 10)) FROM main.advisory WHERE substr(modified, 1, 10) <= ?", (today,)
    ).fetchone()
    return Counts(records=records, withdrawn=int(withdrawn), packages=packages, newest=_day(newest or ""))


def families_of(unreadable: Iterable[str]) -> frozenset[str]:
    """The families of ids that are not whole, because one of their records cannot be read."""
    return frozenset(family(Path(item).name) for item in unreadable)


def _read(name: str, body: bytes, unreadable: list[str]) -> tuple[Record | None, set[str]]:
    """One file: its record, as far as it can be read, and the PyPI packages that it is about."""
    try:
        record = decode(body)
        if record.id:
            return record, record.packages()
    except (msgspec.DecodeError, UnicodeDecodeError):
        record = salvage(body) or Record(id="")
    unreadable.append(record.id or name)
    return (record, record.packages()) if record.id else (None, set())


def _write(connection: sqlite3.Connection, rows: list[_Row], links: list[tuple[str, str]]) -> None:
    connection.executemany(_INSERT_ADVISORY, rows)
    connection.executemany(_INSERT_AFFECTED, links)
    rows.clear()
    links.clear()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
