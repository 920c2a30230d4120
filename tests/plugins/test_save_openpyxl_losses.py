"""What openpyxl would lose is told before the first save: all of it, and nothing that it keeps."""

from __future__ import annotations

import os
import re
import shutil
import time
import warnings
import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from ihacpa_plugins.save.openpyxl import OpenpyxlOptions, ihacpa_save_backends
from openpyxl.chart import AreaChart, BarChart, LineChart, PieChart, Reference, ScatterChart, Series
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule, ColorScaleRule, DataBarRule, IconSetRule
from openpyxl.styles import Border, Font, NamedStyle, PatternFill, Protection, Side
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table, TableStyleInfo

from ihacpa_core import RunContext, WorkbookError

DATA = os.environ.get("IHACPA_TEST_DATA")


@pytest.fixture
def inspect(tmp_path):
    (offer,) = ihacpa_save_backends()
    context = RunContext(run_id="r", workbook=tmp_path, state_dir=tmp_path, config_dir=tmp_path)
    return offer.factory(OpenpyxlOptions(), context).inspect


def charts(sheet):
    for kind, place in zip((BarChart, LineChart, AreaChart, PieChart, ScatterChart), "ABCDE", strict=True):
        chart = kind()
        chart.title = f"{kind.__name__} of it"
        values = Reference(sheet, min_col=1, min_row=3, max_row=12)
        if kind is ScatterChart:
            chart.series.append(Series(values, values, title="s"))
        else:
            chart.add_data(values, titles_from_data=True)
            chart.set_categories(Reference(sheet, min_col=2, min_row=4, max_row=12))
        if kind not in (PieChart, AreaChart):  # openpyxl loses the axes of an area chart, and that is told
            chart.x_axis.title, chart.y_axis.title = "x", "y"
            chart.x_axis.delete = chart.y_axis.delete = False
        sheet.add_chart(chart, f"{place}20")


def formatted(sheet):
    rows = "A4:A12"
    sheet.conditional_formatting.add(rows, CellIsRule("greaterThan", ["3"], fill=PatternFill(bgColor="FFC7CE")))
    sheet.conditional_formatting.add(rows, ColorScaleRule("min", None, "FF0000", "max", None, "00FF00"))
    sheet.conditional_formatting.add(rows, DataBarRule("min", None, "max", None, "638EC6"))
    sheet.conditional_formatting.add("B4:B12", IconSetRule("3Arrows", "percent", [0, 33, 67]))
    validation = DataValidation("list", formula1='"a,b"', allow_blank=True)
    validation.add("C4:C12")
    sheet.add_data_validation(validation)
    sheet["A4"].font = Font(bold=True, color="FF0000")
    sheet["A5"].border = Border(left=Side("thin"), bottom=Side("double", color="00FF00"))
    sheet["A6"].number_format = '0.00" m"'
    sheet["A7"].protection = Protection(locked=False)
    sheet["D7"].style = "Good"
    sheet["D8"].style = NamedStyle("mine", font=Font(italic=True))
    for row in range(4, 13):
        sheet.cell(row, 6).fill = PatternFill("lightGrid", fgColor="0000FF")


def settings(sheet):
    sheet.freeze_panes = "B4"
    sheet.auto_filter.ref = "A3:C12"
    sheet.auto_filter.add_filter_column(0, ["1"])
    sheet.merge_cells("A1:D1")
    sheet.print_title_rows = "1:3"
    sheet.print_area = "A1:D12"
    sheet.oddHeader.left.text = "left"
    sheet.oddFooter.center.text = "Page &P"
    sheet.page_setup.orientation = "landscape"
    sheet.column_dimensions["B"].width = 31
    sheet.column_dimensions.group("G", "J", hidden=True)
    sheet.row_dimensions[5].height = 40
    sheet.row_dimensions[6].hidden = True
    sheet.row_dimensions.group(8, 10)
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.zoomScale = 85
    sheet.sheet_properties.tabColor = "1072BA"
    sheet.protection.sheet = True


