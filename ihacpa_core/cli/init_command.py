"""``ihacpa init``: looks at a workbook and writes a commented settings file for it."""

from __future__ import annotations

import os
import sys
import tomllib
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihacpa_core.cli.options import CommandParser, formatter
from ihacpa_core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from ihacpa_core.workbook.records import Sheet
    from ihacpa_core.workbook.survey import Survey

_HEADERS_SHOWN = 6


def main(argv: Sequence[str]) -> int:
    """Write the file; returns the exit code."""
    args = _parser().parse_args(list(argv))
    folder = Path(args.directory).resolve() if args.directory else Path.cwd()
    output = folder / args.output
    if output.exists() and not args.force:
        raise UsageError(
            f"{args.output} is there already, and was left as it is",
            hint="--force replaces it, --output FILE writes another one; ihacpa config set changes a value",
        )
    workbook = _workbook(args, folder)
    chosen: dict[tuple[str, ...], Any] = {}
    told = ["workbook    none here; name one under [ihacpa]"]
    if workbook is not None:
        chosen, told = _looked_at(workbook, output.parent)
    _write(output, chosen, workbook)
    sys.stdout.write("\n".join([f"wrote {output}", *(f"  {line}" for line in told), *_next(args, workbook)]) + "\n")
    return ExitCode.OK


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa init",
        description="Look at a workbook and write a commented settings file for it: what was found, and every default.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("workbook", nargs="?", metavar="WORKBOOK", help="default: the only one in the folder")
    parser.add_argument("--output", default="ihacpa.toml", metavar="FILE", help="default: ihacpa.toml")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")
    parser.add_argument("-C", "--directory", metavar="DIR", help="as if typed in this folder")
    return parser


def _workbook(args: Namespace, folder: Path) -> Path | None:
    """The workbook that is named, else the only one in the folder."""
    if args.workbook:
        return folder / Path(args.workbook).expanduser()
    found = sorted(path for path in folder.glob("*.xls[xm]") if not path.name.startswith(("~$", ".")))
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise UsageError("there are several workbooks here", why=names, hint=f"ihacpa init {found[0].name}")
    return found[0] if found else None


def _looked_at(workbook: Path, folder: Path) -> tuple[dict[tuple[str, ...], Any], list[str]]:
    """What is to be set, and what to say about it.

    :raises WorkbookError: it is no workbook, or has no header.
    """
    from ihacpa_core.workbook.records import read_sheet
    from ihacpa_core.workbook.sniff import check_workbook
    from ihacpa_core.workbook.survey import survey

    check_workbook(workbook)
    found = survey(workbook)
    sheet = read_sheet(workbook, name=found.sheet, header_row=found.header_row, key=found.key)
    chosen: dict[tuple[str, ...], Any] = {
        ("ihacpa", "workbook"): os.path.relpath(workbook, folder).replace(os.sep, "/"),
        ("sheet", "name"): found.sheet,
        ("sheet", "header_row"): found.header_row,
        ("sheet", "key"): found.key,
    }
    return chosen, list(_told(workbook, found, sheet))


def _told(workbook: Path, found: Survey, sheet: Sheet) -> Iterator[str]:
    which = "the only one" if found.sheets == 1 else f"{'the active' if found.active else 'not the active'} one"
    which += f" of {found.sheets}" if found.sheets > 1 else ""
    yield f'workbook    {workbook.name}, sheet "{found.sheet}" ({which})'
    texts = [f'{letter} "{" ".join(text.split())[:30]}"' for letter, text in found.headers.texts.items()]
    more = f" and {len(texts) - _HEADERS_SHOWN} more" if len(texts) > _HEADERS_SHOWN else ""
    yield f"header      row {found.header_row}: {', '.join(texts[:_HEADERS_SHOWN])}{more}"
    first = f', the first is "{sheet.records[0].key}"' if sheet.records else ""
    yield f"key         column {found.letter}: {len(sheet.records):,} records{first}"
    if not found.sure:
        yield "note        no header says that it names a package: look at key and header_row under [sheet]"
        yield 'note        for a job of your own, set processor = "python:FILE:FUNCTION"'
    for warning in sheet.warnings:
        yield f"note        {warning}"


def _write(output: Path, chosen: dict[tuple[str, ...], Any], workbook: Path | None) -> None:
    from ihacpa_core.config.catalogue import catalogue
    from ihacpa_core.config.edit import write_settings_file
    from ihacpa_core.config.template import settings_text
    from ihacpa_core.fileops import FileOps
    from ihacpa_core.plugins.table import PluginTable

    found = catalogue(PluginTable())
    about = f" for {workbook.name}" if workbook else ""
    text = settings_text(found.tables, chosen, [f"The settings of ihacpa{about}, as `ihacpa init` wrote them."])
    tomllib.loads(text)
    write_settings_file(output, text, FileOps())
    for note in found.left_out:
        sys.stderr.write(f"ihacpa: note: {note}\n")


def _next(args: Namespace, workbook: Path | None) -> list[str]:
    if workbook is None:
        return ["next:", "  ihacpa config set workbook packages.xlsx"]
    command = "ihacpa" if args.output == "ihacpa.toml" else f"ihacpa --config {args.output}"
    command += f" -C {args.directory}" if args.directory else ""
    return ["next:", f"  {command} --dry-run   (says what a run would do)", f"  {command}"]
