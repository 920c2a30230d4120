from __future__ import annotations

import importlib.util
import io
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from openpyxl import load_workbook

from ihacpa_core.records import CellStyle
from ihacpa_core.workbook.records import read_sheet
from ihacpa_core.workbook.sniff import check_workbook

EXAMPLES = Path(__file__).parents[2] / "examples"
BOOKS = ["packages.xlsx", "packages-486.xlsx", "orders.xlsx"]


def parts_of(source: Path | io.BytesIO) -> dict[str, bytes]:
    with zipfile.ZipFile(source) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    script = str(EXAMPLES / "make_workbook.py")
    subprocess.run([sys.executable, script, str(folder)], check=True, capture_output=True, env=environment, timeout=60)
    return folder


@pytest.mark.parametrize("name", BOOKS)
def test_the_script_makes_the_committed_files(made, name):
    """The workbooks beside the script are what it makes, part by part, whatever the time and place."""
    assert parts_of(made / name) == parts_of(EXAMPLES / name)
    assert list(parts_of(made / name)) == list(parts_of(EXAMPLES / name))


@pytest.mark.parametrize("name", BOOKS)
def test_openpyxl_keeps_the_workbook_whole(name):
    """Loaded and saved by openpyxl, every part comes out as it was, but for the time of the save."""
    saved = io.BytesIO()
    load_workbook(EXAMPLES / name).save(saved)

    before, after = parts_of(EXAMPLES / name), parts_of(saved)
    for parts in (before, after):
        parts["docProps/core.xml"] = re.sub(
            rb"<dcterms:modified.*?</dcterms:modified>", b"", parts["docProps/core.xml"]
        )
    assert after == before


@pytest.mark.parametrize(("name", "count", "rows"), [("packages.xlsx", 40, 44), ("packages-486.xlsx", 486, 490)])
def test_the_review_workbooks_have_the_founding_layout(name, count, rows):
    """Header on row 3, 23 columns and one of a person's own, a blank row in the middle, link formulas."""
    check_workbook(EXAMPLES / name)
    sheet = read_sheet(EXAMPLES / name)

    assert len(sheet.records) == count
    assert (sheet.records[0].row, sheet.records[-1].row) == (4, rows)
    assert sheet.warnings == ()
    assert list(sheet.headers.texts) == list("ABCDEFGHIJKLMNOPQRSTUVWX")
    assert sheet.headers.texts["M"] == "GitHub Security Advisory Result"
    assert all(set(record.formulas) == set("DGLOQSU") for record in sheet.records)
    assert set(Counter(record.id.key for record in sheet.records).values()) == {1}


def test_the_small_workbook_shows_what_real_sheets_hold():
    """Versions typed as numbers, a word for a version, a stray point, notes of a person."""
    records = {record.key: record for record in read_sheet(EXAMPLES / "packages.xlsx").records}

    assert records["pydantic"]["Installed Version"] == 1.1
    assert records["pytz"]["Installed Version"] == 2022.1
    assert records["httpx"]["Installed Version"] == "NEW"
    assert records["packaging"]["Installed Version"] == "23.0."
    assert records["pydantic"]["Manual Review"] == "Was 1.10 meant?"
    assert sum("N" in record.contents for record in records.values()) == 7


def test_the_review_workbook_looks_as_it_should():
    """Frozen panes, a filter, print titles, widths, wrapped text, date formats, a second sheet with a chart."""
    book = load_workbook(EXAMPLES / "packages.xlsx")
    sheet, notes = book.worksheets

    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("D4", "A3:X44", "$3:$3")
    assert sheet["B3"].font.bold
    assert sheet["B3"].fill.fgColor.rgb == "001F4E78"
    assert sheet["M4"].alignment.wrap_text
    assert sheet["M4"].border.left.style == "thin"
    assert (sheet["E4"].number_format, sheet["H4"].number_format) == ("yyyy-mm-dd", "yyyy-mm-dd")
    assert sheet.column_dimensions["W"].width == 40
    assert (notes.title, len(notes._charts)) == ("Notes", 1)
    assert notes["A1"].value


def test_the_job_of_ones_own_judges_every_order():
    """The example function gives a total where there is one, and says what is wrong where there is none."""
    spec = importlib.util.spec_from_file_location("check_orders", EXAMPLES / "check_orders.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    answers = [
        module.check(record) for record in read_sheet(EXAMPLES / "orders.xlsx", header_row=1, key="Order").records
    ]

    assert len(answers) == 8
    assert Counter(answer["Check"].style for answer in answers) == {
        CellStyle.GOOD: 5, CellStyle.WARN: 1, CellStyle.BAD: 2,
    }  # fmt: skip
    assert answers[0]["Total"] == pytest.approx(59.7)
