"""Saving with openpyxl: what a cell becomes, what stays as it was, and saving more than once."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from copy import copy
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from ihacpa_plugins.save.openpyxl import OpenpyxlOptions, ihacpa_save_backends
from ihacpa_plugins.save.openpyxl.scratch import Scratch
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.table import Table

from ihacpa_core import PALETTE, Cell, CellUpdate, RunContext, WorkbookError
from ihacpa_core.workbook.sheet_reader import read_cells

RICH = {"name": "Courier New", "size": 9, "italic": True}


@pytest.fixture
def path(tmp_path):
    """A sheet with one styled cell, B2, a formula in C2, a date in D2, and a table, a chart and a comment."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    for column, text in enumerate(("One", "Two", "Three", "Four"), 1):
        sheet.cell(1, column, text)
    sheet["A2"], sheet["B2"], sheet["C2"], sheet["D2"] = 1, "old", "=A2*2", date(2020, 1, 2)
    sheet["D2"].number_format = "dd.mm.yyyy"
    sheet["B2"].alignment = Alignment(wrap_text=True, vertical="top")
    sheet["B2"].border = Border(top=Side("thick"))
    sheet["B2"].font = Font(**RICH)
    sheet["A2"].comment = Comment("mine", "me")
    sheet.add_table(Table(displayName="T", ref="A1:D2"))
    chart = LineChart()
    chart.add_data(Reference(sheet, min_col=1, min_row=1, max_row=2), titles_from_data=True)
    sheet.add_chart(chart, "F3")
    book.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


@pytest.fixture
def backend(tmp_path):
    (offer,) = ihacpa_save_backends()
    (tmp_path / "state").mkdir()
    context = RunContext(run_id="r", workbook=tmp_path, state_dir=tmp_path / "state", config_dir=tmp_path)
    return offer.factory(OpenpyxlOptions(), context)


@pytest.fixture
def session(backend, path):
    session = backend.open(path, "Data")
    yield session
    session.close()


def write(session, out, *updates):
    """Save `updates`, given as (ref, value, look), into a new file; the receipt."""
    cells = [CellUpdate(int(ref[1:]), ref[0], Cell(value, **look)) for ref, value, look in updates]
    with out.open("w+b") as file:
        return session.write(file, cells)


def saved(session, tmp_path, *updates):
    write(session, tmp_path / "out.xlsx", *updates)
    return openpyxl.load_workbook(tmp_path / "out.xlsx")["Data"]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "#N/A", "1", "TRUE", "2024-01-01", "\ttab", " a \n b "],
)
def test_text_stays_text(session, tmp_path, text):
    """No text becomes a formula, an error, a number or a date, and its white space stays."""
    cell = saved(session, tmp_path, ("B2", text, {}))["B2"]

    assert read_cells(tmp_path / "out.xlsx", "Data", {"B2"}) == {"B2": (text, None)}
    assert cell.data_type == "s"
    assert cell.quotePrefix == text.startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize(
    "text", ["_x0041_", "a_x000D_b", "_x005F_", "plain _x_", "naïve 表 😀", "<&>\"'", "x" * 32_767]
)
def test_odd_text_reads_back_as_it_was_written(session, tmp_path, text):
    """What Excel would take for an escape is escaped; everything else is written as it is."""
    saved(session, tmp_path, ("B2", text, {}))

    assert read_cells(tmp_path / "out.xlsx", "Data", {"B2"})["B2"].value == text


@pytest.mark.parametrize(
    "value", [0, -3, 1.5, 1e300, True, False, date(1900, 1, 15), date(2024, 2, 29), datetime(2024, 2, 29, 13, 37, 1)]
)
def test_value_keeps_its_type(session, tmp_path, value):
    """Numbers, truth values and dates come back as what they are."""
    saved(session, tmp_path, ("B2", value, {}))

    found = read_cells(tmp_path / "out.xlsx", "Data", {"B2"})["B2"].value
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_empties_a_cell_and_keeps_its_look(session, tmp_path, nothing):
    """An empty value leaves the cell empty with its borders."""
    cell = saved(session, tmp_path, ("B2", nothing, {}))["B2"]

    assert cell.value is None
    assert cell.border.top.style == "thick"


