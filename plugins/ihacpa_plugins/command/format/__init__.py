"""``ihacpa format``: cells of the review whose colour does not match their text, found and mended."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ihacpa_core import Cell, CellUpdate, CommandParts, ExitCode, Sheet
from ihacpa_plugins.command.format.judging import Mismatch, mismatches
from ihacpa_plugins.command.plain import counted, one_line

SCHEMA = 1
_COLOURS = {"good": "green", "bad": "red", "warn": "orange", "info": "blue", "accent": "purple"}
_LONGEST = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of the command and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="list the cells, and change nothing; exit code 1 if there are any")
    fix = actions.add_parser("fix", help="give them the colour of their text, with a backup, in one save")
    for action in (check, fix):
        action.add_argument("workbook", nargs="?", default="", metavar="WORKBOOK", help="default: as ihacpa.toml says")
        action.add_argument("--format", choices=("text", "json"), default="text", help="how to print it")
        action.add_argument("--json", dest="format", action="store_const", const="json", help="as --format json")


def run(args: argparse.Namespace, parts: CommandParts) -> int:
    """Carry out the command.

    :raises IhacpaError: it could not be carried out; the workbook is as it was.
    """
    if args.action == "check":
        path, sheet = parts.sheet(args.workbook)
        found = _look(parts, path, sheet)
        _show(args, path, sheet, found, "")
        return ExitCode.FAIL_ON if found else ExitCode.OK
    with parts.edit_sheet(args.workbook) as edit:
        found = _look(parts, edit.path, edit.sheet)
        saved = edit.save([_update(mismatch) for mismatch in found]) if found else None
        _show(args, edit.path, edit.sheet, found, str(saved.backup or "") if saved else "", fixed=True)
    return ExitCode.OK


def _look(parts: CommandParts, path: Path, sheet: Sheet) -> list[Mismatch]:
    options, _ = parts("processor", "package-review")
    return mismatches(sheet, options.columns, lambda wanted: parts.colours(path, sheet.name, wanted))


def _update(mismatch: Mismatch) -> CellUpdate:
    """The cell as it is, in the colour that it should have."""
    return CellUpdate(mismatch.row, mismatch.column, Cell(mismatch.value, mismatch.expected))


def _show(
    args: argparse.Namespace, path: Path, sheet: Sheet, found: Sequence[Mismatch], backup: str, *, fixed: bool = False
) -> None:
    if args.format == "json":
        cells = [
            {
                "cell": each.ref,
                "field": each.field,
                "value": str(each.value),
                "found": each.found.value if each.found else None,
                "expected": each.expected.value,
            }
            for each in found
        ]
        document = {
            "schema": SCHEMA,
            "kind": "ihacpa-format",
            "workbook": str(path),
            "sheet": sheet.name,
            "fixed": fixed,
            "backup": backup or None,
            "cells": cells,
        }
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return
    lines = [_line(each) for each in found]
    done = " mended" if fixed else " whose colour does not match the text"
    lines.append(f"{path.name}, sheet {one_line(sheet.name)}: {counted(len(found), 'cell')}{done}")
    lines += [f"backup      {backup}"] if backup else []
    sys.stdout.write("\n".join(lines) + "\n")


def _line(mismatch: Mismatch) -> str:
    found = f"is {_COLOURS[mismatch.found.value]}" if mismatch.found else "has another colour"
    text = one_line(str(mismatch.value))
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"{mismatch.ref:<6} {found}, should be {_COLOURS[mismatch.expected.value]}: {shown}"
