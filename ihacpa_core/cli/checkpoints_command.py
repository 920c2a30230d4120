"""``ihacpa checkpoints``: list, show, verify, remove and export the points that a run can go back to."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ihacpa_core.cli.asking import agrees, can_ask
from ihacpa_core.cli.given import action_parser, is_workbook, leave_no_bytecode, request, retyped, tell, with_action
from ihacpa_core.cli.options import CommandParser, formatter
from ihacpa_core.cli.output import print_result
from ihacpa_core.cli.table import moment, render_table
from ihacpa_core.errors import DecisionNeeded, ExitCode, UsageError
from ihacpa_core.text import counted, one_line

if TYPE_CHECKING:
    from ihacpa_core.engine.checkpoint_book import CheckpointBook, CheckpointLine
    from ihacpa_core.engine.preparation import Plan

ACTIONS = {
    "list": "every checkpoint, and whether its backup is whole",
    "show": "one checkpoint",
    "verify": "read each checkpoint, the journal as far as it covers, and its backup",
    "prune": "remove checkpoints, by default those that expired, and backups that nothing needs",
    "export": "write checkpoints to a JSON file",
}
_LIST = "ihacpa checkpoints list"


def main(argv: Sequence[str]) -> int:
    """Carry out one of the actions; returns the exit code."""
    args = _parser().parse_args(with_action(argv, "list"))
    if args.action not in ("prune", "export"):
        leave_no_bytecode()
    answer: Callable[[_Asked], int] = _ANSWERS[args.action]
    return answer(_asked(args))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for.

    :param workbook: as it was typed, or None.
    :param ids: as they were typed.
    """

    args: Namespace
    plan: Plan
    workbook: str | None
    ids: tuple[str, ...]


def _asked(args: Namespace) -> _Asked:
    from ihacpa_core.engine.preparation import settle

    named = [word for word in args.words if is_workbook(word)]
    ids = tuple(word for word in args.words if not is_workbook(word))
    if len(named) > 1 or (args.action == "list" and ids):
        raise UsageError(f"{args.words[-1]!r} is one word too many", hint=f"ihacpa checkpoints {args.action} --help")
    workbook = named[0] if named else None
    return _Asked(args, settle(request(args, workbook, wait=getattr(args, "wait", 0.0))), workbook, ids)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa checkpoints",
        description="The points of a run that can be gone back to. Only prune and export write anything.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=CommandParser)
    made = {name: action_parser(actions, name, summary) for name, summary in ACTIONS.items()}
    for name, action in made.items():
        ids = "" if name == "list" else "ID, or the beginning of one. "
        help_text = f"{ids}WORKBOOK.xlsx; default: the one that ihacpa.toml names"
        action.add_argument("words", nargs="*", metavar="ID" if ids else "WORKBOOK", help=help_text)
    _add_prune(made["prune"])
    _add_export(made["export"])
    return parser


def _add_prune(parser: CommandParser) -> None:
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--expired", action="store_true", help="those that expired; the default")
    ways.add_argument("--keep", type=_count, metavar="N", help="all but the newest N")
    ways.add_argument("--all", action="store_true", help="all of them, damaged ones too")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait for a run of the workbook")


def _add_export(parser: CommandParser) -> None:
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--output", metavar="FILE", help="the file; default: standard output")
    parser.add_argument("--backups", metavar="DIR", help="copy their backups of the workbook into this folder")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ArgumentTypeError("at least 0")
    return count


def _list(asked: _Asked) -> int:
    book = _read(asked)
    if asked.args.json:
        return _print_json({"schema": 1, "workbook": str(asked.plan.target), **book.to_dict()})
    if not book.ids:
        print_result(f"no checkpoints of {asked.plan.target.name}\n")
        return ExitCode.OK
    heads = ("checkpoint", "created", "batch", "done", "backup", "expires")
    print_result(render_table(heads, [_row(line) for line in book.lines]) if book.lines else "")
    print_result("".join(f"{line}\n" for line in _broken(book)))
    return ExitCode.OK


def _show(asked: _Asked) -> int:
    if len(asked.ids) != 1:
        raise UsageError("show tells about one checkpoint", hint=f"ihacpa checkpoints show ID; {_LIST}")
    book = _chosen(_read(asked, journal=True), asked.ids)
    if asked.args.json:
        (document,) = book.to_dict()["checkpoints"] or book.to_dict()["broken"]
        return _print_json({"schema": 1, **document})
    print_result("".join(f"{line}\n" for line in _described(asked, book)))
    return ExitCode.OK


def _verify(asked: _Asked) -> int:
    everything = _read(asked, journal=True)
    book = _chosen(everything, asked.ids) if asked.ids else everything
    newest = everything.newest_valid
    options = ("--checkpoint-id", newest.data.checkpoint_id) if newest else ()
    command = retyped(asked.args, "", asked.workbook, options) if newest else ""
    if asked.args.json:
        told = {"newest_valid": newest.data.checkpoint_id if newest else None, "next_command": command}
        _print_json({"schema": 1, "workbook": str(asked.plan.target), **book.to_dict(), **told})
    else:
        print_result("".join(f"{line}\n" for line in _verdicts(asked, book, newest, command)))
    return ExitCode.INCOMPLETE if book.damaged else ExitCode.OK


def _verdicts(asked: _Asked, book: CheckpointBook, newest: CheckpointLine | None, command: str) -> Iterator[str]:
    for line in book.lines:
        yield f"{line.data.checkpoint_id}: {'; '.join(map(one_line, line.flaws)) or 'valid'}"
    yield from _broken(book)
    if not book.ids:
        yield f"no checkpoints of {asked.plan.target.name}"
    elif book.damaged and newest is not None:
        yield from (f"the newest valid one is {newest.data.checkpoint_id}; to go back to it:", f"  {command}")
    elif book.damaged:
        yield "none is valid. The journal may be whole without them: ihacpa status says how it stands"


