"""Whether the workbook can be read, and written as the settings ask."""

from __future__ import annotations

import os
from pathlib import Path

from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.errors import ExitCode
from ihacpa_core.fileops import FileOps
from ihacpa_core.health import CheckResult
from ihacpa_core.text import size
from ihacpa_core.workbook.sniff import owner_of_open_file

_MARGIN = 8 * 1024 * 1024
"""Bytes beyond what saves need, for the journal."""


def _drop(message: str) -> None:
    """What a part warns of while it is only looked at is asked for in a check of its own."""


def records(plan: Plan) -> CheckResult:
    """Whether the sheet is as the settings describe it.

    :raises WorkbookError: it is not.
    """
    sheet = plan.read_sheet(plan.current)
    told = f'{plan.current.name}, sheet "{sheet.name}": {len(sheet.records):,} records, key in column {sheet.key}'
    if not sheet.records:
        fix = "look at header_row, first_row and key under [sheet]"
        return CheckResult.failed(told, fix=fix, exit_code=ExitCode.NOTHING_TO_DO)
    if sheet.warnings:
        return CheckResult.warned(f"{told}; {'; '.join(sheet.warnings)}")
    return CheckResult.passed(told)


def columns(plan: Plan) -> CheckResult:
    """Whether the processor finds its columns.

    :raises WorkbookError: it does not.
    """
    results = plan.processor(_drop, read_only=True).bind(plan.read_sheet(plan.current).headers)
    word = plan.settings.core.processor
    return CheckResult.passed(f"{word} may write {' '.join(results)}" if results else f"{word} names them as it goes")


def writable(plan: Plan) -> CheckResult:
    """Whether this user may replace the workbook."""
    folder = plan.target.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        return _unwritable(f"nothing can be written to {folder}", folder)
    if plan.target.exists() and not os.access(plan.target, os.W_OK):
        return _unwritable(f"{plan.target.name} is write-protected", plan.target)
    return CheckResult.passed(f"{plan.target} can be replaced")


def _unwritable(told: str, place: Path) -> CheckResult:
    fix = f"chmod u+w '{place}', or work on a copy elsewhere: --output"
    return CheckResult.failed(told, fix=fix, exit_code=ExitCode.WORKBOOK)


def closed(plan: Plan) -> CheckResult:
    """Whether somebody has it open in Excel or LibreOffice."""
    owner = owner_of_open_file(plan.current)
    if owner:
        fix = "close it there before a run, or its results are saved over"
        return CheckResult.warned(f"{plan.current.name} is open: {owner}", fix=fix)
    return CheckResult.passed("nobody has it open in Excel or LibreOffice")


def space(plan: Plan) -> CheckResult:
    """Whether a save and a backup have room."""
    ops, needed = FileOps(), plan.current.stat().st_size * 2 + _MARGIN
    places = {_existing(folder) for folder in (plan.target.parent, plan.folder.path)}
    free, place = min((ops.free_bytes(folder), folder) for folder in places)
    told = f"{size(free)} free at {place}; a save and a backup take {size(needed)}"
    if free < needed:
        return CheckResult.failed(told, fix=f"free some space at {place}", exit_code=ExitCode.WORKBOOK)
    return CheckResult.passed(told)


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def losses(plan: Plan) -> CheckResult:
    """What a save would lose.

    :raises WorkbookError: the save backend cannot work on this workbook.
    """
    word = plan.settings.core.save
    backend = plan.build("save", _drop, read_only=True)
    found = backend.inspect(plan.current)
    lost = [loss.what for loss in found if not loss.remade]
    remade = [loss.what for loss in found if loss.remade]
    if lost and getattr(backend, "accept_loss", False):
        return CheckResult.warned(f"a save with {word} loses, as the settings accept: {'; '.join(lost)}")
    if lost:
        fix = f"ihacpa config set save.{word}.accept_loss true, if that may be; the original is kept as a backup"
        return CheckResult.failed(
            f"a save with {word} would lose: {'; '.join(lost)}", fix=fix, exit_code=ExitCode.DECISION_NEEDED
        )
    if remade:
        return CheckResult.warned(f"Excel will make again on opening: {'; '.join(remade)}")
    return CheckResult.passed(f"a save with {word} loses nothing")


def lock(plan: Plan) -> CheckResult:
    """Whether another run is at work on it.

    :raises WorkbookError: the lock cannot be looked at.
    """
    held = WorkbookLock(plan.target).holder()
    if held is not None:
        return CheckResult.failed(str(held), fix=held.hint, exit_code=held.exit_code)
    return CheckResult.passed("no other run works on it")
