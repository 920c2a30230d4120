"""The SQLite file of the store: how it is made, opened, checked, migrated, and what its errors mean to a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ihacpa_core import FileOps, StoreError
from ihacpa_plugins.checkpoint._places import path_is_file
from ihacpa_plugins.checkpoint._telling import damaged, folder_hint, newer
from ihacpa_plugins.checkpoint._telling import telling as telling_of_system
from ihacpa_plugins.checkpoint._wal_image import database_image

_LOG_HEADER = 32  # bytes at the beginning of a write-ahead log
_SMALLEST = 512  # bytes; SQLite takes less for an empty database and writes over it
APPLICATION_ID = 0x69686163  # "ihac", in the header of the file, for `file` and for us

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # `last` is the newest sequence of the run: a journal whose tail went missing must not look whole.
        """CREATE TABLE runs (
            number INTEGER PRIMARY KEY, run_id TEXT NOT NULL, last INTEGER NOT NULL, checksum BLOB NOT NULL
        ) STRICT""",
        """CREATE TABLE entries (
            run INTEGER NOT NULL, sequence INTEGER NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL,
            checksum BLOB NOT NULL, PRIMARY KEY (run, sequence)
        ) STRICT""",
        """CREATE TABLE checkpoints (
            number INTEGER PRIMARY KEY, checkpoint_id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL,
            payload TEXT NOT NULL, checksum BLOB NOT NULL
        ) STRICT""",
    ),
)
"""What brings a file from one `user_version` to the next. Entries are added, never changed."""


def open_writing(path: Path, busy_timeout: float, files: FileOps) -> sqlite3.Connection:
    """The one connection that writes; the file is made, readable by its owner alone, if it is not there.

    WAL with `synchronous=FULL`: a commit is one fsync of the log, and what it returned from survives a loss of power.
    """
    _create(path, files)
    _refuse_what_is_no_journal(path)
    db = _connect(path, "mode=rw", busy_timeout)
    try:
        _check(path, db)
        if db.execute("PRAGMA journal_mode = WAL").fetchone() != (b"wal",):
            raise StoreError(
                f"{path} cannot keep a write-ahead log",
                why="the file system lacks shared memory, as network drives do",
                hint='set state_dir to a folder on a local disk, or checkpoint = "file"',
            )
        for pragma in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON"):
            db.execute(f"PRAGMA {pragma}")
        _migrate(db)
    except BaseException:  # whatever it was, nobody else will close it
        db.close()
        raise
    return db


def open_reading(path: Path, busy_timeout: float) -> sqlite3.Connection | None:
    """A connection that changes no byte beside the journal or in it; None if there is no journal yet."""
    if not path.exists() or not path.stat().st_size:
        return None
    _refuse_what_is_no_journal(path)
    db = _connect_reading(path, busy_timeout)
    try:
        _check(path, db)
        if not _user_version(db):
            db.close()
            return None
    except BaseException:  # whatever it was, nobody else will close it
        db.close()
        raise
    return db


def _connect_reading(path: Path, busy_timeout: float) -> sqlite3.Connection:
    """Where there is a log, a copy in memory: SQLite itself opens a log for writing, and changes its owner as root."""
    mode = _reading_mode(path)
    if "immutable" in mode or not hasattr(sqlite3.Connection, "deserialize"):
        return _connect(path, mode, busy_timeout)
    image = database_image(path)
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.text_factory = bytes
    db.deserialize(image)
    return db


def _reading_mode(path: Path) -> str:
    """How to read without leaving a -wal or -shm file behind, which plain ``mode=ro`` does (SQLite 3.40).

    Without a log, the file alone is the journal. With one, its index is read as it stands, or rebuilt in memory. A log
    of a process that died after its header holds nothing, and SQLite refuses to read it so ("locking protocol").
    """
    log, index = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
    if not log.exists() or log.stat().st_size <= _LOG_HEADER:
        return "mode=ro&immutable=1"
    return "mode=ro&readonly_shm=1" if index.exists() else "mode=ro"


def _connect(path: Path, mode: str, busy_timeout: float) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,  # transactions are begun where they are meant
        check_same_thread=False,  # the store lets in one thread at a time
    )
    db.text_factory = bytes  # a damaged byte must reach the checksum, not fail as UTF-8
    return db


def _create(path: Path, files: FileOps) -> None:
    """Make an empty file, which SQLite takes for a new database, without following a planted link."""
    try:
        files.create_exclusive(path).close()
    except FileExistsError:
        if path.lstat().st_size:
            return
    files.fsync_folder(path.parent)  # also for one that was killed between the two


def _refuse_what_is_no_journal(path: Path) -> None:
    path_is_file(path)
    size = path.stat().st_size
    if 0 < size < _SMALLEST:
        raise damaged(path, f"it is {size} bytes long, shorter than any journal")


def _check(path: Path, db: sqlite3.Connection) -> None:
    """Refuse what is not ours, what a newer version wrote, and what is damaged, before anything is written."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and tables:
        raise StoreError(
            f"{path} is not a journal of ihacpa",
            why=f"its application id is {application}",
            hint="move it away, or choose another state_dir",
        )
    if _user_version(db) > len(MIGRATIONS):
        raise newer(path, _user_version(db), len(MIGRATIONS))
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != b"ok":
        raise damaged(path, verdict.decode(errors="replace"))
    if tables and not _user_version(db):
        raise damaged(path, "it holds tables and no schema number")


def _user_version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the file forward in one transaction: it is of the old schema or of the new one, never between."""
    if _user_version(db) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    for statements in MIGRATIONS[_user_version(db) :]:  # asked again: another process may have come first
        for statement in statements:
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute("COMMIT")


# --- errors -----------------------------------------------------------------------------------------------------------


@contextmanager
def telling(path: Path, doing: str) -> Iterator[None]:
    """Turn what SQLite and the system raise into a `StoreError` that says what to do; `doing`: "reading run 7"."""
    try:
        with telling_of_system(path, doing):
            yield
    except sqlite3.Error as error:
        raise _told(path, doing, error) from error
    except UnicodeDecodeError as error:  # SQLite complains about a damaged name, and quotes it
        raise damaged(path, f"{doing}: a name in it is not text") from error


def _told(path: Path, doing: str, error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary result code
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, f"{doing}: {error}")
    hints = {
        sqlite3.SQLITE_FULL: f"make room on the disk of {path.parent}, then run the same command again",
        sqlite3.SQLITE_BUSY: "another process writes to it: wait for it or stop it, then run the same command again",
        sqlite3.SQLITE_IOERR: f"check the disk and the room on it: {path.parent}",
    }
    return StoreError(f"{doing} failed", why=f"{path}: {error}", hint=hints.get(code, folder_hint(path)))
