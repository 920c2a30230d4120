"""``ihacpa diff``: what changed from one review of a workbook to another."""

from __future__ import annotations

import argparse
import sys

from ihacpa_core import CommandParts, ExitCode, UsageError
from ihacpa_plugins.command.chosen_run import add_workbook, sort_out
from ihacpa_plugins.command.reviewed import reviewed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="RUN",
        help="two runs, the earlier one first: ids or beginnings of them, latest or previous; default: the last two",
    )
    add_workbook(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print it (default: text)")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")


def run(args: argparse.Namespace, parts: CommandParts) -> int:
    """Carry out the command. What is different is no failure: the exit code is 0.

    :raises IhacpaError: it could not be carried out.
    """
    from ihacpa_plugins.command.diff.changes import compare
    from ihacpa_plugins.command.diff.output import as_json, as_text

    words, workbook = sort_out(args.words, args.workbook)
    if len(words) not in (0, 2):
        raise UsageError(f"two runs are compared, found {len(words)}", hint="ihacpa diff previous latest")
    before, after = map(reviewed, parts.runs(words or ["previous", "latest"], workbook))
    for one in (before, after):
        if not one.run.whole or one.run.missing:
            parts.warn(f"run {one.run.run_id} has {len(one.rows)} rows only; packages that it lacks are listed apart")
    show = as_json if args.format == "json" else as_text
    sys.stdout.write(show(before, after, compare(before, after)))
    return ExitCode.OK
