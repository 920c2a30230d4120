"""The advisory database: one SQLite file, read by reviews, replaced whole by imports.

A file is never changed once it is in place: a new set is built beside it and put in its place in one step, so whoever
reads holds one whole set from beginning to end.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ihacpa_plugins.source.osv.errors import AdvisoryDataError

APPLICATION_ID = 0x69484143  # "iHAC", so that `file` and we know it for ours
SCHEMA_VERSION = 1
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
"""
UPDATE_HINT = "ihacpa advisories update"
_SET = "osv"
_LIVE = "SELECT body FROM affected JOIN advisory USING (id) WHERE package = ? AND NOT withdrawn ORDER BY id"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInfo:
    """What a set of advisories is.

    :param source: the file, folder or address that it came from.
    :param date: the day that its data is of, where that is known.
    :param sha256: of the file, or of the folder's files in order of their names.
    :param complete_for: the families of ids of which it has every record.
    :param partial: it is a sample, by its own word.
    :param unreadable: the records, or files, that could not be read.
    """

    source: str
    date: date | None
    sha256: str
    records: int
    withdrawn: int
    packages: int
    complete_for: frozenset[str]
    partial: bool
    imported_at: datetime
    unreadable: tuple[str, ...] = field(default=())

    def age(self) -> timedelta | None:
        """How old its data is; None where it bears no date."""
        if self.date is None:
            return None
        return datetime.now(UTC) - datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)


class AdvisoryDatabase:
    """An advisory database, open for reading. It goes on reading the set that it was opened on, whatever is imported.

    :raises AdvisoryDataError: there is none, or it is no advisory database, is of a newer program, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise AdvisoryDataError("no advisory database", why=f"{path} is not there", hint=UPDATE_HINT)
        self.path = path
        with _explained(path):
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            with _explained(path):
                self._check()
                self.info = self._read_info()
        except BaseException:  # whatever it was, nobody else will close it
            self._connection.close()
            raise

    def bodies(self, package: str) -> list[bytes]:
        """The JSON texts of the records for a package, by its canonical name, but for the withdrawn ones.

        :raises AdvisoryDataError: they cannot be read.
        """
        with _explained(self.path):
            return [body for (body,) in self._connection.execute(_LIVE, (package,))]

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

    def _read_info(self) -> SetInfo:
        columns = "source, date, sha256, records, withdrawn, packages, complete_for, partial, imported_at, unreadable"
        row = self._connection.execute(f"SELECT {columns} FROM data_set WHERE name = ?", (_SET,)).fetchone()
        if row is None:
            raise _damaged(self.path, "it says nothing about its data")
        try:
            return SetInfo(
                source=row[0],
                date=date.fromisoformat(row[1]) if row[1] else None,
                sha256=row[2],
                records=row[3],
                withdrawn=row[4],
                packages=row[5],
                complete_for=frozenset(json.loads(row[6])),
                partial=bool(row[7]),
                imported_at=datetime.fromisoformat(row[8]),
                unreadable=tuple(json.loads(row[9])),
            )
        except ValueError as error:
            raise _damaged(self.path, str(error)) from error


def info_row(info: SetInfo) -> tuple[object, ...]:
    """`info` as a row of the table ``data_set``."""
    return (
        _SET,
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
