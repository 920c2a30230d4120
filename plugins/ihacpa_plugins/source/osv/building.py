"""Building an advisory database beside the one in use, and putting it in its place in one step."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ihacpa_plugins.source.osv.database import SCHEMA, AdvisoryDatabase, SetInfo, info_row
from ihacpa_plugins.source.osv.errors import AdvisoryDataError, ImportRefused

LARGEST_DROP = 0.2
"""How much of the records may be gone in a new set before it is refused: more looks like a broken download."""
_LOCK_SECONDS = 10.0

Fill = Callable[[sqlite3.Connection], SetInfo]


def replace_database(path: Path, fill: Fill, *, force: bool = False) -> SetInfo:
    """Build a database with `fill` and put it where `path` is; whatever happens on the way, the old one stays whole.

    :param fill: writes the records through the connection and returns what the set is.
    :param force: take a set that holds much less than the one that is there, or replace a file that is damaged.
    :raises ImportRefused: the file at `path` is not ours, or the new set holds much less.
    :raises AdvisoryDataError: it cannot be written, or somebody else is at it.
    """
    try:
        path = path.resolve()  # the target of a link is replaced, not the link
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
            return _replace(path, fill, force=force)
    except Timeout as error:
        raise AdvisoryDataError(
            "another import is at work", why=f"it holds {path}.lock", hint="wait for it, then type the command again"
        ) from error
    except (OSError, sqlite3.Error) as error:
        raise AdvisoryDataError(
            f"the advisory database cannot be written: {path}",
            why=str(error),
            hint="look at the folder's free space and rights; the old database is untouched",
        ) from error


def _replace(path: Path, fill: Fill, *, force: bool) -> SetInfo:
    old = _records_there(path, force=force)
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        left.unlink(missing_ok=True)  # of a build that was killed; the lock says that none goes on
    with _aside(path) as temporary:
        info = _build(temporary, fill)
        if not force and info.records < old * (1 - LARGEST_DROP):
            raise ImportRefused(
                f"the new set holds {info.records:,} advisories, the one in use {old:,}",
                why="so large a drop looks like a broken download or a sample",
                hint="--force takes it all the same",
            )
        _fsync(temporary)
        temporary.replace(path)
        _fsync(path.parent)
    return info


def _records_there(path: Path, *, force: bool) -> int:
    """How many records the database in use has; 0 if there is none."""
    if not path.exists():
        return 0
    try:
        database = AdvisoryDatabase(path)
    except AdvisoryDataError as error:
        if force:
            return 0
        raise ImportRefused(error.what, why=error.why, hint=f"{error.hint}; --force replaces the file") from error
    database.close()
    return database.info.records


def _build(path: Path, fill: Fill) -> SetInfo:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # nobody sees the file before it is whole and fsynced, so it needs no journal of its own
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {SCHEMA}")
        connection.execute("BEGIN")
        info = fill(connection)
        marks = ", ".join("?" * len(info_row(info)))
        connection.execute(f"INSERT INTO data_set VALUES ({marks})", info_row(info))
        connection.execute("COMMIT")
    finally:
        connection.close()
    return info


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """An empty file of our own in the same folder; gone at the end, unless it took the place of another."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