@pytest.mark.parametrize("style", list(PALETTE))
def test_style_sets_fill_and_font_colour_and_nothing_else(session, tmp_path, style):
    """The colours of the meaning come in; font, size, alignment, border and format stay."""
    cell = saved(session, tmp_path, ("B2", "new", {"style": style}))["B2"]

    assert cell.fill.fgColor.rgb == "FF" + PALETTE[style].fill
    assert cell.font.color.rgb == "FF" + PALETTE[style].font
    assert (cell.font.name, cell.font.sz, cell.font.i) == ("Courier New", 9, True)
    assert (cell.alignment.wrap_text, cell.alignment.vertical) == (True, "top")
    assert cell.border.top.style == "thick"


def test_no_style_leaves_the_colours(session, tmp_path):
    """An update without a style changes the value alone."""
    before = openpyxl.load_workbook(tmp_path / "book.xlsx")["Data"]["B2"]

    cell = saved(session, tmp_path, ("B2", "new", {}))["B2"]

    assert copy(cell.fill) == copy(before.fill)
    assert copy(cell.font) == copy(before.font)


def test_date_keeps_the_cells_own_format_or_gets_one(session, tmp_path):
    """A date goes into a date cell as that shows dates, into any other as yyyy-mm-dd."""
    sheet = saved(
        session,
        tmp_path,
        ("D2", date(2024, 5, 6), {}),
        ("E2", date(2024, 5, 6), {}),
        ("E3", datetime(2024, 5, 6, 7), {}),
    )

    assert sheet["D2"].number_format == "dd.mm.yyyy"
    assert sheet["E2"].number_format == "yyyy-mm-dd"
    assert sheet["E3"].number_format == "yyyy-mm-dd hh:mm:ss"


def test_link_is_a_real_link_and_replaces_an_old_one(session, tmp_path):
    """A cell with a link leads there; a second link takes the first one's place; no link leaves it."""
    first = saved(session, tmp_path, ("B2", "text", {"link": "https://example.org/a?b=c&d"}))
    second = saved(session, tmp_path, ("B2", "text", {"link": "https://example.org/2"}))
    third = saved(session, tmp_path, ("B2", "other", {}))

    assert first["B2"].hyperlink.target == "https://example.org/a?b=c&d"
    assert second["B2"].hyperlink.target == "https://example.org/2"
    assert third["B2"].hyperlink.target == "https://example.org/2"
    assert third["B2"].value == "other"
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        assert archive.read("xl/worksheets/sheet1.xml").count(b"<hyperlink ") == 1


def test_empty_cell_has_no_link(session, tmp_path):
    """A cell that is emptied loses its link, and one without a value gets none: there would be nothing to click on."""
    saved(session, tmp_path, ("B2", "text", {"link": "https://example.org"}))
    sheet = saved(session, tmp_path, ("B2", None, {}), ("G9", None, {"link": "https://example.org"}))

    assert (sheet["B2"].value, sheet["B2"].hyperlink) == (None, None)
    assert (sheet["G9"].value, sheet["G9"].hyperlink) == (None, None)


def test_links_end_where_excels_room_for_them_ends(session, tmp_path, monkeypatch):
    """Beyond the links that a sheet can hold, cells get their text alone, and replacing a link still works."""
    monkeypatch.setattr("ihacpa_plugins.save.openpyxl.cells.MAX_LINKS", 2)
    links = [(f"E{row}", f"text {row}", {"link": f"https://example.org/{row}"}) for row in range(2, 6)]

    sheet = saved(session, tmp_path, *links, ("E2", "text 2", {"link": "https://example.org/new"}))

    assert [sheet[f"E{row}"].hyperlink is not None for row in range(2, 6)] == [True, True, False, False]
    assert sheet["E2"].hyperlink.target == "https://example.org/new"
    assert sheet["E5"].value == "text 5"


EVERYTHING = [
    ("B2", "=text", {"style": "bad", "link": "https://example.org"}),
    ("D2", date(2024, 5, 6), {}),
    ("E2", date(2024, 5, 6), {"style": "good"}),
    ("E3", datetime(2024, 5, 6, 7, 8, 9), {}),
    ("E4", 0.1 + 0.2, {"style": "warn"}),
    ("E5", True, {}),
    ("E6", "_x0041_", {"style": "info"}),
    ("E7", None, {"style": "accent"}),
    ("E8", 12, {}),
]


