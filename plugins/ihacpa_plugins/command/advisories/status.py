"""``ihacpa advisories status``: which data there is, of when, whose, and what it is complete for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ihacpa_core import ExitCode, parse_duration
from ihacpa_plugins.advisory_data.database import UPDATE_HINT, AdvisoryDatabase, SetInfo
from ihacpa_plugins.command.advisories.sets import SETS

_NAMED = 5


def run(args: argparse.Namespace, path: Path, options: Callable[[str], Any]) -> int:
    """Print it; ends with INCOMPLETE where there are no advisories.

    :raises AdvisoryDataError: the database cannot be read.
    """
    if not path.exists():
        print('{"present": false}' if args.format == "json" else f"There is no advisory database at {path}.")
        print(f"To get one, type: {UPDATE_HINT}", file=sys.stderr)
        return ExitCode.INCOMPLETE
    with closing(AdvisoryDatabase(path)) as database:
        database.verify()
        sets = database.sets
    if args.format == "json":
        print(_as_json(sets, path))
    else:
        blocks = [describe(sets[name]) if name in sets else _describe_missing(name) for name in SETS]
        print("\n\n".join("\n".join(block) for block in [*blocks, [f"database      {path}"]]))
    for info in sets.values():
        _note_age(info, options(info.name).max_age)
    return ExitCode.OK if "osv" in sets else ExitCode.INCOMPLETE


def describe(info: SetInfo) -> list[str]:
    """A set as lines of text."""
    kind = SETS[info.name]
    age = info.age()
    day = "unknown" if info.date is None else f"{info.date.isoformat()} ({age.days if age else 0} days ago)"
    complete = ", ".join(sorted(info.complete_for)) or "nothing: it is partial, so nothing can be called safe by it"
    lines = [
        f"set           {info.name}, from {info.source}",
        f"data of       {day}",
        f"records       {_counts(info)}",
        f"complete for  {complete}",
        f"licence       {kind.licence}",
        f"sha256        {info.sha256}",
        f"imported      {info.imported_at.isoformat(timespec='seconds')}",
    ]
    if info.unreadable:
        names = ", ".join(info.unreadable[:_NAMED]) + (", …" if len(info.unreadable) > _NAMED else "")
        lines.append(f"unreadable    {len(info.unreadable):,}: {names}")
    return lines


def _counts(info: SetInfo) -> str:
    if info.name != "osv":
        return f"{info.records:,} {SETS[info.name].unit}"
    return f"{info.records:,}, of which {info.withdrawn:,} withdrawn, on {info.packages:,} packages"


def _describe_missing(name: str) -> list[str]:
    return [f"set           {name}, not there ({SETS[name].what}); to get it: {UPDATE_HINT} {name}"]


def _note_age(info: SetInfo, max_age: str) -> None:
    age = info.age()
    if age is None or age.total_seconds() > parse_duration(max_age):
        told = f"The data of {info.name} is older than {max_age}, or of unknown age"
        print(f"{told}; to renew it, type: {UPDATE_HINT} {info.name}", file=sys.stderr)


def _as_json(sets: Mapping[str, SetInfo], path: Path) -> str:
    import msgspec

    content = {"present": True, "database": str(path), "sets": [_plain(info) for info in sets.values()]}
    return msgspec.json.encode(content).decode()


def _plain(info: SetInfo) -> dict[str, Any]:
    age = info.age()
    return {
        "set": info.name,
        "source": info.source,
        "date": info.date,
        "age_days": None if age is None else age.days,
        "records": info.records,
        "withdrawn": info.withdrawn,
        "packages": info.packages,
        "complete_for": sorted(info.complete_for),
        "partial": info.partial,
        "licence": SETS[info.name].licence,
        "sha256": info.sha256,
        "imported_at": info.imported_at,
        "unreadable": info.unreadable,
    }
