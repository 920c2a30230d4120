"""``ihacpa cells``: set cells of a workbook and leave everything else in it as it is."""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from ihacpa_core import Cell, CellStyle, CellValue, ExitCode, UsageError, WorkbookError

SUMMARY = "set cells of a workbook, leaving everything else in it as it is"
_CELL: Final = re.compile(
    r"(?P<ref>(?:(?:'(?:[^']|'')+'|[^'!=][^!=]*)!)?\$?[A-Za-z]{1,3}\$?[0-9]{1,7})(?P<typed>:?)=(?P<value>.*)", re.DOTALL
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of the command and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    action = actions.add_parser("set", help="write values into cells")
    action.add_argument("workbook", metavar="WORKBOOK", help="the workbook to read")
    action.add_argument(
        "cells",
        metavar="CELL=TEXT",
        nargs="+",
        help="'Sheet1!B7=text', or B7=text for the sheet that is shown on opening; B7= empties the cell; "
        "B7:=VALUE writes a number, a date or a truth value: B7:=1.5, B7:=2026-01-02, B7:=true",
    )
    action.add_argument("--output", metavar="OUT", help="the workbook to write (default: the one that is read)")
    action.add_argument("--style", choices=[style.value for style in CellStyle], help="colour these cells so")
    action.add_argument("--overwrite-formulas", action="store_true", help="also where a cell holds a formula")


def run(args: argparse.Namespace, parts: Callable[[str, str], tuple[Any, Path]]) -> int:
    """Carry out the command.

    :raises IhacpaError: it could not be carried out; nothing was written.
    """
    from ihacpa_plugins.save.patch import patch_cells

    cells = dict(_parsed(text, args.style) for text in args.cells)
    source, target = Path(args.workbook), Path(args.output or args.workbook)
    if not source.is_file():
        raise WorkbookError(f"{source} is no file", hint="give the path of a workbook")
    done = patch_cells(source, target, cells, overwrite_formulas=args.overwrite_formulas)
    same = f", {done.unchanged} held that already" if done.unchanged else ""
    print(f"{target}: {done.changed} cell{'s' if done.changed != 1 else ''} changed{same}")
    return ExitCode.OK


def _parsed(text: str, style: str | None) -> tuple[str, Cell]:
    match = _CELL.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} sets no cell", hint="write it as B7=text or 'Sheet1!B7=text'")
    value = _typed(match["ref"], match["value"]) if match["typed"] else match["value"]
    return match["ref"], Cell(value, CellStyle(style) if style else None)


def _typed(ref: str, text: str) -> CellValue:
    """A value as it would stand in the settings file: a number, a day, a truth value, or a text in quotes."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        hint = f"{ref}:=1.5, {ref}:=2026-01-02, {ref}:=true; for text: {ref}=TEXT"
        raise UsageError(f"{text!r} is no value", why=str(error), hint=hint) from error
    if not isinstance(value, str | bool | int | float | date | datetime):
        raise UsageError(f"{text!r} is no value of a cell", hint=f"for text: {ref}=TEXT")
    return value
