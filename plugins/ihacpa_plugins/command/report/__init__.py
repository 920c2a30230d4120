"""``ihacpa report``: a run of the package review as JSON, CSV, Markdown, SARIF or CycloneDX.

Made from the journal; the workbook is not read. The same run gives the same bytes, whenever it is asked for.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from ihacpa_core import CommandParts, ExitCode, FileOps, PastRun, UsageError
from ihacpa_plugins.command.chosen_run import add_workbook, sort_out
from ihacpa_plugins.command.reviewed import ReviewedRun, reviewed

FORMATS = {
    "md": (".md", ".markdown"),
    "json": (".json",),
    "csv": (".csv",),
    "sarif": (".sarif", ".sarif.json"),
    "cyclonedx": (".cdx.json", ".bom.json"),
}
"""Each format, and the endings of a file's name that mean it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="RUN",
        help="a run's id or the beginning of one, latest (the default), previous, or all: the newest result of each "
        "row over all runs; a word with a dot or slash is a workbook",
    )
    add_workbook(parser)
    parser.add_argument("--format", choices=FORMATS, help="default: what FILE's name says, else md")
    parser.add_argument("--output", metavar="FILE", help="write to FILE (or -o FILE); default: standard output")


def run(args: argparse.Namespace, parts: CommandParts) -> int:
    """Carry out the command.

    :raises IhacpaError: it could not be carried out.
    """
    words, workbook = sort_out(args.words, args.workbook)
    if len(words) > 1:
        raise UsageError("a report is about one run", hint=f"ihacpa diff {words[0]} {words[1]} compares two")
    (past,) = parts.runs(words or ["latest"], workbook)
    kind = args.format or _meant(args.output)
    text = _writer(kind)(reviewed(past))
    _tell_what_is_missing(past, parts)
    if args.output:
        _write(Path(args.output), text, past.workbook)
    else:
        sys.stdout.write(text)
    return ExitCode.OK


def _writer(kind: str) -> Callable[[ReviewedRun], str]:
    writer: Callable[[ReviewedRun], str] = import_module(f"{__name__}.as_{kind}").render
    return writer


def _meant(output: str | None) -> str:
    """The format that a file's name asks for; the longest ending counts."""
    name = (output or "").lower()
    endings = [(len(ending), kind) for kind, known in FORMATS.items() for ending in known if name.endswith(ending)]
    return max(endings, default=(0, "md"))[1]


def _tell_what_is_missing(past: PastRun, parts: CommandParts) -> None:
    if past.missing:
        parts.warn(f"run {past.run_id} is not finished: {len(past.missing)} of {past.records} records have no result")
    if not past.whole:
        newest = "`ihacpa report all` has the newest result of every row"
        parts.warn(f"run {past.run_id} was about {past.records} rows only; {newest}")


def _write(path: Path, text: str, workbook: Path) -> None:
    """Put the report in its place in one step.

    :raises UsageError: it cannot be written, or would replace a workbook.
    """
    if path.suffix.lower() in (".xlsx", ".xlsm") or path.resolve() == workbook:
        raise UsageError(f"{path} is a workbook; a report is none", hint="give the report another name")
    mask = os.umask(0)
    os.umask(mask)
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask
        FileOps().write_atomic(path.resolve(), text.encode("utf-8"), mode=mode)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"{path} cannot be written", why=why, hint="name another file with --output") from error
