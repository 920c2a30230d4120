"""``ihacpa doctor [WORKBOOK]``: checks, a line each, with what to type about those that failed."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.cli.terminal import use_colour
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.errors import ExitCode
from ihacpa_core.health import Health
from ihacpa_core.text import counted, one_line

if TYPE_CHECKING:
    from ihacpa_core.doctor.examination import Finding

_COLOURS = {Health.PASS: "32", Health.WARN: "33", Health.FAIL: "31", Health.SKIP: "2"}
_WIDTH = 13


def main(argv: Sequence[str]) -> int:
    """Look at everything that a run needs; returns 0, or the code with which a run would end."""
    args = _parser().parse_args(list(argv))
    from ihacpa_core.doctor.examination import examine

    found = []
    for finding in examine(_request(args), offline=args.offline):
        found.append(finding)
        if not args.json:
            sys.stdout.write(_line(finding, colour=use_colour(args.color, sys.stdout)))
            sys.stdout.flush()
    code = exit_code(found)
    sys.stdout.write(json.dumps(_told(found, code), indent=2, ensure_ascii=False) if args.json else _count(found))
    sys.stdout.write("\n")
    return code


def exit_code(found: Iterable[Finding]) -> ExitCode:
    """0 when nothing failed, else that of the first check that did: a run would come to it first."""
    failed = [finding.result.exit_code for finding in found if finding.result.health is Health.FAIL]
    return failed[0] if failed else ExitCode.OK


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa doctor",
        description="Check what a run needs, and say what to do about what is wrong. Nothing is changed.",
        epilog="The exit code is 0 when nothing failed, else the one with which a run would end.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("workbook", nargs="?", metavar="WORKBOOK", help="default: the one that ihacpa.toml names")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--offline", action="store_true", help="ask nothing beyond this machine")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours; default: auto")
    add_settings_options(parser.add_argument_group("settings"))
    return parser


def _request(args: Namespace) -> RunRequest:
    return RunRequest(
        cwd=Path(args.directory).resolve() if args.directory else Path.cwd(),
        config=Path(args.config) if args.config else None,
        env=dict(os.environ),
        flags={"ihacpa.workbook": (args.workbook, "WORKBOOK")} if args.workbook else {},
        overrides=tuple(args.override),
        plugins=tuple(args.plugins),
        trace_hooks=Path(args.trace_hooks) if args.trace_hooks else None,
    )


def _line(finding: Finding, *, colour: bool) -> str:
    result = finding.result
    word = f"\x1b[{_COLOURS[result.health]}m{result.health}\x1b[0m" if colour else str(result.health)
    line = f"{word}  {finding.name:<{_WIDTH}} {one_line(result.message)}\n"
    return line + (f"      {'fix:':<{_WIDTH}} {one_line(result.fix)}\n" if result.fix else "")


def _count(found: Sequence[Finding]) -> str:
    counts = Counter(finding.result.health for finding in found)
    parts = [f"{counts[Health.PASS]} passed", counted(counts[Health.WARN], "warning"), f"{counts[Health.FAIL]} failed"]
    if counts[Health.SKIP]:
        parts.append(f"{counts[Health.SKIP]} not made")
    return f"\n{counted(len(found), 'check')}: {', '.join(parts)}"


def _told(found: Sequence[Finding], code: ExitCode) -> dict[str, Any]:
    checks = [
        {
            "name": finding.name,
            "health": str(finding.result.health),
            "message": finding.result.message,
            "fix": finding.result.fix,
        }
        for finding in found
    ]
    return {"checks": checks, "exit_code": int(code)}
