"""The reader beside openpyxl, on workbooks that Excel itself made."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula

from ihacpa_core.workbook.book import read_book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.sheet_reader import CellContent, package_rows
from ihacpa_core.workbook.strings import unescape
from ihacpa_core.workbook.values import same_value

FOLDER = os.environ.get("IHACPA_TEST_DATA")
ARCHIVE = Path(FOLDER) / "excel-files.zip" if FOLDER else None


def check(data: bytes) -> int:
    """Compare every worksheet; the number of cells that were compared."""
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl tells what it would lose
        formulas = load_workbook(io.BytesIO(data))
        values = load_workbook(io.BytesIO(data), data_only=True)
    with Package(io.BytesIO(data)) as package:
        book = read_book(package)
        for info in book.sheets:
            if info.kind != "worksheet":
                continue
            ours = {(row.number, k): c for row in package_rows(package, book, info.name) for k, c in row.cells.items()}
            theirs = cells_of(formulas[info.name], values[info.name], formulas.epoch)
            assert ours.keys() == theirs.keys(), info.name
            for at, cell in theirs.items():
                assert same_cell(cell, ours[at]), (info.name, at, cell, ours[at])
            count += len(ours)
    return count


def cells_of(formulas, values, epoch) -> dict[tuple[int, str], CellContent]:
    found = {}
    for cell in formulas._cells.values():
        formula = cell.value if cell.data_type == "f" else None
        if isinstance(formula, ArrayFormula):
            formula = formula.text
        elif isinstance(formula, DataTableFormula):
            formula = "="
        value = values[cell.coordinate].value
        if value is not None or formula is not None:
            found[cell.row, cell.column_letter] = CellContent(plain(value, epoch), formula)
    return found


def plain(value, epoch):
    if isinstance(value, time | timedelta):
        return to_excel(value, epoch)
    return value


def same_cell(theirs: CellContent, ours: CellContent) -> bool:
    """Equal, but for what we do on purpose: a shared formula's text is its master's, day 60 and odd dates are told."""
    if (theirs.formula is None) != (ours.formula is None):
        return False
    if isinstance(theirs.value, date | datetime) and isinstance(ours.value, int | float):
        return to_excel(theirs.value) == pytest.approx(ours.value, abs=2)
    if isinstance(theirs.value, int | float) and not isinstance(theirs.value, bool):
        return theirs.value == pytest.approx(ours.value, abs=1e-8)
    if isinstance(theirs.value, str) and isinstance(ours.value, str):
        # Of all escapes openpyxl decodes that of the underscore alone, in shared strings alone, and all at once.
        return theirs.value in (ours.value, ours.value.replace("x005F_", "")) or unescape(theirs.value) == ours.value
    return ours.value == "1900-02-29" or same_value(theirs.value, ours.value)


def names() -> list[str]:
    if ARCHIVE is None or not ARCHIVE.exists():
        return []
    with zipfile.ZipFile(ARCHIVE) as archive:
        return sorted(archive.namelist())


def check_all(wanted: list[str]) -> None:
    if not wanted:
        pytest.skip("IHACPA_TEST_DATA does not lead to a folder with excel-files.zip")
    with zipfile.ZipFile(ARCHIVE) as archive:
        counts = [check(archive.read(name)) for name in wanted]

    assert sum(counts) > 10 * len(wanted)


def test_a_fifth_of_excels_own_files_reads_as_openpyxl_reads_it():
    """Every value and every mark of a formula in every fifth file."""
    check_all(names()[::5])


@pytest.mark.slow
def test_all_of_excels_own_files_read_as_openpyxl_reads_them():
    """Every value and every mark of a formula in all of the files."""
    check_all(names())
