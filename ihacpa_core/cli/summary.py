"""What is printed when a run ends: what became of the records, what it cost, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ihacpa_core.errors import ExitCode
from ihacpa_core.records import Outcome
from ihacpa_core.state import RunMetrics
from ihacpa_core.text import clip, columns, counted, duration, one_line, size, wrap

_WIDEST = 80
_LABEL = 12  # columns of the names at the left
_FAILURES_SHOWN = 20
_SLOWEST_SHOWN = 5
_LONGEST_CAUSE = 300  # columns; the log has all of it

_GREEN, _YELLOW, _RED, _BOLD = "32", "33", "31", "1"
_VERDICTS = {
    ExitCode.OK: ("complete", _GREEN),
    ExitCode.FAIL_ON: ("complete, and what --fail-on asks for was found", _RED),
    ExitCode.INCOMPLETE: ("complete, but some records failed or could not be checked", _YELLOW),
    ExitCode.WORKBOOK: ("stopped: the workbook or the journal cannot be read or written", _RED),
    ExitCode.NOTHING_TO_DO: ("nothing to do: no rows matched", _YELLOW),
    ExitCode.INTERRUPTED: ("interrupted; what was finished is kept", _YELLOW),
    ExitCode.TERMINATED: ("interrupted; what was finished is kept", _YELLOW),
}


def render_summary(
    metrics: RunMetrics,
    *,
    workbook: Path,
    sheet: str,
    exit_code: int,
    finished: bool,
    levels: Sequence[tuple[str, int]],
    failures: Sequence[Outcome],
    unchecked: Sequence[tuple[str, int]],
    notes: Sequence[str],
    next_command: str,
    colour: bool,
    width: int,
) -> str:
    """The end-of-run summary, in lines of at most 80 columns and at most `width`, which is 40 or more.

    A command alone is never broken, so that it can be copied.

    :param finished: whether every record has its outcome; if not, the next command goes on.
    :param levels: how many records had something serious found, by level, the worst first.
    :param failures: the records that failed, after their last try.
    :param unchecked: what could not be looked up, each with the number of records that it concerns.
    :param notes: other things that a person should know, a sentence each.
    :param next_command: what to type next; empty if there is nothing to do.
    :param colour: whether ANSI colours may be used.
    """
    paint = _Paint(colour)
    width = max(40, min(width, _WIDEST))
    blocks = [
        list(_headline(workbook, sheet, exit_code, finished, width, paint)),
        list(_figures(metrics, levels, width, paint)),
        list(_failures(failures, width, paint)),
        list(_unchecked(unchecked, width, paint)),
        [line for note in notes for line in _hanging("note", note, width, paint)],
        list(_next(next_command, finished, paint)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


class _Paint:
    """Colours text, or does not."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and code else text


def _headline(workbook: Path, sheet: str, exit_code: int, finished: bool, width: int, paint: _Paint) -> Iterator[str]:
    try:
        verdict, code = _VERDICTS[ExitCode(exit_code)]
    except (KeyError, ValueError):
        verdict, code = "stopped", _RED
    if not finished and exit_code == ExitCode.INCOMPLETE:
        verdict = "stopped early; what was finished is kept"
    where = f"{workbook.name}, sheet {sheet}" if sheet else workbook.name
    for line in wrap(one_line(where), width):
        yield paint(line, _BOLD)
    for line in wrap(f"{verdict} (exit code {int(exit_code)})", width):
        yield paint(line, code)


def _figures(metrics: RunMetrics, levels: Sequence[tuple[str, int]], width: int, paint: _Paint) -> Iterator[str]:
    for label, text in (
        ("records", _records(metrics)),
        ("found", ", ".join(f"{count:,} {level}" for level, count in levels)),
        ("work", _work(metrics)),
        ("time", _times(metrics)),
        ("speed", f"{metrics.records_per_second:,.1f} records a second"),
        ("memory", f"{size(metrics.peak_memory)} at the peak"),
        ("slowest", ", ".join(f"{name} {duration(took)}" for name, took in metrics.slowest[:_SLOWEST_SHOWN])),
    ):
        if text:
            yield from _hanging(label, text, width, paint)


