"""Keeps what was learned about packages in one SQLite file, a row a package.

Only facts are kept, not documents: a hundredth of the bytes, and nothing to parse again. The file is a convenience:
damaged or not ours, it is set aside and begun anew; where none can be written, the run goes on without.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ihacpa_plugins.source.pypi.facts import PackageFacts

_APPLICATION_ID = 0x69484331
"""Marks the file as ours: "iHC1"."""

# The schema's version is in the table's name: two versions of the program can share a file.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS package_1 (
    index_url TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL, last_modified TEXT NOT NULL,
    fetched_at REAL NOT NULL, facts BLOB, checksum INTEGER NOT NULL, PRIMARY KEY (index_url, name)
) STRICT, WITHOUT ROWID
"""
_READ = "SELECT etag, last_modified, fetched_at, facts, checksum FROM package_1 WHERE index_url = ? AND name = ?"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PATIENCE = 1.0
"""Seconds to wait for another process that writes; the event loop stands still meanwhile."""
_BEGINNINGS = (0.01, 0.05, 0.1, 0.2, 0.4)
"""Pauses between attempts to open: SQLite does not wait by itself where two connections turn a file to WAL at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the index said about a package, and when (seconds since 1970). `facts` None: it has no such package."""

    facts: PackageFacts | None
    fetched_at: float
    etag: str = ""
    last_modified: str = ""


class _ForeignFileError(Exception):
    """The file is a healthy database, but another program's."""


class FactsCache:
    """The cache of one index, in the file `path`, whatever state that is in; `warn` hears what was wrong with it."""

    def __init__(self, path: Path, index_url: str, warn: Callable[[str], None]) -> None:
        self._path = path
        self._index_url = index_url
        self._warn = warn
        self._told: set[str] = set()
        self._database = self._opened()

    def get(self, name: str) -> Entry | None:
        """What is known of the package with this canonical name."""
        try:
            row = self._database.execute(_READ, (self._index_url, name)).fetchone()
        except sqlite3.Error as error:
            self._mend(error)
            return None
        return _entry(row) if row else None

    def put(self, name: str, entry: Entry) -> None:
        """Remember `entry`; on return it survives a kill of this process."""
        facts = msgspec.json.encode(entry.facts) if entry.facts else None
        row = (
            self._index_url,
            name,
            entry.etag,
            entry.last_modified,
            entry.fetched_at,
            facts,
            zlib.crc32(facts or b""),
        )
        try:
            self._database.execute("INSERT OR REPLACE INTO package_1 VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            self._mend(error)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._opened_or_begun_anew()
        except (OSError, sqlite3.Error) as error:
            self._tell(f"the package index's answers are not kept: {self._path} cannot be used ({error})")
            return _connected(":memory:")

    def _opened_or_begun_anew(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return _connected(str(self._path))
        except _ForeignFileError:
            self._set_aside("is another program's database")
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._set_aside(f"is damaged ({error})")
        return _connected(str(self._path))

    def _set_aside(self, why: str) -> None:
        place = next(p for n in range(1, 10_000) if not (p := Path(f"{self._path}.set-aside-{n}")).exists())
        self._path.replace(place)
        for tail in ("-wal", "-shm"):
            Path(f"{self._path}{tail}").unlink(missing_ok=True)
        self._tell(f"the cache {self._path} {why}; it was set aside as {place.name}, and a new one was begun")

    def _mend(self, error: sqlite3.Error) -> None:
        """After a failure in the middle of a run: begin anew if the file is damaged, else go on without this entry."""
        if not _is_damage(error):
            self._tell(f"an answer of the package index could not be kept or found in {self._path} ({error})")
            return
        self._database.close()
        self._database = self._opened()

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._warn(message)


def _entry(row: tuple[str, str, float, bytes | None, int]) -> Entry | None:
    """The entry in a row; None if its bytes are not those that were written."""
    etag, last_modified, fetched_at, facts, checksum = row
    if zlib.crc32(facts or b"") != checksum:
        return None
    try:
        known = msgspec.json.decode(facts, type=PackageFacts) if facts else None
    except msgspec.DecodeError:
        return None  # written by a version of the program that kept other facts
    return Entry(facts=known, fetched_at=fetched_at, etag=etag, last_modified=last_modified)


def _is_damage(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED


def _connected(path: str) -> sqlite3.Connection:
    """The database in `path`, made ready. Several processes may begin it at once."""
    for pause in _BEGINNINGS:
        try:
            return _connected_now(path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(pause)
    return _connected_now(path)


def _connected_now(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        _prepare(database)
    except BaseException:  # whatever it was, nobody else will close it
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    (owner,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if owner != _APPLICATION_ID and (owner or tables):
        raise _ForeignFileError
    # OFF survives a kill of the process; a loss of power may damage the file, which the next run then sets aside.
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA journal_mode = WAL")
    (health,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        error = sqlite3.DatabaseError(health)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error
    database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    database.execute(_SCHEMA)
