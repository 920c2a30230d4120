"""A workbook held open by openpyxl for saving again and again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ihacpa_core import PALETTE, CellUpdate, FileOps, Fingerprint, SaveSession, WorkbookError, WriteReceipt
from ihacpa_plugins.save.openpyxl.cells import CellWriter
from ihacpa_plugins.save.openpyxl.loading import load, save
from ihacpa_plugins.save.openpyxl.scratch import Scratch

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet


class OpenpyxlSession(SaveSession):
    """Keeps the loaded workbook; a save costs the writing, not the loading."""

    def __init__(self, source: Path, sheet: str, state_dir: Path, files: FileOps) -> None:
        self._name = source.name
        self._book = load(source)
        self._cells = CellWriter(_sheet(self._book, sheet, source.name), PALETTE)
        self._scratch = Scratch(files, state_dir)
        self._dirty: set[str] = set()
        _recalculate(self._book)

    def write(self, target: BinaryIO, updates: Sequence[CellUpdate]) -> WriteReceipt:
        for update in updates:
            if self._cells.apply(update):
                self._dirty.add(update.ref)
        save(self._book, target, self._name, self._scratch)
        unchanged = {update.ref for update in updates} - self._dirty
        return WriteReceipt(changed=len(self._dirty), unchanged=len(unchanged))

    def committed(self, fingerprint: Fingerprint) -> None:
        self._dirty.clear()

    def close(self) -> None:
        self._scratch.close()
        self._book.close()


def _sheet(book: Workbook, name: str, file: str) -> Worksheet:
    """The worksheet called `name`; as in Excel, case does not tell two names apart."""
    for sheet in book.worksheets:
        if sheet.title.casefold() == name.casefold():
            return sheet
    names = ", ".join(sheet.title for sheet in book.worksheets)
    raise WorkbookError(f"{file} has no worksheet {name!r}", why=f"it has {names}", hint="choose one with --sheet")


def _recalculate(book: Workbook) -> None:
    """Let Excel calculate all formulas on opening, if there are any: openpyxl does not keep the values they had."""
    # _cells, since iter_rows makes every cell of the rectangle that the cells span.
    if any(cell.data_type == "f" for sheet in book.worksheets for cell in sheet._cells.values()):
        book.calculation.fullCalcOnLoad = True
