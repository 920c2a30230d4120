"""The advisory database: one SQLite file, read by reviews, replaced whole by imports.

A file is never changed once it is in place: a new one is built beside it and put in its place in one step, so whoever
reads holds one whole state from beginning to end. It holds up to four sets, each with its own date and checksum.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, NoAdvisoryData

APPLICATION_ID = 0x69484143  # "iHAC", so that `file` and we know it for ours
SCHEMA_VERSION = 2
"""1: advisories alone. 2: known exploited flaws, chances of exploitation and public exploits as well."""
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE data_set (
    name TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    date TEXT,
    sha256 TEXT NOT NULL,
    records INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    packages INTEGER NOT NULL,
    complete_for TEXT NOT NULL,
    partial INTEGER NOT NULL,
    imported_at TEXT NOT NULL,
    unreadable TEXT NOT NULL
) STRICT;
CREATE TABLE advisory (
    id TEXT PRIMARY KEY,
    modified TEXT NOT NULL,
    withdrawn INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE affected (
    package TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (package, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE kev (cve TEXT PRIMARY KEY, added TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE epss (cve TEXT PRIMARY KEY, score REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE exploit (cve TEXT NOT NULL, edb INTEGER NOT NULL, PRIMARY KEY (cve, edb)) STRICT, WITHOUT ROWID;
"""
TABLES: Mapping[str, tuple[str, ...]] = {
    "osv": ("advisory", "affected"),
    "kev": ("kev",),
    "epss": ("epss",),
    "exploitdb": ("exploit",),
}
"""The sets, and the tables that each of them fills."""
UPDATE_HINT = "ihacpa advisories update"
_LIVE = "SELECT body FROM affected JOIN advisory USING (id) WHERE package = ? AND NOT withdrawn ORDER BY id"
_COLUMNS = "name, source, date, sha256, records, withdrawn, packages, complete_for, partial, imported_at, unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInfo:
    """What a set of advisory data is.

    :param name: the source that reads it: osv, kev, epss or exploitdb.
    :param source: the file, folder or address that it came from.
    :param date: the day that its data is of, where that is known.
    :param sha256: of the file, or of the folder's files in order of their names; of records that were brought up to
        date one by one, of these in order of their ids.
    :param records: how many advisories, or CVEs, it holds.
    :param complete_for: the families of ids of which it has every record.
    :param partial: it is a sample, by its own word.
    :param unreadable: the records, files or lines that could not be read.
    """

    name: str = "osv"
    source: str
    date: date | None
    sha256: str
    records: int
    withdrawn: int = 0
    packages: int = 0
    complete_for: frozenset[str]
    partial: bool = False
    imported_at: datetime
    unreadable: tuple[str, ...] = field(default=())

    def age(self) -> timedelta | None:
        """How old its data is; None where it bears no date."""
        if self.date is None:
            return None
        return datetime.now(UTC) - datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)


