"""Sheets as people really keep them: moved and missing columns, merged and hidden rows, formulas, formats, notes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from review_desk import Desk, Look, all_looks, style

from ihacpa_core.errors import ExitCode
from ihacpa_core.records import CellStyle
from ihacpa_core.testing.index import LoopbackIndex
from tests.plugins.osv_sets import as_folder, record

VERSIONS = ["1.0", "1.1", "1.10", "2.0"]
NAMES = ("hit", "clean", "zope.interface", "ruamel_yaml", "typed", "hidden", "merged", "last")
ADVISORIES = [
    record("PYSEC-2024-1", "hit", aliases=["CVE-2024-1", "GHSA-aaaa-aaaa-0001"]),
    record("PYSEC-2024-2", "zope-interface", aliases=["CVE-2024-2", "GHSA-aaaa-aaaa-0002"]),
]
LINK = '=HYPERLINK(CONCATENATE("https://pypi.org/project/",$B{row},"/",$C{row},"/"),"page")'


@pytest.fixture(scope="module")
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex(dict.fromkeys(NAMES, VERSIONS)) as running:
        yield running


def desk_at(folder: Path, index: LoopbackIndex) -> Desk:
    desk = Desk(folder, index.url)
    desk.advise(as_folder(folder / "records", ADVISORIES))
    return desk


# --- a founding sheet with everything that people do to it ------------------------------------------------------------

ROWS: dict[int, tuple[Any, Any]] = {
    4: ("hit", "1.0"), 5: ("Zope_Interface", "1.1"), 6: ("ruamel.yaml", 2.0), 8: ("typed", 1.1), 9: ("hidden", "1.0"),
    10: ("merged", "1.0"), 11: ("merged", "1.0"), 13: ("last", "NEW"),
}  # fmt: skip


def odd_sheet(desk: Desk) -> None:
    desk.list_packages([])
    book = load_workbook(desk.workbook)
    sheet = book.worksheets[0]
    for row, (name, version) in ROWS.items():
        sheet[f"B{row}"], sheet[f"C{row}"], sheet[f"D{row}"] = name, version, LINK.format(row=row)
        sheet[f"N{row}"] = f"note {row}"
        sheet[f"X{row}"], sheet[f"Y{row}"] = f"mine {row}", f'=B{row}&" "&C{row}'
        sheet[f"E{row}"].number_format = "dd/mm/yy"
        sheet[f"W{row}"].alignment = Alignment(wrap_text=True, horizontal="center", vertical="top")
    sheet["L4"] = '=IF($K4="","",$K4&"/security/advisories")'
    sheet["F5"].font = Font(name="Courier New", size=9, bold=True, italic=True)
    sheet["N12"] = "a remark between the rows"
    sheet.row_dimensions[9].hidden = True
    for row in (10, 11):
        sheet.row_dimensions[row].outlineLevel = 1
    sheet.column_dimensions["S"].hidden = True
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("N10:N11")  # one note for two rows
    sheet.merge_cells("X4:Y4")
    sheet.freeze_panes, sheet.auto_filter.ref = "C4", "A3:Y13"
    choices = DataValidation(type="list", formula1='"yes,no"')
    choices.add("X4:X13")
    sheet.add_data_validation(choices)
    sheet.conditional_formatting.add("X4:X13", CellIsRule(operator="equal", formula=['"no"'], fill=PatternFill()))
    book.create_sheet("Other")["A1"] = "=Packages!B4" if sheet.title == "Packages" else "untouched"
    book.active = 0
    book.save(desk.workbook)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, index: LoopbackIndex) -> tuple[Desk, dict[tuple[str, str], Look]]:
    """The sheet, reviewed, and every cell of it before that."""
    desk = desk_at(tmp_path_factory.mktemp("odd"), index)
    odd_sheet(desk)
    before = all_looks(desk.workbook)
    desk.run("-q", expect=ExitCode.INCOMPLETE)
    return desk, before


def test_every_row_is_reviewed_or_flagged(odd: tuple[Desk, Any]) -> None:
    """Names that are spelt otherwise, typed numbers, hidden, grouped and merged rows; a gap ends nothing."""
    desk, _ = odd
    texts = {number: str(row["W"].value) for number, row in desk.looks().items()}

    assert texts == {
        4: "SECURITY RISK - 1 affect 1.0, worst UNKNOWN, update to 2.0",
        5: "SECURITY RISK - 1 affect 1.1, worst UNKNOWN, update to 2.0",
        6: "PROCEED",
        8: "MANUAL REVIEW - 1.1 was typed as a number and may mean 1.10",
        9: texts[9],
        10: texts[9],
        11: texts[9],
        13: "MANUAL REVIEW - 'NEW' is not a version",
    }
    assert texts[9].startswith("UPDATE - 1.0 to 2.0 of ")


def test_what_is_the_persons_is_untouched(odd: tuple[Desk, dict[tuple[str, str], Look]]) -> None:
    """Inputs, notes, columns to the right, formulas, headers, rows without a package and the other sheet."""
    desk, before = odd
    after = all_looks(desk.workbook)
    sheet = load_workbook(desk.workbook).worksheets[0].title
    mine = {
        (name, ref): look
        for (name, ref), look in before.items()
        if name != sheet or ref[0] in "ABCDNXY" or int(ref.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) not in ROWS
    }

    assert {place: after[place] for place in mine} == mine
    assert after[sheet, "L4"].value == '=IF($K4="","",$K4&"/security/advisories")'


def test_the_sheet_is_laid_out_as_before(odd: tuple[Desk, Any]) -> None:
    """Merged, hidden and grouped rows, panes, filter, choices and conditional formats are still there."""
    desk, _ = odd
    sheet = load_workbook(desk.workbook).worksheets[0]

    assert {str(cells) for cells in sheet.merged_cells.ranges} == {"A1:D1", "N10:N11", "X4:Y4"}
    assert sheet.row_dimensions[9].hidden and not sheet.row_dimensions[8].hidden
    assert [sheet.row_dimensions[row].outlineLevel for row in (9, 10, 11)] == [0, 1, 1]
    assert sheet.column_dimensions["S"].hidden
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("C4", "A3:Y13")
    assert [str(each.sqref) for each in sheet.data_validations.dataValidation] == ["X4:X13"]
    assert [str(each.sqref) for each in sheet.conditional_formatting] == ["X4:X13"]


def test_dates_are_dates_and_links_are_links(odd: tuple[Desk, Any]) -> None:
    """A date is a number with a date's format, a person's where there is one; an address leads where it says."""
    desk, _ = odd
    row = desk.looks()[4]

    assert isinstance(row["E"].value, datetime) and row["E"].number_format == "dd/mm/yy"
    assert isinstance(row["H"].value, datetime) and row["H"].number_format == "yyyy-mm-dd"
    links = {letter: row[letter].link for letter in "GKOQSU"}
    assert links == {letter: row[letter].value for letter in "GKOQSU"}
    assert all(str(link).startswith("https://") for link in links.values())
    assert row["D"].kind == row["L"].kind == "f" and row["D"].link is None


def test_a_cell_keeps_all_but_its_colours(odd: tuple[Desk, dict[tuple[str, str], Look]]) -> None:
    """Alignment, wrapping, typeface and size are a person's; fill and font colour say what the text says."""
    desk, _ = odd
    sheet = load_workbook(desk.workbook).worksheets[0]
    w, f = sheet["W4"], sheet["F5"]

    assert (w.alignment.wrap_text, w.alignment.horizontal, w.alignment.vertical) == (True, "center", "top")
    assert (f.font.name, f.font.sz, f.font.b, f.font.i) == ("Courier New", 9, True, True)
    assert style(desk.looks()[4]["W"]) is CellStyle.BAD and style(desk.looks()[5]["F"]) is CellStyle.WARN
    desk.run("format", "check", expect=ExitCode.OK)