def test_second_run_over_the_same_results_changes_no_cell(backend, path, tmp_path):
    """What was written is recognised after loading, whatever its type, colour or link."""
    first = backend.open(path, "Data")
    assert write(first, tmp_path / "one.xlsx", *EVERYTHING).changed == len(EVERYTHING)
    first.close()

    again = backend.open(tmp_path / "one.xlsx", "Data")
    receipt = write(again, tmp_path / "two.xlsx", *EVERYTHING)
    again.close()

    assert (receipt.changed, receipt.unchanged) == (0, len(EVERYTHING))


def test_updates_of_a_save_that_was_not_confirmed_count_again(session, tmp_path):
    """Until a save is confirmed its updates are changes; afterwards they stand there already."""
    first = write(session, tmp_path / "1.xlsx", *EVERYTHING)
    again = write(session, tmp_path / "2.xlsx", *EVERYTHING)
    session.committed(None)
    last = write(session, tmp_path / "3.xlsx", *EVERYTHING)

    assert first.changed == again.changed == len(EVERYTHING)
    assert (last.changed, last.unchanged) == (0, len(EVERYTHING))


def test_other_things_survive_several_saves_in_one_session(session, tmp_path):
    """Table, chart, comment and formula are there after the third save as after the first, once each."""
    for number in range(3):
        write(session, tmp_path / f"{number}.xlsx", ("B2", f"text {number}", {"link": "https://example.org"}))

    first, last = (zipfile.ZipFile(tmp_path / f"{number}.xlsx") for number in (0, 2))
    sheet = openpyxl.load_workbook(tmp_path / "2.xlsx")["Data"]
    assert first.namelist() == last.namelist()
    assert (len(sheet._charts), list(sheet.tables), sheet["A2"].comment.text) == (1, ["T"], "mine")
    assert sheet["C2"].value == "=A2*2"


def test_pictures_survive_several_saves(backend, tmp_path):
    """A workbook with a picture can be saved twice, and keeps the picture's bytes."""
    pillow = pytest.importorskip("PIL.Image", reason="openpyxl keeps pictures only with pillow")
    from openpyxl.drawing.image import Image

    buffer = io.BytesIO()
    pillow.new("RGB", (4, 4), "red").save(buffer, "png")
    picture = buffer.getvalue()
    book = openpyxl.Workbook()
    book.active.add_image(Image(buffer), "B2")
    book.save(tmp_path / "picture.xlsx")
    session = backend.open(tmp_path / "picture.xlsx", "Sheet")

    for number in range(2):
        write(session, tmp_path / f"{number}.xlsx", ("A1", number, {}))
    session.close()

    with zipfile.ZipFile(tmp_path / "1.xlsx") as archive:
        assert archive.read("xl/media/image1.png") == picture


def test_excel_calculates_anew_where_there_are_formulas(session, backend, tmp_path):
    """openpyxl drops calculated values, so Excel is asked to make them when it opens the file."""
    saved(session, tmp_path, ("B2", "x", {}))

    assert openpyxl.load_workbook(tmp_path / "out.xlsx").calculation.fullCalcOnLoad


def test_formula_that_an_update_names_is_overwritten(session, tmp_path):
    """Whether a formula may be overwritten was decided before; the session does it."""
    assert saved(session, tmp_path, ("C2", 5, {}))["C2"].value == 5


def test_cell_under_a_merged_one_takes_its_value(backend, tmp_path):
    """A result for a row in a merged range neither fails nor shows, and reads back."""
    book = openpyxl.Workbook()
    book.active.merge_cells("B2:B4")
    book.active["B2"] = "shown"
    book.save(tmp_path / "merged.xlsx")
    session = backend.open(tmp_path / "merged.xlsx", "Sheet")

    write(session, tmp_path / "out.xlsx", ("B3", "under", {"style": "good"}))
    session.close()

    assert read_cells(tmp_path / "out.xlsx", "Sheet", {"B2", "B3"}) == {"B2": ("shown", None), "B3": ("under", None)}
    assert openpyxl.load_workbook(tmp_path / "out.xlsx").active.merged_cells.ranges


def test_fill_that_excel_wrote_in_its_own_way_is_recognised(backend, tmp_path):
    """Excel adds a background colour to a solid fill; the cell is still as it should be."""
    book = openpyxl.Workbook()
    cell = book.active["A1"]
    cell.value = "x"
    cell.fill = PatternFill("solid", fgColor="FFC6EFCE", bgColor="FF000000")
    cell.font = Font(color="FF006100")
    book.save(tmp_path / "excel.xlsx")
    session = backend.open(tmp_path / "excel.xlsx", "Sheet")

    receipt = write(session, tmp_path / "out.xlsx", ("A1", "x", {"style": "good"}))
    session.close()

    assert receipt.changed == 0