def everything(path):
    """A workbook with whatever openpyxl can make."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"] = "Title"
    for column, text in enumerate(("Number", "Text", "Choice"), 1):
        sheet.cell(3, column, text)
    for row in range(4, 13):
        sheet.cell(row, 1, row)
        sheet.cell(row, 2, f"text {row}")
        sheet.cell(row, 4, f"=A{row}*2")
        sheet.cell(row, 5, date(2024, 1, row))
    sheet["B4"].hyperlink = "https://example.org"
    sheet["B5"].comment = Comment("note", "me")
    formatted(sheet)
    settings(sheet)
    other = book.create_sheet("Other sheet")
    other.append(["K", "V"])
    other.append(["a", 1])
    table = Table(displayName="T", ref="A1:B2")
    table.tableStyleInfo = TableStyleInfo("TableStyleMedium9", showRowStripes=True)
    other.add_table(table)
    book.create_sheet("hidden").sheet_state = "hidden"
    charts(sheet)
    pie = PieChart()
    pie.add_data(Reference(sheet, min_col=1, min_row=4, max_row=8))
    book.create_chartsheet("Chart").add_chart(pie)
    book.defined_names["one"] = DefinedName("one", attr_text="'Other sheet'!$A$1")
    book.properties.creator, book.properties.keywords = "a person", "words"
    book.save(path)
    return path


def test_workbook_made_by_openpyxl_loses_nothing(inspect, tmp_path):
    """Charts, tables, formats, validations, comments, names and settings that openpyxl wrote: no false alarm."""
    assert inspect(everything(tmp_path / "book.xlsx")) == []


def test_picture_without_a_way_to_keep_it_is_told(inspect, tmp_path):
    """A picture is kept if pillow is there; if it is not, the loss is told together with the remedy."""
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
        "53de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
    )
    (tmp_path / "dot.png").write_bytes(png)
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        book.add_worksheet().insert_image("B2", tmp_path / "dot.png")
    try:
        import PIL  # noqa: F401

        expected = []
    except ImportError:
        expected = ["1 picture (xl/drawings/drawing1.xml; openpyxl keeps pictures if pillow is installed)"]

    assert [loss.what for loss in inspect(tmp_path / "book.xlsx")] == expected


def written(path, fill):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row in range(5):
            sheet.write(row, 0, row + 1)
        fill(book, sheet)
    return path


LOSSES = {
    "1 shape or text box (xl/drawings/drawing1.xml)": lambda _, sheet: sheet.insert_textbox("C3", "text"),
    "2 shapes or text boxes (xl/drawings/drawing1.xml)": lambda _, sheet: (
        sheet.insert_textbox("C3", "text"),
        sheet.insert_textbox("C13", "text"),
    ),
    "1 sparkline (xl/worksheets/sheet1.xml)": lambda _, sheet: sheet.add_sparkline("B1", {"range": "Sheet1!A1:A5"}),
    "1 text with several formats (xl/sharedStrings.xml)": lambda book, sheet: sheet.write_rich_string(
        "B2", "plain ", book.add_format({"bold": True}), "bold"
    ),
    "1 conditional format of Excel 2010 or later (xl/worksheets/sheet1.xml)": lambda _, sheet: sheet.conditional_format(
        "A1:A5", {"type": "data_bar", "data_bar_2010": True}
    ),
    "1 form control (xl/drawings/vmlDrawing1.vml)": lambda _, sheet: sheet.insert_button("C3", {"caption": "Go"}),
    "1 dynamic array formula (xl/worksheets/sheet1.xml)": lambda _, sheet: sheet.write_dynamic_array_formula(
        "B1:B3", "=SORT(A1:A3)"
    ),
    "the size of 1 comment's box (xl/drawings/vmlDrawing1.vml)": lambda _, sheet: sheet.write_comment(
        "A1", "text", {"width": 300}
    ),
    "1 comment that is always shown (xl/drawings/vmlDrawing1.vml)": lambda _, sheet: sheet.write_comment(
        "A1", "text", {"visible": True}
    ),
    "1 range without error marks (xl/worksheets/sheet1.xml)": lambda _, sheet: sheet.ignore_errors(
        {"number_stored_as_text": "A1:A5"}
    ),
}


@pytest.mark.parametrize("what", LOSSES)
def test_loss_is_told_with_how_many_and_where(inspect, tmp_path, what):
    """What openpyxl does not know is named as a person calls it."""
    path = written(tmp_path / "book.xlsx", LOSSES[what])
    before = path.read_bytes()

    losses = inspect(path)

    assert what in [loss.what for loss in losses if not loss.remade]
    assert len([loss for loss in losses if not loss.remade]) == 1
    assert path.read_bytes() == before


def test_plain_workbook_of_another_program_loses_nothing(inspect, tmp_path):
    """Shared strings, formats, widths, charts, tables, notes and filters of another writer: no false alarm."""

    def fill(book, sheet):
        sheet.write("B1", "text", book.add_format({"bold": True, "bg_color": "#FFC7CE", "text_wrap": True}))
        sheet.write("B2", "text")
        sheet.write_url("B3", "https://example.org", string="there")
        sheet.write_comment("B4", "note")
        sheet.set_column("C:D", 30)
        sheet.set_row(4, 33)
        sheet.merge_range("E1:F2", "merged", book.add_format({"border": 1}))
        sheet.freeze_panes(1, 0)
        sheet.autofilter("A1:B5")
        sheet.data_validation("C1", {"validate": "list", "source": ["a", "b"]})
        sheet.conditional_format("A1:A5", {"type": "3_color_scale"})
        sheet.add_table("H1:I3", {"data": [[1, 2], [3, 4]]})
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=Sheet1!$A$1:$A$5", "name": "s"})
        chart.set_title({"name": "Title"})
        sheet.insert_chart("K3", chart)
        sheet.set_footer("&CPage &P")
        sheet.repeat_rows(0)
        book.define_name("one", "=Sheet1!$A$1")

    assert inspect(written(tmp_path / "book.xlsx", fill)) == []


def test_what_excel_makes_again_is_marked_so(inspect, tmp_path):
    """Calculated values are a warning: Excel makes them again on opening."""
    path = written(tmp_path / "book.xlsx", lambda _, sheet: sheet.write_formula("B1", "=A1*2", None, 2))

    losses = inspect(path)

    assert [(loss.what, loss.remade) for loss in losses] == [
        ("the calculated value of 1 formula (xl/worksheets/sheet1.xml)", True)
    ]


def changed(source, target, edit):
    """A copy of a workbook with `edit` applied to its parts."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    edit(parts)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target


