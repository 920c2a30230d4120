"""``ihacpa status [WORKBOOK]``: what is done, what is left, what is in the way, and what to type next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ihacpa_core.cli.given import leave_no_bytecode, request, retyped
from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.cli.output import print_result
from ihacpa_core.cli.table import moment
from ihacpa_core.errors import ExitCode
from ihacpa_core.text import counted, one_line, size

if TYPE_CHECKING:
    from ihacpa_core.engine.overview import Overview


def main(argv: Sequence[str]) -> int:
    """Look, and tell; returns 0."""
    args = _parser().parse_args(list(argv))
    leave_no_bytecode()
    from ihacpa_core.engine.overview import overview
    from ihacpa_core.engine.preparation import settle

    found = overview(settle(request(args, args.workbook)))
    command = retyped(args, found.next.command, args.workbook, found.next.options) if found.next else ""
    if args.json:
        told = {**found.to_dict(), "next_command": command, "next": found.next.why if found.next else ""}
        print_result(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    else:
        print_result("".join(f"{line}\n" for line in _lines(found, command)))
    return ExitCode.OK


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa status",
        description="Say what is done and left, what is in the way, and what to type next. Nothing is changed.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("workbook", nargs="?", metavar="WORKBOOK", help="default: the one that ihacpa.toml names")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_settings_options(parser.add_argument_group("settings"))
    return parser


def _lines(found: Overview, command: str) -> Iterator[str]:
    yield one_line(f"{found.workbook.name}: {_progress(found)}")
    for label, text in (
        ("workbook", _workbook(found)),
        ("run", _run(found)),
        ("lock", _lock(found)),
        ("open", f"{found.open_by}: close it there before a run" if found.open_by else ""),
        ("backups", _backups(found)),
        ("checkpoints", _checkpoints(found)),
        *(("damaged", f"checkpoint {each.checkpoint_id}: {each.why}") for each in found.checkpoints.broken),
        *(
            ("damaged", f"checkpoint {line.data.checkpoint_id}: {'; '.join(line.flaws)}")
            for line in found.checkpoints.lines
            if line.flaws
        ),
    ):
        if text:
            yield f"  {label:<12} {one_line(text)}"
    yield from ("next:", f"  {command}", f"    {found.next.why}") if found.next else _helpless()


def _helpless() -> Iterator[str]:
    yield "next:"
    yield "  there is no backup to put back: take an older copy of the workbook"


def _progress(found: Overview) -> str:
    if found.run is None:
        return "its journal cannot be read" if found.journal_flaw else "no run yet"
    run = found.run
    parts = [f"{run.done:,} of {counted(run.records, 'record')} done", f"{run.left:,} left", f"{run.failed:,} failed"]
    parts += [f"{run.skipped:,} skipped"] if run.skipped else []
    parts += [f"{run.unchecked:,} not fully checked"] if run.unchecked else []
    return ", ".join(parts)


def _workbook(found: Overview) -> str:
    from ihacpa_core.engine.overview import CONDITIONS

    told = f"{CONDITIONS[found.condition]}: {found.flaw}" if found.flaw else CONDITIONS[found.condition]
    return f"{found.workbook}: {told}"


def _run(found: Overview) -> str:
    if found.run is None:
        return found.journal_flaw
    state = f"{found.run.state.value}, at work now" if found.held else found.run.state.value
    return f"{found.run.run_id}, {state}, started {moment(found.run.started)}, sheet {found.run.sheet}"


def _lock(found: Overview) -> str:
    if not found.held:
        return "free"
    if found.holder is None:
        return "held by a process that does not say who it is"
    holder = found.holder
    return f"held by process {holder.pid} on {holder.host} since {holder.since}: {holder.command}"


def _backups(found: Overview) -> str:
    if not found.backups:
        return "none"
    newest = found.backups[-1]
    return f"{len(found.backups)}, the newest of {moment(newest.taken)} ({size(newest.size)})"


def _checkpoints(found: Overview) -> str:
    if not found.checkpoints.lines:
        return "none"
    newest = found.checkpoints.lines[-1].data
    return f"{len(found.checkpoints.lines)}, the newest {newest.checkpoint_id} of {moment(newest.created)}"
