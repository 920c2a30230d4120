"""``ihacpa runs``: the runs of a workbook, and everything about one of them."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ihacpa_core.cli.given import action_parser, is_workbook, leave_no_bytecode, request, tell, with_action
from ihacpa_core.cli.options import CommandParser, formatter
from ihacpa_core.cli.output import print_result
from ihacpa_core.cli.table import moment, render_table
from ihacpa_core.errors import ExitCode, UsageError
from ihacpa_core.text import counted, duration, one_line

if TYPE_CHECKING:
    from ihacpa_core.engine.preparation import Plan
    from ihacpa_core.engine.runs import RunDetails, RunLine

ACTIONS = {
    "list": "every run of the workbook, the oldest first",
    "show": "one run: its settings, figures, failures, choices and batches",
}


def main(argv: Sequence[str]) -> int:
    """Carry out one of the actions; returns the exit code."""
    args = _parser().parse_args(with_action(argv, "list"))
    leave_no_bytecode()
    from ihacpa_core.engine.preparation import settle

    named = [word for word in args.words if is_workbook(word)]
    wanted = [word for word in args.words if not is_workbook(word)]
    if len(named) > 1 or len(wanted) > (1 if args.action == "show" else 0):
        raise UsageError(f"{args.words[-1]!r} is one word too many", hint=f"ihacpa runs {args.action} --help")
    answer: Callable[[Namespace, Plan, str], int] = _ANSWERS[args.action]
    return answer(args, settle(request(args, named[0] if named else None)), wanted[0] if wanted else "")


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa runs",
        description="The runs of a workbook, as its journal tells of them. Nothing is changed.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=CommandParser)
    for name, summary in ACTIONS.items():
        made = action_parser(actions, name, summary)
        which = "RUN, or the beginning of its id; default: the newest. " if name == "show" else ""
        help_text = f"{which}WORKBOOK.xlsx; default: the one that ihacpa.toml names"
        made.add_argument("words", nargs="*", metavar="RUN" if name == "show" else "WORKBOOK", help=help_text)
    return parser


def _list(args: Namespace, plan: Plan, _: str) -> int:
    from ihacpa_core.engine.runs import list_runs, reading

    with reading(plan, tell) as store:
        runs = list_runs(store)
    if args.json:
        _print_json({"schema": 1, "workbook": str(plan.target), "runs": [run.to_dict() for run in runs]})
    elif not runs:
        print_result(f"no run of {plan.target.name} yet\n")
    else:
        heads = ("run", "started", "state", "records", "done", "failed", "left", "batches")
        print_result(render_table(heads, [_row(run) for run in runs]))
        print_result("".join(f"{run.run_id} is damaged: {one_line(run.flaw)}\n" for run in runs if run.flaw))
    return ExitCode.OK


def _row(run: RunLine) -> tuple[str, ...]:
    if run.flaw:
        return (run.run_id, "-", "damaged", "-", "-", "-", "-", "-")
    counts = (run.records, run.done, run.failed, run.left, run.batches)
    return (run.run_id, moment(run.started), run.state.value, *(f"{count:,}" for count in counts))


def _show(args: Namespace, plan: Plan, word: str) -> int:
    from ihacpa_core.engine.ids import meant
    from ihacpa_core.engine.runs import reading, run_details

    with reading(plan, tell) as store:
        known = list(store.runs())
        if not known and not word:
            raise UsageError(f"no run of {plan.target.name} yet", hint="ihacpa runs list")
        details = run_details(store, meant(word, known, "run", "ihacpa runs list") if word else known[-1])
    settings = plan.folder.settings_toml(details.line.run_id)
    if args.json:
        _print_json({"schema": 1, **details.to_dict(), "settings": str(settings)})
    else:
        print_result("".join(f"{line}\n" for line in _details(details, str(settings))))
    return ExitCode.OK


def _details(details: RunDetails, settings: str) -> Iterator[str]:
    run = details.line
    yield f"run {run.run_id}: {run.state.value}"
    for label, text in (
        ("started", f"{moment(run.started)}, sheet {run.sheet}"),
        ("records", _counts(run)),
        ("settings", settings),
        ("time", _times(details)),
    ):
        if text:
            yield f"  {label:<9} {one_line(text)}"
    yield from _block("failed", (_failure(outcome) for outcome in details.failures))
    yield from _block("not checked", (f"{counted(count, 'record')}: {what}" for what, count in details.unchecked))
    yield from _block("choices", (_choice(each.what, each.details) for each in details.choices))
    if details.batches:
        yield ""
        rows = [
            (f"{each.number:,}", f"{each.records:,}", f"{each.failed:,}", duration(each.seconds), each.closed_by)
            for each in details.batches
        ]
        yield from render_table(("batch", "records", "failed", "time", "closed by"), rows).splitlines()


def _counts(run: RunLine) -> str:
    parts = [f"{run.done:,} done", f"{run.failed:,} failed", f"{run.skipped:,} skipped", f"{run.left:,} left"]
    return f"{run.records:,}: {', '.join(parts)}"


def _times(details: RunDetails) -> str:
    metrics = details.metrics
    if metrics is None:
        return ""
    parts = [f"{duration(metrics.wall_seconds)} in all", f"{duration(metrics.processing_seconds)} processing"]
    parts += [f"{duration(metrics.saving_seconds)} saving", f"{duration(metrics.waiting_seconds)} waiting"]
    return f"{', '.join(parts)}; {metrics.records_per_second:,.1f} records a second"


def _failure(outcome: Any) -> str:
    cause = f"{outcome.error.kind}: {outcome.error.message}" if outcome.error else "no cause was given"
    return f"row {outcome.row} {outcome.id}: {cause}"


def _choice(what: str, details: Any) -> str:
    told = ", ".join(f"{name} {_short(value)}" for name, value in details.items())
    return f"{what}: {told}" if told else what


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | float) or value is None else "..."


def _block(head: str, lines: Iterator[str]) -> Iterator[str]:
    found = [f"  {one_line(line)}" for line in lines]
    if found:
        yield from ("", head, *found)


def _print_json(document: dict[str, Any]) -> None:
    print_result(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


_ANSWERS: dict[str, Callable[[Namespace, Plan, str], int]] = {"list": _list, "show": _show}
