from __future__ import annotations

import io
import time
from datetime import date, datetime

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from wb_parts import MAIN

from ihacpa_core.errors import WorkbookError
from ihacpa_core.workbook.formats import date_kind, to_date
from ihacpa_core.workbook.sheet_reader import CellContent, iter_rows, parse_number, read_cells
from ihacpa_core.workbook.strings import unescape


def cells_of(source, sheet=None) -> dict[str, CellContent]:
    return {f"{letter}{row.number}": cell for row in iter_rows(source, sheet) for letter, cell in row.cells.items()}


def values_of(source, sheet=None) -> dict[str, object]:
    return {ref: cell.value for ref, cell in cells_of(source, sheet).items()}


def test_every_kind_of_value_is_read(make_book):
    """Shared, inline and formula texts, numbers, truth values and errors come as what they are."""
    path = make_book(
        '<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" t="inlineStr"><is><t> two </t></is></c>'
        '<c r="C2"><v>3</v></c><c r="D2"><v>-4</v></c><c r="E2"><v>5.5</v></c><c r="F2"><v>1E+20</v></c>'
        '<c r="G2" t="b"><v>1</v></c><c r="H2" t="b"><v>0</v></c><c r="I2" t="e"><v>#N/A</v></c>'
        '<c r="J2" t="str"><f>B2&amp;"x"</f><v>twox</v></c><c r="K2" t="d"><v>2024-05-06T07:08:09</v></c>'
        '<c r="L2" s="0"/><c r="M2" t="s"/><c r="N2"><v/></c></row>'
    )

    assert values_of(path) == {
        "A2": "one", "B2": " two ", "C2": 3, "D2": -4, "E2": 5.5, "F2": 1e20, "G2": True, "H2": False, "I2": "#N/A",
        "J2": "twox", "K2": datetime(2024, 5, 6, 7, 8, 9),
    }  # fmt: skip
    assert cells_of(path)["J2"].formula == '=B2&"x"'
    assert type(values_of(path)["C2"]) is int


