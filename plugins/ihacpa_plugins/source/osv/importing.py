"""Bringing a set of OSV records into the advisory database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from ihacpa_plugins.advisory_data.building import Fill, replace_database
from ihacpa_plugins.advisory_data.database import SetInfo
from ihacpa_plugins.advisory_data.download import local
from ihacpa_plugins.advisory_data.errors import ImportRefused
from ihacpa_plugins.source.osv.reading import SET_FILE, FileSet, Limits
from ihacpa_plugins.source.osv.writing import Counts, count, families_of, write_records

_FAMILY = re.compile(r"[A-Z][A-Z0-9_]*\Z")


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
    with local(source, database.parent) as (path, name):
        fill = osv_fill(path, name, complete_for=complete_for, limits=limits)
        return replace_database(database, fill, force=force)


def osv_fill(
    path: Path, source: str, *, complete_for: Sequence[str] | None = None, limits: Limits | None = None
) -> Fill:
    """What brings a zip file or folder into a database that is being built; `source` is where it came from."""
    return SetImport(FileSet(path, limits or Limits()), source, complete_for).fill


class SetImport:
    """One import: writes the records, and learns meanwhile what the set is."""

    def __init__(self, files: FileSet, source: str, vouched: Sequence[str] | None) -> None:
        self._files = files
        self._source = source
        self._vouched = None if vouched is None else frozenset(vouched)
        self._declared: Declaration | None = None
        self._families: set[str] = set()
        self._unreadable: list[str] = []

    def fill(self, connection: sqlite3.Connection) -> SetInfo:
        """Write every record to a database that is being built.

        :raises ImportRefused: there is no record of a PyPI package, the files cannot be read, or the set's word
            about itself cannot.
        """
        self._unreadable = write_records(connection, self._records(), self._families)
        counts = count(connection)
        if not counts.records:
            raise ImportRefused(
                f"no record of a PyPI package in {self._source}",
                why=f"{len(self._unreadable)} files could not be read" if self._unreadable else "",
                hint="OSV's PyPI/all.zip or a folder of OSV records is what can be imported",
            )
        return self._info(counts)

    def _records(self) -> Iterator[tuple[str, bytes]]:
        for name, body in self._files.files():
            if name.rpartition("/")[2] == SET_FILE:
                self._declared = _declaration(body)
            else:
                yield name, body

    def _info(self, counts: Counts) -> SetInfo:
        declared = self._declared or Declaration()
        partial = self._vouched is None and (declared.partial or declared.complete_for == [])
        return SetInfo(
            source=self._source,
            date=declared.date or counts.newest,
            sha256=self._files.sha256,
            records=counts.records,
            withdrawn=counts.withdrawn,
            packages=counts.packages,
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
        families = frozenset(item.strip().upper() for item in said) if said else frozenset(self._families)
        return families - families_of(self._unreadable)


def _declaration(body: bytes) -> Declaration:
    try:
        return msgspec.json.decode(body, type=Declaration)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImportRefused(
            f"{SET_FILE} cannot be read", why=str(error), hint='{"complete_for": ["PYSEC"], "date": "2026-01-31"}'
        ) from error


def families(text: str) -> list[str]:
    """The families of ids in a list such as ``PYSEC,GHSA,MAL``.

    :raises ValueError: it names none, or one that cannot be the beginning of an id.
    """
    names = [item.strip().upper() for item in text.split(",") if item.strip()]
    wrong = [name for name in names if not _FAMILY.match(name)]
    if wrong or not names:
        raise ValueError(f"not a list of families of ids such as PYSEC,GHSA,MAL: {text!r}")
    return names
