"""``ihacpa [run] [WORKBOOK]``: puts what was typed into a request, and shows what came of it."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ihacpa_core.cli.main import unknown_command
from ihacpa_core.cli.options import FLAGS, run_parser
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.errors import ExitCode, UsageError
from ihacpa_core.state import RecoveryOptions, Selection, StartMode


def main(argv: Sequence[str]) -> int:
    """Run; returns the exit code."""
    args = run_parser().parse_args(list(argv))
    request = request_from(args, argv)
    if args.dry_run:
        return _rehearse(request, as_json=args.json)
    return _perform(request, args)


def request_from(args: Namespace, argv: Sequence[str]) -> RunRequest:
    """What was typed, as the engine takes it.

    :raises UsageError: a word is no workbook, or a range of rows is none.
    """
    return RunRequest(
        cwd=Path(args.directory).resolve() if args.directory else Path.cwd(),
        config=Path(args.config) if args.config else None,
        env=dict(os.environ),
        flags=_flags(args),
        overrides=tuple(args.override),
        selection=Selection(
            rows=tuple(_rows(text) for text in args.rows),
            packages=tuple(args.packages),
            only_failed=args.only_failed,
            only_empty=args.only_empty,
            limit=args.limit,
        ),
        recovery=RecoveryOptions(mode=_start_mode(args), force=args.force_continue),
        wait=args.wait,
        verbose=args.verbose,
        argv=tuple(argv),
    )


def _flags(args: Namespace) -> dict[str, tuple[Any, str]]:
    typed = {flag.key: (getattr(args, flag.dest), flag.name) for flag in FLAGS}
    flags = {key: (value, name) for key, (value, name) in typed.items() if value is not None}
    if args.quiet:
        flags["ihacpa.progress"] = (["none"], "-q")
    if args.workbook is not None:
        if "." not in args.workbook and "/" not in args.workbook and os.sep not in args.workbook:
            raise unknown_command(args.workbook)
        flags["ihacpa.workbook"] = (args.workbook, "WORKBOOK")
    return flags


def _start_mode(args: Namespace) -> StartMode:
    if args.start_fresh:
        return StartMode.FRESH
    return StartMode.RESUME if args.resume_auto or args.force_continue else StartMode.ASK


def _rows(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    try:
        rows = int(first), int(last if dash else first)
    except ValueError:
        rows = 0, 0
    if not 1 <= rows[0] <= rows[1]:
        raise UsageError(f"--rows {text} is no range of rows", hint="write --rows 10-50, or --rows 12")
    return rows


def _rehearse(request: RunRequest, *, as_json: bool) -> int:
    from ihacpa_core.cli.dry_run_text import render_dry_run
    from ihacpa_core.engine.job import rehearse

    told = rehearse(request)
    sys.stdout.write(json.dumps(told.to_dict(), indent=2) + "\n" if as_json else render_dry_run(told))
    return ExitCode.OK


def _perform(request: RunRequest, args: Namespace) -> int:
    from ihacpa_core.engine.job import perform

    summary = perform(request)
    if args.json:
        sys.stdout.write(json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) + "\n")
    elif not args.quiet:
        from ihacpa_core.cli.summary import render_summary
        from ihacpa_core.cli.terminal import use_colour

        colour = use_colour(args.color, sys.stdout)
        sys.stdout.write(
            render_summary(
                summary.metrics,
                workbook=summary.workbook,
                sheet=summary.sheet,
                exit_code=int(summary.exit_code),
                levels=summary.levels,
                failures=summary.failures,
                unchecked=summary.unchecked,
                notes=summary.notes,
                next_command=summary.next_command,
                colour=colour,
                width=80,
            )
        )
    if summary.error:
        sys.stderr.write(f"ihacpa: error: {summary.error}\n")
    sys.stdout.flush()
    if summary.exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        # A record that was abandoned may still hold a thread; everything is written, so it is not waited for.
        sys.stderr.flush()
        os._exit(summary.exit_code)
    return summary.exit_code