def test_unknown_part_and_unknown_element_are_told_by_their_names(inspect, tmp_path):
    """Nothing has to be on a list to be found: a part and an element of the future are told."""

    def edit(parts):
        types = parts["[Content_Types].xml"].decode()
        override = '<Override PartName="/xl/future.xml" ContentType="application/vnd.future+xml"/></Types>'
        parts["[Content_Types].xml"] = types.replace("</Types>", override).encode()
        parts["xl/future.xml"] = b"<future/>"
        sheet = parts["xl/worksheets/sheet1.xml"].decode()
        parts["xl/worksheets/sheet1.xml"] = sheet.replace(
            "</worksheet>", '<extLst><ext uri="{1}"><new xmlns="urn:new"/></ext></extLst></worksheet>'
        ).encode()

    plain = written(tmp_path / "plain.xlsx", lambda *_: None)

    told = " | ".join(loss.what for loss in inspect(changed(plain, tmp_path / "book.xlsx", edit)))

    assert "future (xl/future.xml)" in told
    assert "details of sheets: new (xl/worksheets/sheet1.xml)" in told


def test_what_openpyxl_adds_to_an_empty_cell_is_told(inspect, tmp_path):
    """An empty cell with a link would come back with the address as its text."""
    book = openpyxl.Workbook()
    book.active["B2"].hyperlink = "https://example.org"
    book.active["B2"].value = ""
    book.save(tmp_path / "book.xlsx")

    (loss,) = inspect(tmp_path / "book.xlsx")

    assert loss.what == "the emptiness of 1 cell with a link (xl/worksheets/sheet1.xml)"


