"""Bringing a set of OSV records into the advisory database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from ihacpa_plugins.source.osv.building import replace_database
from ihacpa_plugins.source.osv.database import SetInfo
from ihacpa_plugins.source.osv.download import downloaded, is_address
from ihacpa_plugins.source.osv.errors import ImportRefused
from ihacpa_plugins.source.osv.reading import SET_FILE, FileSet, Limits
from ihacpa_plugins.source.osv.records import Record, decode, family, salvage

_FAMILY = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_INSERT_AFFECTED = "INSERT OR IGNORE INTO affected VALUES (?, ?)"
_INSERT_ADVISORY = """
INSERT INTO advisory VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
SET modified = excluded.modified, withdrawn = excluded.withdrawn, body = excluded.body
WHERE excluded.modified > modified
"""  # the schema: of two entries with one id, the one modified later is authoritative
_CHUNK = 500

Row = tuple[str, str, int, bytes]


class Declaration(msgspec.Struct):
    """``ihacpa-set.json``: what a set says about itself."""

    complete_for: list[str] | None = None
    date: date | None = None
    partial: bool | None = None


def bring_in(
    source: str,
    database: Path,
    *,
    complete_for: Sequence[str] | None = None,
    force: bool = False,
    limits: Limits | None = None,
) -> SetInfo:
    """Replace the advisory database with the records of `source`: a zip file, a folder, or an address of a zip file.

    :param complete_for: the families of ids of which the set has every record, when a person vouches for that.
    :param force: take a set that is much smaller than the one in use, and replace a database that is damaged.
    :raises ImportRefused: `source` is not what it should be, or too much smaller; nothing was changed.
    :raises AdvisoryDataError: it cannot be had, or the database cannot be written; nothing was changed.
    """
    limits = limits or Limits()
    if is_address(source):
        with downloaded(source, database.parent) as path:
            reader = SetImport(FileSet(path, limits), source, complete_for)
            return replace_database(database, reader.fill, force=force)
    path = Path(source).expanduser()
    reader = SetImport(FileSet(path, limits), str(path.resolve()), complete_for)
    return replace_database(database, reader.fill, force=force)


class SetImport:
    """One import: writes the records, and learns meanwhile what the set is."""

    def __init__(self, files: FileSet, source: str, vouched: Sequence[str] | None) -> None:
        self._files = files
        self._source = source
        self._vouched = None if vouched is None else frozenset(vouched)
        self._declared: Declaration | None = None
        self._ids: set[str] = set()
        self._packages: set[str] = set()
        self._unreadable: list[str] = []
        self._newest = ""
        self._today = datetime.now(UTC).date().isoformat()

    def fill(self, connection: sqlite3.Connection) -> SetInfo:
        """Write every record to a database that is being built.

        :raises ImportRefused: there is no record of a PyPI package, the files cannot be read, or the set's word
            about itself cannot.
        """
        rows: list[Row] = []
        links: list[tuple[str, str]] = []
        for name, body in self._files.files():
            if name.rpartition("/")[2] == SET_FILE:
                self._declared = _declaration(body)
                continue
            record, packages = self._read(name, body)
            if record is not None and packages:
                self._count(record, packages)
                rows.append((record.id, record.modified or "", int(bool(record.withdrawn)), body))
                links.extend((package, record.id) for package in packages)
            if len(rows) >= _CHUNK:
                _write(connection, rows, links)
        _write(connection, rows, links)
        if not self._ids:
            raise ImportRefused(
                f"no record of a PyPI package in {self._source}",
                why=f"{len(self._unreadable)} files could not be read" if self._unreadable else "",
                hint="OSV's PyPI/all.zip or a folder of OSV records is what can be imported",
            )
        (withdrawn,) = connection.execute("SELECT count(*) FROM advisory WHERE withdrawn").fetchone()
        return self._info(withdrawn)

    def _read(self, name: str, body: bytes) -> tuple[Record | None, set[str]]:
        """One file: its record, as far as it can be read, and the PyPI packages that it is about."""
        try:
            record = decode(body)
            if record.id:
                return record, record.packages()
        except (msgspec.DecodeError, UnicodeDecodeError):
            record = salvage(body) or Record(id="")
        self._unreadable.append(record.id or name)
        return (record, record.packages()) if record.id else (None, set())

    def _count(self, record: Record, packages: set[str]) -> None:
        self._ids.add(record.id)
        self._packages |= packages
        day = (record.modified or "")[:10]
        if self._newest < day <= self._today:  # real sets hold records of days to come
            self._newest = day

    def _info(self, withdrawn: int) -> SetInfo:
        declared = self._declared or Declaration()
        partial = self._vouched is None and (declared.partial or declared.complete_for == [])
        return SetInfo(
            source=self._source,
            date=declared.date or _day(self._newest),
            sha256=self._files.sha256,
            records=len(self._ids),
            withdrawn=withdrawn,
            packages=len(self._packages),
            complete_for=frozenset() if partial else self._complete_for(declared),
            partial=bool(partial),
            imported_at=datetime.now(UTC),
            unreadable=tuple(self._unreadable),
        )

    def _complete_for(self, declared: Declaration) -> frozenset[str]:
        """A person's word; else the set's own, or the families in it, but for those of which a record is unreadable."""
        if self._vouched is not None:
            return self._vouched
        said = declared.complete_for
        families = (
            frozenset(item.strip().upper() for item in said) if said else frozenset(family(item) for item in self._ids)
        )
        return families - {family(Path(item).name) for item in self._unreadable}


def _write(connection: sqlite3.Connection, rows: list[Row], links: list[tuple[str, str]]) -> None:
    connection.executemany(_INSERT_ADVISORY, rows)
    connection.executemany(_INSERT_AFFECTED, links)
    rows.clear()
    links.clear()


def _declaration(body: bytes) -> Declaration:
    try:
        return msgspec.json.decode(body, type=Declaration)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImportRefused(
            f"{SET_FILE} cannot be read", why=str(error), hint='{"complete_for": ["PYSEC"], "date": "2026-01-31"}'
        ) from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def families(text: str) -> list[str]:
    """The families of ids in a list such as ``PYSEC,GHSA,MAL``.

    :raises ValueError: it names none, or one that cannot be the beginning of an id.
    """
    names = [item.strip().upper() for item in text.split(",") if item.strip()]
    wrong = [name for name in names if not _FAMILY.match(name)]
    if wrong or not names:
        raise ValueError(f"not a list of families of ids such as PYSEC,GHSA,MAL: {text!r}")
    return names