def _records(metrics: RunMetrics) -> str:
    parts = [f"{metrics.done:,} done", f"{metrics.failed:,} failed", f"{metrics.skipped:,} skipped"]
    if metrics.unchecked:
        parts.append(f"{metrics.unchecked:,} not fully checked")
    if metrics.resumed:
        parts.append(f"{metrics.resumed:,} of them from before the interruption")
    left = metrics.records - metrics.done - metrics.failed - metrics.skipped
    if left > 0:
        parts.append(f"{left:,} left")
    return f"{metrics.records:,}: {', '.join(parts)}"


def _work(metrics: RunMetrics) -> str:
    parts = [
        counted(metrics.batches, "batch", "batches"),
        counted(metrics.saves, "save"),
        counted(metrics.checkpoints, "checkpoint"),
        counted(metrics.retries, "retry", "retries"),
        f"{counted(metrics.cells_written, 'cell')} written",
    ]
    for count, text in (
        (metrics.formulas_kept, "kept because they hold a formula"),
        (metrics.normalised, "made fit for Excel"),
    ):
        if count:
            parts.append(f"{counted(count, 'cell')} {text}")
    for count, text in ((metrics.warnings, "warning"), (metrics.observer_errors, "observer error")):
        if count:
            parts.append(counted(count, text))
    return ", ".join(parts)


def _times(metrics: RunMetrics) -> str:
    return (
        f"{duration(metrics.wall_seconds)} in all: {duration(metrics.processing_seconds)} processing,"
        f" {duration(metrics.saving_seconds)} saving, {duration(metrics.waiting_seconds)} waiting"
    )


def _failures(failures: Sequence[Outcome], width: int, paint: _Paint) -> Iterator[str]:
    if not failures:
        return
    yield paint("failed", _RED)
    shown = failures[:_FAILURES_SHOWN]
    names = [clip(one_line(str(outcome.id)), 24) for outcome in shown]
    widest = max(columns(name) for name in names)
    for outcome, name in zip(shown, names, strict=True):
        head = f"  row {outcome.row:<5} {name}{' ' * (widest - columns(name))}  "
        first, *rest = wrap(_cause(outcome), width - columns(head))
        yield head + first
        yield from (" " * columns(head) + line for line in rest)
    if len(failures) > len(shown):
        yield f"  and {len(failures) - len(shown):,} more: they are in the log and in run.json"


def _cause(outcome: Outcome) -> str:
    error = outcome.error
    if error is None:
        return "no cause was given"
    tries = f" ({outcome.attempts} attempts)" if outcome.attempts > 1 else ""
    hint = f"; {error.hint}" if error.hint else ""
    return clip(one_line(f"{error.kind}: {error.message}"), _LONGEST_CAUSE) + tries + one_line(hint)


def _unchecked(unchecked: Sequence[tuple[str, int]], width: int, paint: _Paint) -> Iterator[str]:
    if not unchecked:
        return
    yield paint("not checked", _YELLOW)
    for reason, count in unchecked:
        head = f"  {counted(count, 'record'):<13} "
        first, *rest = wrap(one_line(reason), width - len(head))
        yield head + first
        yield from (" " * len(head) + line for line in rest)


def _next(command: str, finished: bool, paint: _Paint) -> Iterator[str]:
    if command:
        yield "to try again what failed or was not checked:" if finished else "to go on:"
        yield f"  {paint(one_line(command), _BOLD)}"


def _hanging(label: str, text: str, width: int, paint: _Paint) -> Iterator[str]:
    """`label` at the left, `text` in a column beside it."""
    first, *rest = wrap(one_line(text), width - _LABEL)
    yield f"{paint(label, _BOLD)}{' ' * (_LABEL - len(label))}{first}"
    yield from (" " * _LABEL + line for line in rest)
