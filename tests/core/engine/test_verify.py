"""What verification accepts and what it refuses."""

from __future__ import annotations

import zipfile
from datetime import date, datetime

import openpyxl
import pytest

from ihacpa_core import Cell, CellUpdate
from ihacpa_core.engine.save_errors import VerificationFailed
from ihacpa_core.engine.verify import verify


def written(tmp_path, value, number_format="General"):
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.active["B2"] = value
    book.active["B2"].number_format = number_format
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("wanted", "stored", "number_format"),
    [
        (3, 3.0, "General"),
        (0.1 + 0.2, 0.3, "General"),
        (None, None, "General"),
        ("", None, "General"),
        (date(2024, 2, 29), datetime(2024, 2, 29), "yyyy-mm-dd"),
        (datetime(2024, 2, 29), date(2024, 2, 29), "yyyy-mm-dd"),
        (datetime(2024, 2, 29, 13, 37, 1, 500_000), datetime(2024, 2, 29, 13, 37, 1, 500_000), "yyyy-mm-dd hh:mm:ss"),
        (True, True, "General"),
        ("a\nb", "a\nb", "General"),
    ],
)
def test_value_reads_back_as_excel_stores_it(tmp_path, wanted, stored, number_format):
    """Numbers count to 15 digits, a date is its midnight, empty text is nothing."""
    path = written(tmp_path, stored, number_format)

    for full in (False, True):
        verify(path, "Sheet", [CellUpdate(2, "B", Cell(wanted))], full=full)


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [("1", 1), (1, True), (1, "1"), ("text", None), (None, "text"), (1.0000001, 1), ("=1+1", "=1+1"), ("a", "b")],
)
def test_other_value_is_refused(tmp_path, wanted, stored):
    """Text is no number, a number no truth value, and text that begins with "=" no formula."""
    path = written(tmp_path, stored)

    with pytest.raises(VerificationFailed, match="B2 holds"):
        verify(path, "Sheet", [CellUpdate(2, "B", Cell(wanted))], full=False)


def test_last_update_of_a_cell_counts(tmp_path):
    """When a cell is updated twice, what came last is what must be there."""
    path = written(tmp_path, "b")

    verify(path, "Sheet", [CellUpdate(2, "B", Cell("a")), CellUpdate(2, "B", Cell("b"))], full=False)


def test_part_that_is_there_twice_is_refused(tmp_path):
    """Readers differ in which of two parts of one name they take, so such a file is not put in place."""
    path = written(tmp_path, "b")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")

    with pytest.raises(VerificationFailed):
        verify(path, "Sheet", [], full=False)


def test_full_check_reads_past_the_last_update(tmp_path):
    """Damage below the updated cells is found by the full check."""
    path = written(tmp_path, "b")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    part = "xl/worksheets/sheet1.xml"
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(3, 9000))
    bad = '<row r="9000"><c r="A9000" t="s"><v>99</v></c></row></sheetData>'
    parts[part] = parts[part].replace(b"</sheetData>", (rows + bad).encode())
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    update = [CellUpdate(2, "B", Cell("b"))]

    verify(path, "Sheet", update, full=False)
    with pytest.raises(VerificationFailed, match="A9000"):
        verify(path, "Sheet", update, full=True)