@pytest.mark.parametrize(
    "value", ["a\x00b", "\ud800", "\ufffe", "x" * 32_768, float("nan"), float("inf"), datetime.now().astimezone()]
)
def test_value_that_no_cell_holds_is_an_error_that_names_the_cell(session, tmp_path, value):
    """The core makes values fit; one that slipped through is refused and never cut or dropped in silence."""
    with pytest.raises(WorkbookError, match="cell B2 cannot hold"):
        write(session, tmp_path / "out.xlsx", ("B2", value, {}))


def test_sheets_are_found_as_excel_does(backend, path):
    """Case does not tell sheets apart; a sheet that is missing is an error that lists those there are."""
    backend.open(path, "DATA").close()

    with pytest.raises(WorkbookError, match="Data"):
        backend.open(path, "Other")


def test_workbook_that_openpyxl_cannot_load_is_an_error(backend, tmp_path):
    """What openpyxl stumbles over comes with its cause and a way out."""
    (tmp_path / "bad.xlsx").write_bytes(b"PK\x05\x06" + bytes(18))

    for call in (lambda p: backend.open(p, "Data"), backend.inspect):
        with pytest.raises(WorkbookError, match=r"openpyxl cannot load bad\.xlsx") as caught:
            call(tmp_path / "bad.xlsx")
        assert caught.value.hint


def test_temporary_files_are_private_and_go(backend, path, tmp_path, monkeypatch):
    """openpyxl's copies of the sheets lie in a folder of the session's own, which goes with it and with dead runs'."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale = tmp_path / "state" / f"ihacpa-openpyxl-{dead.pid}-x"
    stale.mkdir()
    made = []
    real = Scratch._create
    monkeypatch.setattr(Scratch, "_create", lambda self, suffix="": made.append(real(self, suffix)) or made[-1])
    before = tempfile.gettempdir()

    session = backend.open(path, "Data")
    write(session, tmp_path / "out.xlsx", ("B2", "x", {}))
    (folder,) = (tmp_path / "state").iterdir()
    mode = folder.stat().st_mode & 0o777
    session.close()

    assert {Path(name).parent for name in made} == {folder}
    assert mode == 0o700
    assert list((tmp_path / "state").iterdir()) == []
    assert tempfile.gettempdir() == before


def test_temporary_files_of_a_dead_run_go_where_numbers_repeat(backend, path, tmp_path):
    """In a container a dead run had the number that this one or another process has now; its files go all the same."""
    for number in (os.getpid(), os.getppid()):
        (tmp_path / "state" / f"ihacpa-openpyxl-{number}-x").mkdir()

    first, second = backend.open(path, "Data"), backend.open(path, "Data")

    assert len(list((tmp_path / "state").iterdir())) == 2
    first.close()
    second.close()
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.skipif("IHACPA_TEST_DATA" not in os.environ, reason="IHACPA_TEST_DATA is not set")
def test_macros_are_kept(backend, tmp_path):
    """A workbook with macros keeps them, through two saves."""
    with zipfile.ZipFile(Path(os.environ["IHACPA_TEST_DATA"]) / "excel-files.zip") as files:
        name = next(name for name in files.namelist() if name.endswith(".xlsm"))
        source = Path(files.extract(name, tmp_path))
    session = backend.open(source, "Sheet1")

    for number in range(2):
        write(session, tmp_path / f"{number}.xlsm", ("A9", number, {}))
    session.close()

    vba = {
        zipfile.ZipFile(file).read("xl/vbaProject.bin") for file in (source, tmp_path / "0.xlsm", tmp_path / "1.xlsm")
    }
    assert len(vba) == 1


def test_bar_chart_on_a_chart_sheet_survives(backend, tmp_path):
    """A workbook with a chart sheet can be saved more than once."""
    book = openpyxl.Workbook()
    book.active["A1"] = 3
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=1, min_row=1))
    book.create_chartsheet("Chart").add_chart(chart)
    book.save(tmp_path / "chart.xlsx")
    session = backend.open(tmp_path / "chart.xlsx", "Sheet")

    for number in range(2):
        write(session, tmp_path / f"{number}.xlsx", ("A1", number, {}))
    session.close()

    assert len(openpyxl.load_workbook(tmp_path / "1.xlsx").chartsheets[0]._charts) == 1