def test_rich_text_is_joined_and_phonetic_hints_are_dropped(make_book):
    """What a person sees in the cell is what is read, in shared and in inline strings."""
    rich = "<r><t>東</t></r><r><rPr><b/></rPr><t>京</t></r><rPh sb='0' eb='1'><t>トウ</t></rPh><phoneticPr fontId='1'/>"
    path = make_book(
        f'<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is>{rich}</is></c></row>',
        {"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si>{rich}</si></sst>'},
    )

    assert values_of(path) == {"A1": "東京", "B1": "東京"}


def test_rows_and_cells_without_a_reference_are_counted(make_book):
    """A row or cell that does not say where it is stands after the one before it."""
    path = make_book(
        "<row><c><v>1</v></c><c><v>2</v></c></row><row r='5'><c r='C5'><v>3</v></c><c><v>4</v></c></row>"
        "<row><c><v>5</v></c></row>"
    )

    assert values_of(path) == {"A1": 1, "B1": 2, "C5": 3, "D5": 4, "A6": 5}


def test_any_prefix_and_the_strict_namespace_are_read(make_book):
    """The names of elements count, not how a program shortens them."""
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    sheet = (
        f'<x:worksheet xmlns:x="{strict}"><x:sheetData><x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )

    assert values_of(make_book("", {"xl/worksheets/sheet1.xml": sheet})) == {"A1": 1}


def test_utf_16_and_pretty_printed_parts_are_read(make_book):
    """Neither the encoding of a part nor white space between its elements changes what is read."""
    sheet = (
        f'<?xml version="1.0" encoding="UTF-16"?>\n<worksheet xmlns="{MAIN}">\n <sheetData>\n  <row r="1">\n'
        '   <c r="A1">\n    <f>1+1</f>\n    <v>2</v>\n </c>\n <c r="B1" t="inlineStr">\n<is>\n<t>ä</t>\n</is>\n</c>\n'
        "  </row>\n </sheetData>\n</worksheet>"
    )

    cells = cells_of(make_book("", {"xl/worksheets/sheet1.xml": sheet.encode("utf-16")}))

    assert cells == {"A1": CellContent(2, "=1+1"), "B1": CellContent("ä")}


def test_a_cell_that_shares_a_formula_is_marked(make_book):
    """Cells of a shared formula have the text of the first; array formulas and data tables hold a formula too."""
    path = make_book(
        '<row r="1"><c r="A1"><f t="shared" ref="A1:A2" si="0">B1*2</f><v>2</v></c></row>'
        '<row r="2"><c r="A2"><f t="shared" si="0"/><v>4</v></c><c r="B2"><f t="shared" si="9"/></c>'
        '<c r="C2"><f t="array" ref="C2">SUM(A1:A2)</f><v>6</v></c>'
        '<c r="D2"><f t="dataTable" ref="D2"/><v>1</v></c></row>'
    )

    assert {ref: cell.formula for ref, cell in cells_of(path).items()} == {
        "A1": "=B1*2", "A2": "=B1*2", "B2": "=", "C2": "=SUM(A1:A2)", "D2": "=",
    }  # fmt: skip
    assert cells_of(path)["B2"].value is None


def test_the_dimension_that_a_sheet_claims_is_not_believed(make_book):
    """All rows are read, whatever the part says of its size."""
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(1, 1002))
    sheet = f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData>{rows}</sheetData></worksheet>'

    assert len(values_of(make_book("", {"xl/worksheets/sheet1.xml": sheet}))) == 1001


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ('<row r="3"><c r="B3" t="s"><v>2</v></c></row>', "cell B3 asks for shared text '2', and there are 2"),
        ('<row r="3"><c r="B3" t="s"><v>-1</v></c></row>', "cell B3 asks for shared text '-1'"),
        ('<row r="3"><c r="B3" t="s"><v>x</v></c></row>', "cell B3 asks for shared text 'x'"),
        ('<row r="99999999999"><c><v>1</v></c></row>', "row 99999999999"),
        ('<row r="99999999999999999999999"/>', "a row is numbered"),
        ('<row r="1048577"/>', "a sheet ends at row 1,048,576"),
        ('<row r="0"/>', "row 0"),
        ('<row r="x"/>', "a row is numbered 'x'"),
        ('<row r="5"/><row r="5"/>', "row 5 comes after row 5"),
        ('<row r="1"><c r="XFE1"><v>1</v></c></row>', "no column XFE"),
        ('<row r="1"><c r="XFD1"><v>1</v></c><c><v>2</v></c></row>', "no column 16385"),
        ('<row r="1"><c r="A2"><v>1</v></c></row>', "cell A2 stands in row 1"),
        ('<row r="1"><c r="?"><v>1</v></c></row>', "no cell reference"),
        ('<row r="1"><c r="A1"><v>abc</v></c></row>', "cell A1 holds 'abc' where a number should be"),
        ('<row r="1"><c r="A1"><v>1e999</v></c></row>', "cell A1 holds '1e999'"),
        ('<row r="1"><c r="A1"><v>1</v></row>', "not well-formed"),
    ],
)
def test_a_damaged_sheet_says_where(make_book, rows, says):
    """What cannot be right in a sheet is an error that names the cell or row."""
    path = make_book(rows)
    before = path.read_bytes()

    with pytest.raises(WorkbookError) as caught:
        values_of(path)

    assert says in str(caught.value)
    assert "book.xlsx is damaged" in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("plain _x", "plain _x"), ("_x0041_", "A"), ("_x005F_x0041_", "_x0041_"), ("a_x000D_\nb", "a\r\nb"),
        ("_xD83D__xDE00_", "😀"), ("_xD83D_", "\ufffd"), ("_xZZZZ_", "_xZZZZ_"), ("_x004_", "_x004_"),
    ],
)  # fmt: skip
def test_escaped_characters_are_decoded_once(text, means):
    """What Excel wrote as _xHHHH_ is that character, and an escaped underscore begins no other escape."""
    assert unescape(text) == means


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("yyyy-mm-dd", "date"), ("d.m.yy", "date"), ("mmm", "date"), ("mm", "date"), ("[$-409]d-mmm-yy;@", "date"),
        ('yyyy"年"m"月"d"日"', "date"), ("yyyy-mm-dd hh:mm:ss", "datetime"), ("d/m/yy h:mm AM/PM", "datetime"),
        ("General", ""), ("0.00", ""), ("#,##0.00", ""), ("0.00E+00", ""), ("[Red]0", ""), ('0 "days"', ""),
        ("h:mm", ""), ("mm:ss", ""), ("[h]:mm:ss", ""), ("h:mm AM/PM", ""), ("@", ""), (r"0\d", ""), ("0_d", ""),
        ("", ""), ("0;yyyy", ""), ("#" * 5000 + "y", ""),
    ],
)  # fmt: skip
def test_formats_that_show_a_date_are_told_from_others(code, kind):
    """A date is what shows a year, month or day; times, durations and quoted letters are none."""
    assert date_kind(code) == kind


