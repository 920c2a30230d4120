"""How a run ends: its exit code, what is left in the state folder, and what a person is told."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ihacpa_core.engine.assembly import Machinery
from ihacpa_core.engine.beginning import Beginning
from ihacpa_core.engine.logbook import LOGGER
from ihacpa_core.engine.saving import SaveTotals
from ihacpa_core.engine.summary import RunSummary, count_levels, count_serious, count_unchecked, exit_code_of
from ihacpa_core.engine.totals import together
from ihacpa_core.errors import ExitCode, IhacpaError, StoreError
from ihacpa_core.events import RunFinished
from ihacpa_core.fileops import FileOps
from ihacpa_core.records import Status
from ihacpa_core.state import RunInfo, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """What ended the batches.

    :param interrupted: the exit code of the signal that came, if one did.
    :param stopped: why no more records were taken; empty if there were none left.
    :param error: what kept the results from the workbook or from the journal.
    """

    interrupted: ExitCode | None
    stopped: str
    error: IhacpaError | None


def conclude(beginning: Beginning, info: RunInfo, machinery: Machinery, end: RunEnd, ops: FileOps) -> RunSummary:
    """Close the run's books and say how it ended."""
    if end.error is None and _is_complete(machinery):
        end = replace(end, error=_close_books(machinery, keep=beginning.plan.settings.core.keep_checkpoints))
    summary = _summary(beginning, info, machinery, end)
    if summary.state is RunState.UNFINISHED:
        _leave_account(machinery, summary)
    _log_end(summary)
    document = json.dumps(summary.to_dict(), indent=2, ensure_ascii=False).encode()
    try:
        ops.write_atomic(beginning.plan.folder.run_json, document)
    except OSError as error:
        machinery.tracker.warn(f"run.json could not be written: {error}")
    machinery.tracker.announce(
        RunFinished(
            run=info,
            metrics=summary.metrics,
            state=summary.state.value,
            exit_code=int(summary.exit_code),
            failures=summary.failures,
        )
    )
    return summary


def _log_end(summary: RunSummary) -> None:
    """What the line about the end has no room for: why, and what a person should know."""
    log = logging.getLogger(LOGGER)
    if summary.error:
        log.error("%s", summary.error)
    for note in summary.notes:
        log.info("%s", note)


def _leave_account(machinery: Machinery, summary: RunSummary) -> None:
    """Write what the run has done so far, for the process that goes on with it."""
    try:
        machinery.journal.stop(summary.totals, int(summary.exit_code))
    except StoreError as error:
        machinery.tracker.warn(f"the figures of this run could not be kept: {error}")


def _close_books(machinery: Machinery, *, keep: bool) -> IhacpaError | None:
    """Write that the run is finished, and clear up behind it; what cannot be cleared up is only told."""
    try:
        machinery.journal.finish(machinery.totals())
    except StoreError as error:
        return error
    try:
        if not keep:
            machinery.checkpoints.remove_all()
        machinery.checkpoints.prune()
    except (OSError, StoreError) as error:
        machinery.tracker.warn(f"old checkpoints and backups could not be removed: {error}")
    return None


def _is_complete(machinery: Machinery) -> bool:
    """Whether every record has an outcome that fits what its row says now."""
    return machinery.tracker.finished >= machinery.tracker.total and not machinery.saving.totals.stale


def write_settings(ops: FileOps, path: Path, settings: Mapping[str, Any]) -> None:
    """Keep the effective settings of a run as TOML, so that ``--config`` repeats it."""
    import tomli_w

    ops.write_atomic(path, tomli_w.dumps(settings).encode())


def _summary(beginning: Beginning, info: RunInfo, machinery: Machinery, end: RunEnd) -> RunSummary:
    tracker, plan = machinery.tracker, beginning.plan
    outcomes, metrics = tracker.outcomes, machinery.measure()
    serious = count_serious(outcomes, plan.settings.core.fail_on)
    complete = _is_complete(machinery) and end.error is None
    exit_code = _exit_code(end, complete, exit_code_of(outcomes, serious))
    return RunSummary(
        run_id=info.run_id,
        workbook=plan.target,
        sheet=beginning.sheet.name,
        exit_code=exit_code,
        state=RunState.FINISHED if complete else RunState.UNFINISHED,
        resumed=beginning.history is not None,
        metrics=metrics,
        totals=together(machinery.earlier, metrics),
        failures=tuple(sorted(tracker.with_status(Status.FAILED), key=lambda outcome: outcome.row)),
        levels=count_levels(outcomes),
        unchecked=count_unchecked(outcomes),
        serious=serious,
        notes=(
            *_notes(machinery.saving.totals, end, plan.settings.core.fail_on, serious),
            *map(tracker.mask, beginning.processor.notes),
        ),
        error=tracker.mask(_error_text(end.error, machinery.committer.lost)),
        next_command=_next_command(beginning, exit_code, complete),
    )


def _exit_code(end: RunEnd, complete: bool, of_outcomes: ExitCode) -> ExitCode:
    if end.error is not None:
        return end.error.exit_code
    if not complete and end.interrupted is not None:
        return end.interrupted
    return of_outcomes if complete else ExitCode.INCOMPLETE


def _error_text(error: IhacpaError | None, lost: int) -> str:
    if error is None:
        return ""
    kept = f"; {lost} outcomes were not kept" if lost else ""
    hint = f"\n  hint: {error.hint}" if error.hint else ""
    return f"{error}{kept}{hint}"


def _notes(totals: SaveTotals, end: RunEnd, fail_on: str, serious: int) -> list[str]:
    notes = []
    if serious:
        notes.append(f"--fail-on {fail_on} is met by {serious} records")
    if end.stopped and end.interrupted is None:
        notes.append(f"stopped early: {end.stopped}")
    if totals.edits_kept:
        places = ", ".join(sorted(totals.edits_kept)[:10])
        notes.append(f"{len(totals.edits_kept)} cells were changed by somebody else meanwhile and were kept: {places}")
    if totals.stale:
        names = ", ".join(sorted(str(record) for record in totals.stale)[:10])
        notes.append(f"{len(totals.stale)} rows were changed after they were processed and are left to do: {names}")
    if totals.added:
        notes.append(f"{len(totals.added)} rows were added meanwhile: type the command again to process them")
    if totals.homeless:
        names = ", ".join(sorted(str(record) for record in totals.homeless)[:10])
        notes.append(f"{len(totals.homeless)} rows are gone from the sheet; their results stay in the journal: {names}")
    return notes


def _next_command(beginning: Beginning, exit_code: ExitCode, complete: bool) -> str:
    argv = beginning.plan.request.argv
    if argv is None:
        argv = (str(beginning.plan.target),)
    typed = ["ihacpa", *_without_the_start(argv)]
    if not complete:
        return shlex.join(typed)
    if exit_code is not ExitCode.INCOMPLETE:
        return ""
    return shlex.join(typed if "--only-failed" in typed else [*typed, "--only-failed"])


def _without_the_start(argv: Sequence[str]) -> Iterator[str]:
    """What was typed, but for where the run was to start: that has happened, and is not to happen again."""
    words = iter(argv)
    for word in words:
        option, given, _ = word.partition("=")
        if option in ("--resume-from-package", "--resume-from-batch", "--checkpoint-id"):
            if not given:
                next(words, None)
        elif word != "--start-fresh":
            yield word