def test_a_second_review_changes_no_byte(odd: tuple[Desk, Any]) -> None:
    """The same data over the finished sheet: it is not written."""
    desk, _ = odd
    before = desk.workbook.read_bytes()

    desk.run("-q", expect=ExitCode.INCOMPLETE)

    assert desk.workbook.read_bytes() == before


# --- columns elsewhere ------------------------------------------------------------------------------------------------

LEFT_OUT = (
    "latest_link", "latest_date", "requires", "status", "github", "github_advisory_link", "github_advisory", "nvd_link",
    "mitre_link", "mitre", "snyk_link", "snyk", "exploitdb_link", "exploitdb",
)  # fmt: skip
COLUMNS = """
[sheet]
header_row = 1
key = "Library"

[processor.package-review]
sources = ["pypi", "osv"]

[processor.package-review.columns]
name = "Library"
version = "B"
recommendation = "Our decision"
latest_version = "AB"
date_published = "Installed since"
notes = ""
""" + "".join(f'{field} = ""\n' for field in LEFT_OUT)
HEADERS = ["Library", "In use", "Owner", "Our decision", "NIST NVD\nLookup Result", "Installed since"]


@pytest.fixture
def elsewhere(tmp_path: Path, index: LoopbackIndex) -> Desk:
    """A sheet of another layout: few columns, in another order, one far to the right."""
    desk = desk_at(tmp_path / "desk", index)
    with (desk.folder / "ihacpa.toml").open("a") as file:
        file.write(COLUMNS)
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for column, header in enumerate(HEADERS, start=1):
        sheet.cell(1, column, header)
    sheet["AB1"] = "Newest"
    for row, (name, version) in enumerate([("hit", "1.0"), ("clean", "2.0")], start=2):
        sheet[f"A{row}"], sheet[f"B{row}"], sheet[f"C{row}"] = name, version, "Maria"
    book.save(desk.workbook)
    return desk