def _prune(asked: _Asked) -> int:
    from ihacpa_core.engine.checkpoint_book import to_be_removed
    from ihacpa_core.engine.pruning import Pruned, prune

    args = asked.args
    if asked.ids and (args.all or args.expired or args.keep is not None):
        raise UsageError("an ID and --all, --keep or --expired do not go together", hint="name the ids alone")
    book = _read(asked)
    ids = _meant(book, asked.ids)
    doomed = to_be_removed(book, ids, keep=args.keep, everything=args.all)
    if doomed and not args.yes:
        _agree(doomed)
    gone = prune(asked.plan, doomed, tell) if asked.plan.folder.path.is_dir() else Pruned((), ())
    if args.json:
        removed = {"removed_checkpoints": list(gone.checkpoints), "removed_backups": list(gone.backups)}
        return _print_json({"schema": 1, **removed})
    left = f"{counted(len(book.ids) - len(gone.checkpoints), 'checkpoint')} left"
    names = [*(f"removed {name}" for name in gone.checkpoints), *(f"removed backup {name}" for name in gone.backups)]
    print_result("".join(f"{one_line(line)}\n" for line in [*(names or ["nothing to remove"]), left]))
    return ExitCode.OK


def _agree(doomed: Sequence[str]) -> None:
    """Ask whether checkpoints may go.

    :raises DecisionNeeded: nobody can be asked, or the answer is no.
    """
    what = counted(len(doomed), "checkpoint")
    if not can_ask():
        raise DecisionNeeded(f"{what} would be removed: {', '.join(doomed)}", hint="--yes removes them")
    if not agrees(f"remove {what}: {one_line(', '.join(doomed))}?"):
        raise DecisionNeeded("nothing was removed", hint="--yes removes without a question")


def _export(asked: _Asked) -> int:
    from ihacpa_core.engine.checkpoint_book import export_document
    from ihacpa_core.engine.exporting import export

    args = asked.args
    if bool(asked.ids) == args.all:
        raise UsageError("export takes ids, or --all", hint=f"ihacpa checkpoints export --all --output FILE; {_LIST}")
    everything = _read(asked)
    book = everything if args.all else _chosen(everything, asked.ids)
    now = datetime.now(UTC)
    if not args.output:
        if args.backups:
            raise UsageError("--backups goes with --output", hint="name a file: --output checkpoints.json")
        return _print_json(export_document(book, asked.plan.target, now))
    folder = asked.plan.request.cwd
    copies = folder / args.backups if args.backups else None
    written = export(asked.plan, book, folder / args.output, copies, now, force=args.force)
    print_result("".join(f"wrote {path}\n" for path in written))
    return ExitCode.OK


# --- what they share --------------------------------------------------------------------------------------------------


def _read(asked: _Asked, *, journal: bool = False) -> CheckpointBook:
    from ihacpa_core.engine.checkpoint_book import read_checkpoints
    from ihacpa_core.engine.runs import reading

    with reading(asked.plan, tell) as store:
        return read_checkpoints(store, asked.plan.folder.backups, datetime.now(UTC), journal=journal)


def _meant(book: CheckpointBook, words: Sequence[str]) -> list[str]:
    from ihacpa_core.engine.ids import meant

    return [meant(word, book.ids, "checkpoint", _LIST) for word in words]


def _chosen(book: CheckpointBook, words: Sequence[str]) -> CheckpointBook:
    return book.only(_meant(book, words))


def _row(line: CheckpointLine) -> tuple[str, ...]:
    data = line.data
    expires = "never" if data.expires is None else moment(data.expires)
    return (
        data.checkpoint_id,
        moment(data.created),
        f"{data.batch:,}",
        f"{_settled(line):,}/{data.metrics.records:,}",
        "damaged or gone" if line.backup_flaw else "whole",
        "expired" if line.expired else expires,
    )


def _settled(line: CheckpointLine) -> int:
    metrics = line.data.metrics
    return metrics.done + metrics.failed + metrics.skipped


def _broken(book: CheckpointBook) -> Iterator[str]:
    for each in book.broken:
        yield one_line(f"{each.checkpoint_id}: damaged: {each.why}")


def _described(asked: _Asked, book: CheckpointBook) -> Iterator[str]:
    yield from _broken(book)
    for line in book.lines:
        data = line.data
        yield f"checkpoint {data.checkpoint_id}: {'; '.join(map(one_line, line.flaws)) or 'valid'}"
        for label, text in (
            ("run", data.run_id),
            ("created", moment(data.created)),
            ("expires", "never" if data.expires is None else moment(data.expires)),
            ("batch", f"{data.batch:,}"),
            ("records", f"{_settled(line):,} of {data.metrics.records:,}, {data.metrics.failed:,} failed"),
            ("workbook", f"{data.workbook.sha256} ({data.workbook.size:,} bytes)"),
            ("backup", str(asked.plan.folder.backups / data.backup)),
        ):
            yield f"  {label:<9} {one_line(text)}"
        if not line.flaws:
            yield "to go back to it:"
            yield f"  {retyped(asked.args, '', asked.workbook, ('--checkpoint-id', data.checkpoint_id))}"


def _print_json(document: dict[str, Any]) -> int:
    print_result(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return ExitCode.OK


_ANSWERS: dict[str, Callable[[_Asked], int]] = {
    "list": _list,
    "show": _show,
    "verify": _verify,
    "prune": _prune,
    "export": _export,
}
