"""Changing cells of a workbook without a run: a call, and the command that makes it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ihacpa_core import Cell, CellUpdate, CellValue, UsageError, WorkbookError
from ihacpa_plugins.save.patch.refs import cell, letters
from ihacpa_plugins.save.patch.session import PatchSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """What was done: cells that changed, and cells that held their value already."""

    changed: int
    unchanged: int


def patch_cells(
    source: Path, target: Path, cells: Mapping[str, CellValue | Cell], *, overwrite_formulas: bool = False
) -> Patched:
    """Write `cells` into a copy of the workbook `source`; everything else in it stays as it is.

    `target` is replaced in one step, when all of it is on the disk; it may be `source` itself.

    :param cells: ``Sheet1!B7``, ``'My sheet'!B7``, or ``B7`` of the sheet that is shown on opening, to a value or a
        `Cell` with a style and a link. None empties a cell; text is text, whatever it begins with.
    :param overwrite_formulas: without it, a cell that holds a formula is an error.
    :raises UsageError: a reference is none.
    :raises WorkbookError: the workbook cannot be changed so; nothing was written.
    """
    by_sheet = _by_sheet(cells)
    try:
        with tempfile.TemporaryDirectory(prefix=".ihacpa-", dir=target.parent) as folder:
            at, counts = source, [0, 0]
            for number, (sheet, updates) in enumerate(by_sheet.items()):
                written = Path(folder) / f"{number}{source.suffix}"
                session = PatchSession(at, sheet, keep_formulas=not overwrite_formulas)
                with closing(session), written.open("xb") as file:
                    receipt = session.write(file, updates)
                    _make_durable(file)
                counts = [counts[0] + receipt.changed, counts[1] + receipt.unchanged]
                at = written
            _put(at, source, target, Path(folder))
    except OSError as error:
        raise WorkbookError(
            f"{target} cannot be written", why=error.strerror or str(error), hint="nothing was changed"
        ) from error
    return Patched(changed=counts[0], unchanged=counts[1])


def _by_sheet(cells: Mapping[str, CellValue | Cell]) -> dict[str | None, list[CellUpdate]]:
    by_sheet: dict[str | None, list[CellUpdate]] = {}
    for ref, value in cells.items():
        sheet, column, row = split(ref)
        update = CellUpdate(row, column, value if isinstance(value, Cell) else Cell(value))
        by_sheet.setdefault(sheet, []).append(update)
    return by_sheet


def split(ref: str) -> tuple[str | None, str, int]:
    """Sheet, column and row of ``Sheet1!B7``; the sheet is None where none is named.

    :raises UsageError: it is no reference to one cell.
    """
    sheet, mark, place = ref.rpartition("!")
    if len(sheet) > 1 and sheet[0] == sheet[-1] == "'":
        sheet = sheet[1:-1].replace("''", "'")
    try:
        column, row = cell(place)
    except ValueError as error:
        raise UsageError(f"{ref!r} names no cell", why=str(error), hint="write it as 'Sheet name'!B7, or B7") from error
    return (sheet if mark else None), letters(column), row


def _make_durable(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _put(written: Path, source: Path, target: Path, folder: Path) -> None:
    """Let `target` be what was written, with the mode of the file that it replaces."""
    if written is source:  # there were no cells to write
        written = folder / "copy"
        shutil.copyfile(source, written)
        with written.open("r+b") as file:
            _make_durable(file)
    like = target if target.exists() else source
    written.chmod(like.stat().st_mode & 0o777)
    written.replace(target.resolve())
    with suppress(OSError):  # Windows opens no folders, and needs no such call
        descriptor = os.open(target.resolve().parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
