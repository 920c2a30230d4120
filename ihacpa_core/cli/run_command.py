"""``ihacpa [run] [WORKBOOK]``: puts what was typed into a request, and shows what came of it."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihacpa_core.cli.main import unknown_command
from ihacpa_core.cli.options import FLAGS, run_parser
from ihacpa_core.cli.output import print_result
from ihacpa_core.cli.terminal import use_colour
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.errors import ExitCode, UsageError
from ihacpa_core.state import RecoveryOptions, RunState, Selection, StartMode

if TYPE_CHECKING:
    from ihacpa_core.config.extensions import Extensions
    from ihacpa_core.engine.summary import RunSummary


def main(argv: Sequence[str]) -> int:
    """Run; returns the exit code."""
    if {"-h", "--help"} & set(argv):
        run_parser().parse_args(list(argv))  # prints, and leaves, before anything else is imported
    from ihacpa_core.cli.plugin_options import plugin_flags, show_all_help, typed_extensions

    if "--help-all" in argv:
        return show_all_help(argv)
    extensions = typed_extensions(argv)
    args = _parsed(argv, extensions)
    request = request_from(args, argv, plugin_flags(args, extensions.options))
    if args.dry_run:
        return _rehearse(request, as_json=args.json)
    return _perform(request, args)


def _parsed(argv: Sequence[str], extensions: Extensions) -> Namespace:
    try:
        return run_parser(extensions).parse_args(list(argv))
    except UsageError:
        if extensions.failures:  # what is not understood may well be an option of the plugin that is not there
            raise extensions.failures[0] from None
        raise


def request_from(args: Namespace, argv: Sequence[str], more: Mapping[str, tuple[Any, str]] | None = None) -> RunRequest:
    """What was typed, as the engine takes it.

    :param more: flags of hook plugins: dotted key to (value, flag).
    :raises UsageError: a word is no workbook, or a range of rows is none.
    """
    return RunRequest(
        cwd=Path(args.directory).resolve() if args.directory else Path.cwd(),
        config=Path(args.config) if args.config else None,
        env=dict(os.environ),
        flags=_flags(args) | dict(more or {}),
        overrides=tuple(args.override),
        plugins=tuple(args.plugins),
        trace_hooks=Path(args.trace_hooks) if args.trace_hooks else None,
        selection=Selection(
            rows=tuple(_rows(text) for text in args.rows),
            packages=tuple(args.packages),
            only_failed=args.only_failed,
            only_empty=args.only_empty,
            limit=args.limit,
        ),
        recovery=RecoveryOptions(
            mode=_start_mode(args),
            from_package=args.resume_from_package or "",
            from_batch=args.resume_from_batch,
            checkpoint_id=args.checkpoint_id or "",
            force=args.force_continue,
        ),
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
    swallowed = [name for name in args.packages if name.lower().endswith((".xlsx", ".xlsm"))]
    if swallowed:
        raise UsageError(
            f"--packages takes {swallowed[0]} for a package", hint=f"name the workbook first: ihacpa {swallowed[0]} ..."
        )
    return flags


def _start_mode(args: Namespace) -> StartMode:
    if args.start_fresh:
        return StartMode.FRESH
    goes_back = args.resume_from_package or args.resume_from_batch or args.checkpoint_id
    return StartMode.RESUME if args.resume_auto or args.force_continue or goes_back else StartMode.ASK


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

    sys.dont_write_bytecode = True  # nothing is written, not even beside a person's function
    told = rehearse(request)
    print_result(json.dumps(told.to_dict(), indent=2) + "\n" if as_json else render_dry_run(told))
    return ExitCode.OK


def _perform(request: RunRequest, args: Namespace) -> int:
    from ihacpa_core.engine.job import perform

    with redirect_stdout(sys.stderr):  # what a person's function prints is no result
        summary = perform(request)
    if args.json:
        print_result(json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) + "\n")
    elif not args.quiet:
        print_result(_rendered(summary, use_colour(args.color, sys.stdout)))
    if summary.error:
        sys.stderr.write(f"ihacpa: error: {summary.error}\n")
    return summary.exit_code


def _rendered(summary: RunSummary, colour: bool) -> str:
    from ihacpa_core.cli.summary import render_summary

    return render_summary(
        summary.metrics,
        workbook=summary.workbook,
        sheet=summary.sheet,
        exit_code=int(summary.exit_code),
        finished=summary.state is RunState.FINISHED,
        levels=summary.levels,
        failures=summary.failures,
        unchecked=summary.unchecked,
        notes=summary.notes,
        next_command=summary.next_command,
        colour=colour,
        width=80,
    )