class AdvisoryDatabase:
    """An advisory database, open for reading. It goes on reading the state that it was opened on, whatever is imported.

    :param sets: what it holds, by name.
    :raises AdvisoryDataError: there is none, or it is no advisory database, is of a newer program, or is damaged.
    """

    sets: Mapping[str, SetInfo]

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NoAdvisoryData("no advisory database", why=f"{path} is not there", hint=UPDATE_HINT)
        self.path = path
        with _explained(path):
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            with _explained(path):
                self._check()
                self.sets = self._read_sets()
        except BaseException:  # whatever it was, nobody else will close it
            self._connection.close()
            raise

    @property
    def info(self) -> SetInfo:
        """What the set of advisories is.

        :raises NoAdvisoryData: there is none.
        """
        return self.about("osv")

    def about(self, name: str) -> SetInfo:
        """What a set is.

        :raises NoAdvisoryData: it was never brought in.
        """
        if name not in self.sets:
            what = "no advisories in the advisory database" if name == "osv" else f"no data of {name}"
            raise NoAdvisoryData(what, why=f"{self.path} holds none", hint=f"{UPDATE_HINT} {name}")
        return self.sets[name]

    def bodies(self, package: str) -> list[bytes]:
        """The JSON texts of the records for a package, by its canonical name, but for the withdrawn ones.

        :raises AdvisoryDataError: they cannot be read.
        """
        with _explained(self.path):
            return [body for (body,) in self._connection.execute(_LIVE, (package,))]

    def every_body(self) -> Iterator[tuple[str, bytes]]:
        """The id and JSON text of every advisory, withdrawn ones too, in the order of the ids."""
        with _explained(self.path):
            yield from self._connection.execute("SELECT id, body FROM advisory ORDER BY id")

    def modified(self) -> dict[str, str]:
        """When each advisory was changed last, by its own word."""
        with _explained(self.path):
            return dict(self._connection.execute("SELECT id, modified FROM advisory"))

    def known_exploited(self, cves: Iterable[str]) -> frozenset[str]:
        """Those of the CVEs that are known to be exploited.

        :raises AdvisoryDataError: they cannot be read.
        """
        return frozenset(cve for cve, _ in self._of("kev", cves))

    def chances(self, cves: Iterable[str]) -> dict[str, float]:
        """The EPSS score, 0.0 to 1.0, of those of the CVEs that have one.

        :raises AdvisoryDataError: they cannot be read.
        """
        return {cve: float(score) for cve, score in self._of("epss", cves)}

    def exploits(self, cves: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The exploits that Exploit-DB has, ``EDB-50331``, by CVE.

        :raises AdvisoryDataError: they cannot be read.
        """
        found: dict[str, tuple[str, ...]] = {}
        for cve, number in self._of("exploit", cves):
            found[cve] = (*found.get(cve, ()), f"EDB-{number}")
        return found

    def verify(self) -> None:
        """Look at every page of the file.

        :raises AdvisoryDataError: one of them is damaged.
        """
        with _explained(self.path):
            (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _damaged(self.path, str(verdict))

    def close(self) -> None:
        self._connection.close()

    def _of(self, table: str, cves: Iterable[str]) -> list[tuple[str, Any]]:
        """The rows of some CVEs; one look into the index for each, in one statement for all of them."""
        asked = json.dumps(sorted(cves))
        with _explained(self.path):
            query = f"SELECT * FROM {table} WHERE cve IN (SELECT value FROM json_each(?))"
            return list(self._connection.execute(query, (asked,)))

    def _check(self) -> None:
        (application,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise _foreign(self.path)
        if version > SCHEMA_VERSION:
            raise AdvisoryDataError(
                f"the advisory database is of a newer ihacpa: {self.path}",
                why=f"its schema is {version}, this program reads {SCHEMA_VERSION}",
                hint="update ihacpa, or name another file in [source.osv] database",
            )

    def _read_sets(self) -> dict[str, SetInfo]:
        try:
            found = [_info(row) for row in self._connection.execute(f"SELECT {_COLUMNS} FROM data_set ORDER BY name")]
        except ValueError as error:
            raise _damaged(self.path, str(error)) from error
        if not found:
            raise _damaged(self.path, "it says nothing about its data")
        return {info.name: info for info in found}


def _info(row: tuple[str, str, str, str, int, int, int, str, int, str, str]) -> SetInfo:
    return SetInfo(
        name=row[0],
        source=row[1],
        date=date.fromisoformat(row[2]) if row[2] else None,
        sha256=row[3],
        records=row[4],
        withdrawn=row[5],
        packages=row[6],
        complete_for=frozenset(json.loads(row[7])),
        partial=bool(row[8]),
        imported_at=datetime.fromisoformat(row[9]),
        unreadable=tuple(json.loads(row[10])),
    )


def info_row(info: SetInfo) -> tuple[object, ...]:
    """`info` as a row of the table ``data_set``."""
    return (
        info.name,
        info.source,
        info.date.isoformat() if info.date else None,
        info.sha256,
        info.records,
        info.withdrawn,
        info.packages,
        json.dumps(sorted(info.complete_for)),
        int(info.partial),
        info.imported_at.isoformat(timespec="seconds"),
        json.dumps(list(info.unreadable)),
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into an error that a person can act on."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
            raise _foreign(path) from error
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise _damaged(path, str(error)) from error


def _foreign(path: Path) -> AdvisoryDataError:
    return AdvisoryDataError(
        f"not an advisory database: {path}",
        why="the file was not made by ihacpa",
        hint="move it away, or name another file in [source.osv] database",
    )


def _damaged(path: Path, why: str) -> AdvisoryDataError:
    return AdvisoryDataError(f"the advisory database cannot be read: {path}", why=why, hint=UPDATE_HINT)
