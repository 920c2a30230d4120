"""Taking the advisory database, or the advisories in it, from one machine to another."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ihacpa_core import UsageError
from ihacpa_plugins.advisory_data.building import Fill
from ihacpa_plugins.advisory_data.database import TABLES, AdvisoryDatabase, SetInfo
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused

_DAY = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same records are the same bytes."""


def fills_of(path: Path) -> dict[str, Fill]:
    """What brings each set of another advisory database into one that is being built.

    :raises ImportRefused: it is none that can be read.
    """
    try:
        with closing(AdvisoryDatabase(path)) as database:
            database.verify()
            return {name: _copy(path, info) for name, info in database.sets.items() if name in TABLES}
    except AdvisoryDataError as error:
        raise ImportRefused(error.what, why=error.why, hint="export it again where it came from") from error


def _copy(path: Path, info: SetInfo) -> Fill:
    def fill(connection: sqlite3.Connection) -> SetInfo:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as given:
            for table in TABLES[info.name]:
                rows = given.execute(f"SELECT * FROM {table}")
                marks = ", ".join("?" * len(rows.description))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        return replace(info, imported_at=datetime.now(UTC))

    return fill


def export(database: Path, target: Path, *, force: bool = False) -> str:
    """Write the whole database to `target`, or the advisories as OSV keeps them if that ends in ``.zip``.

    :returns: what was written, in words.
    :raises AdvisoryDataError: there is none, or it cannot be written.
    :raises UsageError: `target` is there already.
    """
    if target.exists() and not force:
        raise UsageError(f"{target} is there already, and was left as it is", hint="--force replaces it")
    with closing(AdvisoryDatabase(database)) as opened:
        opened.verify()
        if target.suffix.lower() == ".zip":
            info = opened.info
            _written(target, lambda place: _zip(opened, info, place))
            return f"{info.records:,} advisories"
        # nobody changes a database that is in place, so its bytes are one state
        _written(target, lambda place: shutil.copyfile(database, place))
        return f"the sets {', '.join(opened.sets)}"


def _written(target: Path, write: Callable[[Path], object]) -> None:
    """Write beside `target` and put it in place in one step."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        os.close(handle)
        try:
            write(Path(name))
            Path(name).replace(target)
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
    except OSError as error:
        raise AdvisoryDataError(f"{target} cannot be written", why=str(error), hint="name another place") from error


def _zip(database: AdvisoryDatabase, info: SetInfo, target: Path) -> None:
    about = {
        "complete_for": sorted(info.complete_for),
        "date": info.date.isoformat() if info.date else None,
        "partial": info.partial,
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_member("ihacpa-set.json"), json.dumps(about))
        for name, body in database.every_body():
            archive.writestr(_member(f"{name}.json"), body)


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _DAY)
    member.compress_type = zipfile.ZIP_DEFLATED
    return member
