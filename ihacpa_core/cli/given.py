"""What was typed after a command that looks at a workbook: as the engine takes it, and as a command to type next."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.engine.request import RunRequest

_SUFFIXES = (".xlsx", ".xlsm")


def action_parser(actions: Any, name: str, summary: str) -> CommandParser:
    """The parser of one action of a command, with the options that every action takes."""
    parser: CommandParser = actions.add_parser(
        name,
        help=summary,
        description=f"{summary[:1].upper()}{summary[1:]}.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_settings_options(parser.add_argument_group("settings"))
    return parser


def with_action(argv: Sequence[str], default: str) -> list[str]:
    """`argv`, beginning with an action: without one, `default` is meant."""
    first = argv[0] if argv else ""
    named = bool(first) and not first.startswith("-") and "." not in first and "/" not in first and os.sep not in first
    return list(argv) if named or first in ("-h", "--help") else [default, *argv]


def is_workbook(word: str) -> bool:
    """Whether `word` names a workbook, and not a run, a checkpoint or a backup."""
    return word.lower().endswith(_SUFFIXES)


def request(args: Namespace, workbook: str | None, *, wait: float = 0.0) -> RunRequest:
    """The settings that hold, for the workbook that was typed or the one that they name."""
    return RunRequest(
        cwd=Path(args.directory).resolve() if args.directory else Path.cwd(),
        config=Path(args.config) if args.config else None,
        env=dict(os.environ),
        flags={"ihacpa.workbook": (workbook, "WORKBOOK")} if workbook else {},
        overrides=tuple(args.override),
        plugins=tuple(args.plugins),
        trace_hooks=Path(args.trace_hooks) if args.trace_hooks else None,
        wait=wait,
    )


def retyped(args: Namespace, command: str, workbook: str | None, options: Sequence[str] = ()) -> str:
    """A command for the same workbook with the same settings.

    :param command: its words: ``checkpoints verify``; empty for a run.
    """
    words = ["ihacpa", *command.split(), *([workbook] if workbook else []), *options]
    for name, value in (("--config", args.config), ("-C", args.directory)):
        words += [name, value] if value else []
    for name, values in (("-o", args.override), ("-p", args.plugins)):
        words += [word for value in values for word in (name, value)]
    return shlex.join(words)


def leave_no_bytecode() -> None:
    """Let Python write nothing beside the plugins that are imported: the command only looks."""
    sys.dont_write_bytecode = True


def tell(message: str) -> None:
    """A warning, for a person."""
    sys.stderr.write(f"ihacpa: warning: {message}\n")
