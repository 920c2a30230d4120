"""A workbook with all that XlsxWriter can put into one: what is no changed cell is the same bytes afterwards."""

from __future__ import annotations

import re
import struct
import zlib
from datetime import date

import patch_checks as checks
import pytest
import xlsxwriter

from ihacpa_core import Cell


def picture():
    """A PNG file of one pixel."""

    def chunk(kind, data):
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    head = struct.pack(">2L5B", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b"")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "pixel.png").write_bytes(picture())
    book = xlsxwriter.Workbook(tmp_path / "book.xlsx")
    sheet, other = book.add_worksheet("Data"), book.add_worksheet("Other")
    bold, wrap = book.add_format({"bold": 1}), book.add_format({"text_wrap": 1, "border": 2})
    for row in range(2, 40):
        sheet.write_row(row, 0, [row, f"package-{row}", row / 7, "", f"text {row % 5}"], wrap)
        sheet.write_formula(row, 5, f"=A{row + 1}*2", None, row * 2)
        other.write(row, 0, f"other {row}")
    sheet.write_rich_string("H2", "plain ", bold, "bold", " plain")
    sheet.write_url("H3", "https://example.org/there", string="there")
    sheet.write_url("H4", "internal:Other!A1")
    sheet.write_comment("H5", "a remark")
    sheet.write_array_formula("J1:J3", "{=A3:A5*2}")
    sheet.write_dynamic_array_formula("L1:L3", "=SORT(A3:A5)")
    sheet.merge_range("H8:J9", "merged", wrap)
    sheet.add_table("N1:P5", {"columns": [{"header": "One"}, {"header": "Two"}, {"header": "Three"}]})
    sheet.add_sparkline("R3", {"range": "Data!A3:A30"})
    sheet.conditional_format("A3:A30", {"type": "data_bar", "data_bar_2010": True})
    sheet.conditional_format("C3:C30", {"type": "3_color_scale"})
    sheet.data_validation("D3:D30", {"validate": "list", "source": ["a", "b"]})
    sheet.autofilter("A2:F40")
    sheet.freeze_panes(2, 1)
    sheet.set_column("D:D", 20, bold)
    sheet.set_row(5, 40, wrap)
    sheet.set_header("&Lleft&Cmiddle")
    sheet.set_h_pagebreaks([20])
    sheet.print_area("A1:F40")
    sheet.insert_image("T2", str(tmp_path / "pixel.png"))
    sheet.insert_textbox("T8", "a text box")
    sheet.insert_checkbox("T1", True)
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=Data!$A$3:$A$30"})
    sheet.insert_chart("T12", chart)
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    book.define_name("Mine", "=Data!$A$3")
    book.set_custom_property("owner", "me")
    book.close()
    return tmp_path / "book.xlsx"


def without_rows(path):
    """The sheet's XML with its rows and links taken out: everything that is to stay."""
    text = checks.part(path, "xl/worksheets/sheet1.xml").decode()
    return re.sub(r"<hyperlinks>.*</hyperlinks>", "", re.sub(r"<sheetData>.*</sheetData>", "", text, flags=re.S))


def test_everything_else_stays(path):
    """Three saves of values of every kind; parts, rules, filters, remarks and pictures are as they were."""
    members, looks = checks.member_bytes(path), checks.seen_by_openpyxl(path, "Data")
    cells, frame = checks.seen_by_core(path, "Data"), without_rows(path)
    batches = [
        {"B5": Cell("SAFE", "good"), "C5": 1.5, "D5": date(2026, 1, 2), "E5": None, "Q3": True},
        {
            "B6": Cell("VULNERABLE", "bad", "https://example.org/b6"),
            "D6": "a",
            "H3": Cell("x", link="https://example.org/x"),
        },
        {
            "B41": Cell("new", "info"),
            "D41": "new",
            "O3": "in the table",
            "H2": "no longer rich",
            "B5": Cell("again", "warn"),
        },
    ]
    checks.save(path, "Data", *batches)
    written = {ref for batch in batches for ref in batch}

    checks.assert_other_members_stay(members, checks.member_bytes(path), part_name="xl/worksheets/sheet1.xml")
    after = checks.seen_by_core(path, "Data")
    assert {r: c for r, c in after.items() if r not in written} == {r: c for r, c in cells.items() if r not in written}
    seen = checks.seen_by_openpyxl(path, "Data")
    assert {r: c for r, c in seen.items() if r not in written} == {r: c for r, c in looks.items() if r not in written}
    assert without_rows(path).replace('ref="A1:T41"', 'ref="A1:T40"') == frame
    assert after["B41"].value == "new"
    assert after["F5"] == cells["F5"]
    checks.assert_sheet_is_in_order(checks.part(path, "xl/worksheets/sheet1.xml"))


def test_new_cells_of_a_column_look_like_it(path):
    """A cell that was not there takes the format of its row, else of its column."""
    checks.save(path, "Data", {"D60": "in a bold column", "M6": "in a row with borders"})

    text = checks.part(path, "xl/worksheets/sheet1.xml").decode()
    bold = re.search(r'<col min="4" max="4"[^>]* style="(\d+)"', text)[1]
    wrap = re.search(r'<row r="6"[^>]* s="(\d+)" customFormat="1"', text)[1]
    assert f'<c r="D60" s="{bold}"' in text
    assert f'<c r="M6" s="{wrap}"' in text