def test_printer_settings_are_told_as_parts(inspect, tmp_path):
    """Printer settings are counted by their parts."""

    def edit(parts):
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.printerSettings"
        default = f'<Default Extension="bin" ContentType="{kind}"/><Override'
        parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"<Override", default.encode(), 1)
        parts["xl/printerSettings/printerSettings1.bin"] = b"\x00\x01"

    plain = written(tmp_path / "plain.xlsx", lambda *_: None)

    assert [loss.what for loss in inspect(changed(plain, tmp_path / "book.xlsx", edit))] == [
        "printer settings (1 part)"
    ]


def test_strict_workbook_is_refused(inspect, tmp_path):
    """A Strict workbook, in which openpyxl finds no sheet, is an error with the way out and no empty result."""

    def edit(parts):
        new = b"http://purl.oclc.org/ooxml/"
        for name, content in parts.items():
            content = content.replace(b"http://schemas.openxmlformats.org/spreadsheetml/2006/", new + b"spreadsheetml/")
            content = content.replace(
                b"http://schemas.openxmlformats.org/officeDocument/2006/", new + b"officeDocument/"
            )
            parts[name] = content

    plain = written(tmp_path / "plain.xlsx", lambda *_: None)

    with pytest.raises(WorkbookError) as caught:
        inspect(changed(plain, tmp_path / "strict.xlsx", edit))

    assert "Strict" in str(caught.value)


def test_inspection_leaves_nothing_behind(inspect, tmp_path, monkeypatch):
    """The copy that is compared lies in a private folder, which goes."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()

    inspect(everything(tmp_path / "book.xlsx"))

    assert list((tmp_path / "t").iterdir()) == []


def test_inspection_of_the_example_is_quick(inspect):
    """The 486-row example is inspected in half a second, and loses nothing."""
    example = Path(__file__).parents[2] / "examples" / "packages-486.xlsx"
    inspect(example)

    started = time.process_time()
    losses = inspect(example)
    seconds = time.process_time() - started

    assert [loss for loss in losses if not loss.remade] == []
    assert seconds < 0.5


@pytest.mark.skipif(DATA is None, reason="IHACPA_TEST_DATA is not set")
def test_files_made_by_excel(inspect, tmp_path):
    """Of Excel's own files, those with shapes, rich text, controls or header pictures are told; plain ones are not."""
    told = {}
    with zipfile.ZipFile(Path(DATA) / "excel-files.zip") as files, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for name in files.namelist():
            if re.match(
                r"(textbox|rich_string|header_image|button|checkbox|background|simple|cond_format|escapes|types)", name
            ):
                path = Path(files.extract(name, tmp_path))
                told[name] = [loss.what for loss in inspect(path) if not loss.remade]
    shutil.rmtree(tmp_path, ignore_errors=True)

    def of(kind):
        return [losses for name, losses in told.items() if name.startswith(kind)]

    assert all(any("shape" in what for what in losses) for losses in of("textbox"))
    assert all(any("several formats" in what for what in losses) for losses in of("rich_string"))
    assert all(
        any("headers or footers" in w or "header or footer" in w for w in losses) for losses in of("header_image")
    )
    assert all(of("checkbox"))
    assert any(of("background"))
    for plain in ("simple", "cond_format", "escapes", "types"):
        assert of(plain) == [[]] * len(of(plain))
