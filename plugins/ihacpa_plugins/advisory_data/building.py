"""Building an advisory database beside the one in use, and putting it in its place in one step.

Sets that are not renewed are taken over from the file in use, so each set is renewed by itself and a reader still has
one file in one state.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ihacpa_plugins.advisory_data.database import SCHEMA, TABLES, AdvisoryDatabase, SetInfo, info_row
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused, NoAdvisoryData

LARGEST_DROP = 0.2
"""How much of the records may be gone in a new set before it is refused: more looks like a broken download."""
OLD = "old"
"""The schema under which the file in use can be read while a new one is filled; not there if there is no file."""
_LOCK_SECONDS = 10.0

Fill = Callable[[sqlite3.Connection], SetInfo]
"""Writes the records of a set through the connection and returns what the set is."""


def replace_database(path: Path, fill: Fill, *, force: bool = False) -> SetInfo:
    """Renew the set of advisories; see `replace_sets`."""
    return replace_sets(path, {"osv": fill}, force=force)["osv"]


def replace_sets(path: Path, fills: Mapping[str, Fill], *, force: bool = False) -> dict[str, SetInfo]:
    """Build a database whose sets in `fills` are new and put it where `path` is; until then the old one stays whole.

    :param force: take sets that hold much less than those that are there, or replace a file that is damaged.
    :raises ImportRefused: the file at `path` is not ours, or a new set holds much less.
    :raises AdvisoryDataError: it cannot be written, or somebody else is at it.
    """
    try:
        path = path.resolve()  # the target of a link is replaced, not the link
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
            return _replace(path, fills, force=force)
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


def _replace(path: Path, fills: Mapping[str, Fill], *, force: bool) -> dict[str, SetInfo]:
    there = _sets_there(path, force=force)
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        left.unlink(missing_ok=True)  # of a build that was killed; the lock says that none goes on
    with _aside(path) as temporary:
        made = _build(temporary, path if there else None, [there[name] for name in there if name not in fills], fills)
        if not force:
            for info in made.values():
                _refuse_drop(info, there.get(info.name))
        _fsync(temporary)
        temporary.replace(path)
        _fsync(path.parent)
    return made


def _refuse_drop(new: SetInfo, old: SetInfo | None) -> None:
    if old is None or new.records >= old.records * (1 - LARGEST_DROP):
        return
    what = "advisories" if new.name == "osv" else f"CVEs of {new.name}"
    raise ImportRefused(
        f"the new set holds {new.records:,} {what}, the one in use {old.records:,}",
        why="so large a drop looks like a broken download or a sample",
        hint="--force takes it all the same",
    )


def _sets_there(path: Path, *, force: bool) -> Mapping[str, SetInfo]:
    """The sets of the database in use; none if there is none, or if it is damaged and may be replaced."""
    try:
        database = AdvisoryDatabase(path)
    except NoAdvisoryData:
        return {}
    except AdvisoryDataError as error:
        if force:
            return {}
        raise ImportRefused(error.what, why=error.why, hint=f"{error.hint}; --force replaces the file") from error
    database.close()
    return database.sets


def _build(path: Path, old: Path | None, kept: list[SetInfo], fills: Mapping[str, Fill]) -> dict[str, SetInfo]:
    connection = sqlite3.connect(path, isolation_level=None, uri=True)
    try:
        # nobody sees the file before it is whole and fsynced, so it needs no journal of its own
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {SCHEMA}")
        if old is not None:
            attach(connection, old, OLD)
        connection.execute("BEGIN")
        made = {name: fill(connection) for name, fill in fills.items()}
        for info in kept:
            take_over(connection, info.name, OLD)
        for info in (*made.values(), *kept):
            row = info_row(info)
            connection.execute(f"INSERT INTO data_set VALUES ({', '.join('?' * len(row))})", row)
        connection.execute("COMMIT")
    finally:
        connection.close()
    return made


def attach(connection: sqlite3.Connection, path: Path, schema: str) -> None:
    """Let `connection` read another database as `schema`."""
    connection.execute(f"ATTACH ? AS {schema}", (f"{path.resolve().as_uri()}?mode=ro",))


def take_over(connection: sqlite3.Connection, name: str, schema: str) -> None:
    """Copy the tables of a set from an attached database, in the order of their keys."""
    for table in TABLES[name]:
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM {schema}.{table}")


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