def test_fields_go_where_the_settings_send_them(elsewhere: Desk) -> None:
    """By header or letter, also beyond Z; a field that is left out and one without a column are written nowhere."""
    done = elsewhere.run(expect=ExitCode.OK)
    sheet = load_workbook(elsewhere.workbook).active
    assert sheet is not None
    cells = {
        cell.coordinate: cell.value for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None
    }

    assert cells == {
        "A2": "hit", "B2": "1.0", "C2": "Maria", "D2": "SECURITY RISK - 1 affect 1.0, worst UNKNOWN, update to 2.0",
        "E2": "VULNERABLE - 1 affect 1.0: CVE-2024-1 (UNKNOWN); fixed in 2.0", "F2": cells["F2"], "AB2": "2.0",
        "A3": "clean", "B3": "2.0", "C3": "Maria", "D3": "PROCEED", "E3": "None found", "F3": cells["F3"], "AB3": "2.0",
    }  # fmt: skip
    assert isinstance(cells["F2"], datetime)
    warned = [line for line in done.stderr.splitlines() if "is left out" in line]
    assert len(warned) == 1 and "pypi_link" in warned[0] and "'Our decision'" in warned[0]


def test_colours_are_checked_where_the_columns_are(elsewhere: Desk) -> None:
    """The same settings tell `format` where to look, without a word about columns that are not there."""
    elsewhere.run("-q", expect=ExitCode.OK)
    book = load_workbook(elsewhere.workbook)
    book.active["AB2"].fill = PatternFill()
    book.save(elsewhere.workbook)

    done = elsewhere.run("format", "check", expect=ExitCode.FAIL_ON)

    assert done.stdout.splitlines()[0].startswith("AB2    has another colour, should be orange: 2.0")
    assert done.stderr == ""


def test_two_fields_in_one_column_are_refused(elsewhere: Desk) -> None:
    """Before anything is written, with both names."""
    before = elsewhere.workbook.read_bytes()

    done = elsewhere.run("-o", "processor.package-review.columns.nvd=AB", expect=ExitCode.WORKBOOK)

    assert "the fields" in done.stderr and "were both sent to column AB" in done.stderr
    assert elsewhere.workbook.read_bytes() == before