@pytest.mark.parametrize(
    ("serial", "date1904", "means"),
    [
        (1, False, date(1900, 1, 1)), (59, False, date(1900, 2, 28)), (60, False, "1900-02-29"),
        (61, False, date(1900, 3, 1)), (45000, False, date(2023, 3, 15)), (2958465, False, date(9999, 12, 31)),
        (45000.75, False, datetime(2023, 3, 15, 18)), (0, False, 0), (-1, False, -1), (0.5, False, 0.5),
        (2958466, False, 2958466), (2958465.999999999, False, 2958465.999999999), (1e300, False, 1e300),
        (0, True, date(1904, 1, 1)), (43538, True, date(2023, 3, 15)), (2958465, True, 2958465),
    ],
)  # fmt: skip
def test_serial_numbers_mean_the_days_that_excel_shows(serial, date1904, means):
    """Both calendars, the day in 1900 that never was, and numbers that are no day."""
    assert to_date(serial, clock=False, date1904=date1904) == means


def test_a_date_with_a_clock_is_a_time_at_midnight():
    """A format that shows a time makes a whole number a moment, not a day."""
    assert to_date(45000, clock=True, date1904=False) == datetime(2023, 3, 15)


@pytest.mark.parametrize("date1904", [False, True])
def test_dates_are_told_by_their_format(tmp_path, date1904):
    """Built-in and custom formats, in workbooks of either calendar."""
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path, {"date_1904": date1904})
    sheet = book.add_worksheet()
    for column, (code, value) in enumerate(
        [(14, date(2024, 2, 29)), ("dd/mm/yy", date(1905, 1, 1)), (22, datetime(2024, 2, 29, 13, 5, 7))]
    ):
        sheet.write_datetime(0, column, value, book.add_format({"num_format": code}))
    sheet.write_number(1, 0, 0.5, book.add_format({"num_format": "h:mm"}))
    book.close()

    assert values_of(path) == {
        "A1": date(2024, 2, 29), "B1": date(1905, 1, 1), "C1": datetime(2024, 2, 29, 13, 5, 7), "A2": 0.5,
    }  # fmt: skip


@given(st.text(max_size=30) | st.integers().map(str) | st.floats().map(repr))
def test_no_text_breaks_the_number_parser(text):
    """Any text is a finite number or none."""
    number = parse_number(text)

    assert number is None or float("-inf") < number < float("inf")


def test_wanted_cells_are_found_in_a_file_object(make_book):
    """A backend's output is checked through the open file, cell by cell; an empty cell is not in the answer."""
    data = make_book(
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="4"><c r="B4" t="s"><v>0</v></c><c r="C4"><v>9</v></c></row>'
    ).read_bytes()
    stream = io.BytesIO(data)

    assert read_cells(stream, "S", {"B4", "A1", "ZZ4", "A3"}) == {"A1": CellContent(1), "B4": CellContent("zero")}
    assert not stream.closed


def test_reading_can_stop_early(make_book):
    """Who takes the first rows reads no further than a piece of the part, whatever comes later."""
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(1, 5000))
    path = make_book(rows + '<row r="5000"><c r="A5000" t="s"><v>99</v></c></row>')

    assert read_cells(path, None, {"A3"}) == {"A3": CellContent(3)}
    with pytest.raises(WorkbookError, match="shared text '99'"):
        read_cells(path, None, {"A3", "A5000"})


values = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\ufffe\uffff", min_codepoint=32), max_size=40),
    st.integers(-(10**15), 10**15),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300).map(lambda x: x or 0.0),
    st.booleans(),
)
refs = st.tuples(st.integers(0, 60), st.integers(0, 800))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(refs, values, max_size=25), st.booleans())
def test_what_xlsxwriter_wrote_is_read(cells, constant_memory):
    """Any sheet of texts, numbers and truth values reads as it was written, with shared and with inline strings."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "constant_memory": constant_memory})
    sheet = book.add_worksheet()
    for (row, column), value in sorted(cells.items()):
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, str):
            sheet.write_string(row, column, value)
        else:
            sheet.write_number(row, column, value)
    book.close()

    found = values_of(target)

    wanted = {f"{xlsxwriter.utility.xl_rowcol_to_cell(*at)}": value for at, value in cells.items() if value != ""}
    assert {ref: value for ref, value in found.items() if value != ""} == {
        ref: pytest.approx(value, rel=1e-14) if isinstance(value, int | float) else value
        for ref, value in wanted.items()
    }


def test_the_founding_size_is_read_in_a_blink(tmp_path):
    """486 rows of 23 columns take some 50 ms; the bound is wide, for a busy machine."""
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    for row in range(486):
        for column in range(23):
            sheet.write(row, column, f"a text of row {row} and column {column} " + "x" * 60)
    book.close()

    times = []
    for _ in range(3):
        start = time.process_time()
        assert sum(len(row.cells) for row in iter_rows(path)) == 486 * 23
        times.append(time.process_time() - start)

    assert min(times) < 0.3
