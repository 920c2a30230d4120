"""``ihacpa advisories``: bring in advisory data, say what there is, and ask it about versions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihacpa_core import ExitCode, UsageError

if TYPE_CHECKING:
    from ihacpa_plugins.source.osv import OsvOptions
    from ihacpa_plugins.source.osv.database import SetInfo

SUMMARY = "bring in and ask advisory data"
_NAMED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of the command and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    update = actions.add_parser("update", help="fetch the advisories from their source")
    update.add_argument("--from", dest="source", metavar="PLACE", help="another address, zip file or folder")
    _add_import_arguments(update)
    bring = actions.add_parser("import", help="bring in OSV's PyPI/all.zip, or a folder of OSV records")
    bring.add_argument("source", metavar="FILE", help="a zip file or a folder")
    _add_import_arguments(bring)
    status = actions.add_parser("status", help="say which advisories there are, and of when")
    _add_format(status)
    match = actions.add_parser("match", help="ask whether versions are affected, without a workbook")
    match.add_argument("pins", metavar="NAME==VERSION", nargs="*", help="what to ask about")
    match.add_argument("-r", dest="files", metavar="FILE", action="append", default=[], help="a list of NAME==VERSION")
    _add_format(match)


def run(args: argparse.Namespace, parts: Callable[[str, str], tuple[Any, Path]]) -> int:
    """Carry out the command.

    :param parts: the validated options of an offer, by role and name, and the folder that relative paths start from.
    :raises IhacpaError: it could not be carried out.
    """
    from ihacpa_plugins.source.osv.options import database_path

    settings: OsvOptions
    settings, folder = parts("source", "osv")
    database = database_path(settings, folder)
    if args.action == "status":
        return _status(args, settings, database)
    if args.action == "match":
        return _match(args, database)
    return _bring_in(args, settings, database)


def _add_import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--complete-for",
        metavar="LIST",
        help="vouch that the set has every record of these families of ids: PYSEC,GHSA,MAL",
    )
    parser.add_argument("--force", action="store_true", help="take a set that is much smaller than the one in use")


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print it (default: text)")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")


def _note(text: str) -> None:
    print(text, file=sys.stderr)


# --- update, import ---------------------------------------------------------------------------------------------------


def _bring_in(args: argparse.Namespace, settings: OsvOptions, database: Path) -> int:
    from ihacpa_plugins.source.osv.importing import bring_in, families

    try:
        vouched = None if args.complete_for is None else families(args.complete_for)
    except ValueError as error:
        raise UsageError("--complete-for cannot be read", why=str(error), hint="--complete-for PYSEC,GHSA") from error
    source = args.source or settings.url
    _note(f"reading {source}")
    info = bring_in(source, database, complete_for=vouched, force=args.force)
    for line in [*_describe(info), f"database      {database}"]:
        print(line)
    return ExitCode.OK


# --- status -----------------------------------------------------------------------------------------------------------


def _status(args: argparse.Namespace, settings: OsvOptions, path: Path) -> int:
    from ihacpa_plugins.source.osv.database import UPDATE_HINT, AdvisoryDatabase

    if not path.exists():
        print('{"present": false}' if args.format == "json" else f"There is no advisory database at {path}.")
        _note(f"To get one, type: {UPDATE_HINT}")
        return ExitCode.INCOMPLETE
    database = AdvisoryDatabase(path)
    try:
        database.verify()
    finally:
        database.close()
    if args.format == "json":
        print(_status_json(database.info, path))
    else:
        for line in [*_describe(database.info), f"database      {path}"]:
            print(line)
    _note_age(database.info, settings)
    return ExitCode.OK


def _note_age(info: SetInfo, settings: OsvOptions) -> None:
    from ihacpa_core import parse_duration
    from ihacpa_plugins.source.osv.database import UPDATE_HINT

    age = info.age()
    if age is None or age.total_seconds() > parse_duration(settings.max_age):
        _note(f"The data is older than {settings.max_age}, or of unknown age; to renew it, type: {UPDATE_HINT}")


def _describe(info: SetInfo) -> list[str]:
    age = info.age()
    day = "unknown" if info.date is None else f"{info.date.isoformat()} ({age.days if age else 0} days ago)"
    complete = ", ".join(sorted(info.complete_for)) or "nothing: it is partial, so nothing can be called safe by it"
    lines = [
        f"set           osv, from {info.source}",
        f"data of       {day}",
        f"records       {info.records:,}, of which {info.withdrawn:,} withdrawn, on {info.packages:,} packages",
        f"complete for  {complete}",
        f"sha256        {info.sha256}",
        f"imported      {info.imported_at.isoformat(timespec='seconds')}",
    ]
    if info.unreadable:
        names = ", ".join(info.unreadable[:_NAMED]) + (", …" if len(info.unreadable) > _NAMED else "")
        lines.append(f"unreadable    {len(info.unreadable):,}: {names}")
    return lines


def _status_json(info: SetInfo, path: Path) -> str:
    import msgspec

    age = info.age()
    content = {
        "present": True,
        "set": "osv",
        "source": info.source,
        "date": info.date,
        "age_days": None if age is None else age.days,
        "records": info.records,
        "withdrawn": info.withdrawn,
        "packages": info.packages,
        "complete_for": sorted(info.complete_for),
        "partial": info.partial,
        "sha256": info.sha256,
        "imported_at": info.imported_at,
        "unreadable": info.unreadable,
        "database": str(path),
    }
    return msgspec.json.encode(content).decode()


# --- match ------------------------------------------------------------------------------------------------------------


def _match(args: argparse.Namespace, path: Path) -> int:
    from ihacpa_plugins.command.match_output import as_json, as_text
    from ihacpa_plugins.command.pins import read_pins
    from ihacpa_plugins.source.osv.database import AdvisoryDatabase
    from ihacpa_plugins.source.osv.lookup import match
    from ihacpa_plugins.source.osv.records import canonical

    pins = read_pins(args.pins, [Path(name) for name in args.files])
    show = as_json if args.format == "json" else as_text
    database = AdvisoryDatabase(path)
    try:
        sure = bool(database.info.complete_for)
        for pin in pins:
            print(show(pin, match(database, canonical(pin.name), pin.version), sure=sure))
    finally:
        database.close()
    if not sure:
        _note(
            "The advisory set is partial: what it does not name is uncertain. "
            "To get a whole one, type: ihacpa advisories update"
        )
        return ExitCode.INCOMPLETE
    return ExitCode.OK
