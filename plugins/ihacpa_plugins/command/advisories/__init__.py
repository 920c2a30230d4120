"""``ihacpa advisories``: bring in advisory data, say what there is, and ask it about versions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ihacpa_plugins.command.advisories.sets import SETS

SUMMARY = "bring in and ask advisory data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of the command and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_update(actions.add_parser("update", help="fetch the data from its sources"))
    bring = actions.add_parser(
        "import",
        help="bring in a file: OSV's PyPI/all.zip or a folder of OSV records, KEV, EPSS, Exploit-DB, an export",
        description="Bring in a file or folder. What it is, is seen from its content: OSV's PyPI/all.zip or a folder "
        "of OSV records; CISA's KEV as JSON; EPSS scores as CSV; Exploit-DB's files_exploits.csv (each of these "
        "as .gz as well); or what `ihacpa advisories export` wrote. The other sets stay as they are.",
    )
    bring.add_argument("source", metavar="FILE", help="a file, a folder, or an address")
    _add_import_arguments(bring)
    export = actions.add_parser("export", help="write the database to a file, for another machine")
    export.add_argument(
        "target",
        metavar="FILE",
        type=Path,
        help="FILE.zip: the advisories as OSV keeps them; else: all sets as one file",
    )
    export.add_argument("--force", action="store_true", help="replace FILE if it is there")
    status = actions.add_parser("status", help="say which data there is, of when, whose, and complete for what")
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
    from ihacpa_plugins.command.advisories import bringing, matching, status
    from ihacpa_plugins.source.osv.options import database_path

    settings, folder = parts("source", "osv")
    database = database_path(settings, folder)
    match args.action:
        case "status":
            return status.run(args, database, lambda name: parts("source", name)[0])
        case "match":
            return matching.run(args, database)
        case "export":
            return bringing.export_to(args, database)
        case "import":
            return bringing.bring_in(args, database)
        case _:
            return bringing.update(args, database, lambda name: parts("source", name)[0])


def _add_update(update: argparse.ArgumentParser) -> None:
    update.add_argument("sets", metavar="SET", nargs="*", help=f"{', '.join(SETS)}; default: all of them")
    update.add_argument("--from", dest="source", metavar="PLACE", help="another address, file or folder")
    update.add_argument("--full", action="store_true", help="all advisories anew, not only those that changed")
    _add_import_arguments(update)


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
