"""``ihacpa restore [WORKBOOK]``: lists the backups of a workbook, and puts one back."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ihacpa_core.cli.asking import agrees, ask, can_ask
from ihacpa_core.cli.given import leave_no_bytecode, request, retyped, tell
from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.cli.output import print_result
from ihacpa_core.cli.table import moment, render_table
from ihacpa_core.errors import DecisionNeeded, ExitCode, UsageError, WorkbookError
from ihacpa_core.text import one_line, size

if TYPE_CHECKING:
    from ihacpa_core.engine.preparation import Plan
    from ihacpa_core.engine.restore import Candidate, Restored


def main(argv: Sequence[str]) -> int:
    """Put a backup back, or list what there is; returns the exit code."""
    args = _parser().parse_args(list(argv))
    if args.list:
        leave_no_bytecode()
    from ihacpa_core.engine.preparation import settle
    from ihacpa_core.engine.restore import candidates, put_back

    plan = settle(request(args, args.workbook, wait=args.wait))
    found = candidates(plan, tell)
    if args.list:
        return _list(args, plan, found)
    if not found:
        raise WorkbookError(f"there is no backup of {plan.target.name}", why=f"none is in {plan.folder.backups}")
    chosen = _usable(_chosen(args, plan, found), found)
    if not args.yes and can_ask() and not agrees(_question(plan, chosen)):
        raise DecisionNeeded("nothing was restored", hint="--yes restores without a question")
    _warn_of_open_file(plan)
    done = put_back(plan, chosen, tell)
    return _report(args, done)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa restore",
        description="Put a backup in the place of the workbook; what is there now is kept beside it.",
        epilog="Without a choice the backups are listed, and a terminal is asked which one.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("workbook", nargs="?", metavar="WORKBOOK", help="default: the one that ihacpa.toml names")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--backup", metavar="NAME", help="this one; the beginning of its name is enough")
    ways.add_argument("--latest", action="store_true", help="the newest that is whole")
    ways.add_argument("--checkpoint", metavar="ID", help="the one of this checkpoint")
    ways.add_argument("--list", action="store_true", help="list the backups, and do no more")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait for a run of the workbook")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_settings_options(parser.add_argument_group("settings"))
    return parser


def _list(args: Namespace, plan: Plan, found: Sequence[Candidate]) -> int:
    if args.json:
        backups = [candidate.to_dict() for candidate in found]
        return _print_json({"schema": 1, "workbook": str(plan.target), "backups": backups})
    print_result(_table(found) if found else f"no backups of {plan.target.name}\n")
    return ExitCode.OK


def _table(found: Sequence[Candidate]) -> str:
    rows = [
        (
            str(number),
            candidate.backup.name,
            moment(candidate.backup.taken),
            size(candidate.backup.size),
            candidate.flaw or "valid",
            "the workbook as it is" if candidate.current else "",
        )
        for number, candidate in enumerate(found, start=1)
    ]
    return render_table(("", "backup", "taken", "size", "state", ""), rows)


def _chosen(args: Namespace, plan: Plan, found: Sequence[Candidate]) -> Candidate:
    """The backup that is meant.

    :raises DecisionNeeded: none was named, and nobody can be asked.
    """
    from ihacpa_core.engine.ids import meant
    from ihacpa_core.engine.restore import newest_valid

    if args.latest:
        newest = newest_valid(found)
        if newest is None:
            raise WorkbookError(f"no backup of {plan.target.name} is whole", hint="ihacpa restore --list says why")
        return newest
    if args.backup:
        name = meant(args.backup, [each.backup.name for each in found], "backup", "ihacpa restore --list")
        return next(each for each in found if each.backup.name == name)
    if args.checkpoint:
        ids = [checkpoint_id for each in found for checkpoint_id in each.checkpoints]
        wanted = meant(args.checkpoint, ids, "backup of checkpoint", "ihacpa checkpoints list")
        return next(each for each in found if wanted in each.checkpoints)
    _list(args, plan, found)
    return _asked(args, found)


def _asked(args: Namespace, found: Sequence[Candidate]) -> Candidate:
    if not can_ask():
        again = retyped(args, "restore", args.workbook, ("--latest",))
        raise DecisionNeeded("which backup is to be put back?", hint=f"{again}, or --backup NAME")
    answer = ask(f"which one? [1-{len(found)}, nothing leaves it as it is] ")
    if not answer:
        raise DecisionNeeded("nothing was restored", hint="ihacpa restore --backup NAME")
    if not answer.isdecimal() or not 1 <= int(answer) <= len(found):
        raise UsageError(f"{answer!r} is not one of them", hint=f"a number from 1 to {len(found)}")
    return found[int(answer) - 1]


def _usable(chosen: Candidate, found: Sequence[Candidate]) -> Candidate:
    """`chosen`, if it can be put back.

    :raises WorkbookError: it is damaged; the newest that is not is named.
    """
    from ihacpa_core.engine.restore import newest_valid

    if not chosen.flaw:
        return chosen
    newest = newest_valid(found)
    hint = f"ihacpa restore --backup {newest.backup.name}" if newest else "no backup is whole"
    raise WorkbookError(f"the backup {chosen.backup.name} was not put back", why=chosen.flaw, hint=hint)


def _question(plan: Plan, chosen: Candidate) -> str:
    kept = "; what is there now is kept beside it" if plan.target.exists() else ""
    return one_line(f"put the backup of {moment(chosen.backup.taken)} in the place of {plan.target.name}{kept}?")


def _warn_of_open_file(plan: Plan) -> None:
    from ihacpa_core.workbook.sniff import owner_of_open_file

    owner = owner_of_open_file(plan.target)
    if owner:
        tell(f"{plan.target.name} is open ({owner}): close it without saving, or it is saved over the backup")


def _report(args: Namespace, done: Restored) -> int:
    command = retyped(args, "", args.workbook)
    why = f"goes on with run {done.run_id}, and draws its results anew" if done.run_id else "starts a new run"
    if args.json:
        told = {"workbook": str(done.workbook), "backup": done.backup, "kept": str(done.kept) if done.kept else None}
        return _print_json({"schema": 1, **told, "run_id": done.run_id, "next_command": command, "next": why})
    lines = [f"{done.workbook} is what {done.backup} holds"]
    lines += [f"what was there is {done.kept.name}"] if done.kept else []
    lines += ["next:", f"  {command}", f"    {why}"]
    print_result("".join(f"{one_line(line) if not line.startswith(' ') else line}\n" for line in lines))
    return ExitCode.OK


def _print_json(document: dict[str, Any]) -> int:
    print_result(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return ExitCode.OK
