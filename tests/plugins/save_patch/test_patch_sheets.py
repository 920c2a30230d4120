"""Sheets as other programs write them: each is changed rightly, or refused in words before anything is written."""

from __future__ import annotations

from datetime import date, datetime
from xml.etree import ElementTree

import patch_books as books
import patch_checks as checks
import pytest
from ihacpa_plugins.save.patch import PatchBackend

from ihacpa_core import Cell, WorkbookError

ROW = '<row r="1"><c r="A1"><v>1</v></c><c r="C1" t="str"><v>three</v></c></row>'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.xlsx"


def values(path):
    return {ref: content.value for ref, content in checks.seen_by_core(path, "Data").items()}


def text(path):
    return checks.part(path, books.SHEET).decode()


def test_new_cells_stand_in_their_order(path):
    """New rows and cells are put between those that are there, spans and dimension follow."""
    rows = '<row r="2" spans="2:3"><c r="B2"><v>1</v></c></row><row r="5" ht="30" customHeight="1"/><row r="9"/>'
    books.write(path, books.sheet(rows, before='<dimension ref="B2:C9"/>'))
    written = {"C2": 1, "A2": 2, "E5": "new", "A7": 3, "A1": 4, "Z12": 5, "AA12": 6, "B9": 7}
    checks.save(path, "Data", written)

    assert values(path) == {**written, "B2": 1}
    checks.assert_sheet_is_in_order(checks.part(path, books.SHEET))
    assert '<dimension ref="A1:AA12"/>' in text(path)
    assert '<row r="2" spans="1:3">' in text(path)
    assert '<row r="5" ht="30" customHeight="1"><c r="E5"' in text(path)


@pytest.mark.parametrize("empty", ["", "<row r='3'/>"])
def test_a_sheet_without_cells(path, empty):
    """A sheet that is empty, or has an empty row, takes cells; so does one without even an end tag for its rows."""
    for xml in (books.sheet(empty), books.sheet("").replace("<sheetData></sheetData>", "<sheetData />")):
        books.write(path, xml)
        checks.save(path, "Data", {"B3": "text", "A1": 1})

        assert values(path) == {"B3": "text", "A1": 1}


def test_rows_and_cells_without_numbers(path):
    """Rows and cells that do not say where they stand are counted, as the standard has it."""
    rows = (
        "<row><c><v>1</v></c><c><v>2</v></c><c r='E1'><v>5</v></c><c><v>6</v></c></row>"
        "<row><c><v>21</v></c></row><row r='7'><c><v>71</v></c></row><row><c s='2'><v>81</v></c></row>"
    )
    books.write(path, books.sheet(rows))
    checks.save(path, "Data", {"B1": "b", "C1": "c", "F1": "f", "A2": "a2", "B2": "b2", "A4": "new", "A8": 8, "A9": 9})

    assert values(path) == {
        "A1": 1, "B1": "b", "C1": "c", "E1": 5, "F1": "f", "A2": "a2", "B2": "b2", "A4": "new", "A7": 71, "A8": 8,
        "A9": 9,
    }  # fmt: skip


def test_a_prefix_for_everything(path):
    """A sheet and styles whose elements all have a prefix."""
    xml = books.sheet(ROW, before='<dimension ref="A1"/>').replace("xmlns=", "xmlns:x=")
    for tag in ("worksheet", "dimension", "sheetData", "row", "c", "v"):
        xml = xml.replace(f"<{tag}", f"<x:{tag}").replace(f"</{tag}", f"</x:{tag}")
    xml = xml.replace("<x:x:", "<x:").replace("<x:cols", "<cols")
    styles = books.STYLES.replace("xmlns=", "xmlns:y=").replace("</", "</y:")
    styles = styles.replace("<", "<y:").replace("<y:/y:", "</y:")
    books.write(path, xml, styles=styles)
    checks.save(path, "Data", {"A1": Cell("x", "good", "https://example.org"), "B2": date(2025, 1, 2), "C1": None})

    assert values(path) == {"A1": "x", "B2": date(2025, 1, 2)}
    assert "<x:hyperlink " in text(path)
    for name in (books.SHEET, "xl/styles.xml"):
        ElementTree.fromstring(checks.part(path, name))
    assert b"<y:xf " in checks.part(path, "xl/styles.xml")


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks_and_utf16(path, coding):
    """Parts with a byte order mark or in UTF-16, with or without one, are read, and written in UTF-8."""
    xml = books.sheet('<row r="1"><c r="A1" t="str"><v>表😀</v></c></row>')
    declared = coding.removesuffix("-sig").removesuffix("-le").removesuffix("-be").upper()
    parts = {books.SHEET: xml.replace("UTF-8", declared).encode(coding), "xl/styles.xml": books.STYLES.encode(coding)}
    books.write(path, xml, parts=parts)
    checks.save(path, "Data", {"A2": Cell("é", "bad")})

    assert values(path) == {"A1": "表😀", "A2": "é"}


def test_another_encoding_is_refused(path):
    """A part in an encoding that no workbook has is refused."""
    books.write(path, books.sheet(ROW).replace("UTF-8", "ISO-8859-1"))

    with pytest.raises(WorkbookError, match="ISO-8859-1"):
        PatchBackend().open(path, "Data")


ODD = (
    "<!-- <row r='1'><c r='A1'/></row> </sheetData> -->\n"
    '<row r="1"><!-- a --><c r="A1" t="str"><v><![CDATA[</c><a&b]]>'
    "</v></c> <?pi </row>?><c r='C1'><v>3</v></c></row>\n <!-- b --><row r='4'>\n</row>\n"
)


def test_comments_cdata_and_instructions_stay(path):
    """Comments, CDATA and instructions among rows and cells stay, and what is in them is taken for nothing else."""
    books.write(path, books.sheet(ODD))
    checks.save(path, "Data", {"B1": "b", "C1": 33, "B4": 4, "A2": 2})

    assert values(path) == {"A1": "</c><a&b", "B1": "b", "C1": 33, "B4": 4, "A2": 2}
    for kept in ("<!-- <row r='1'><c r='A1'/></row> </sheetData> -->", "<?pi </row>?>", "<!-- a -->", "<!-- b -->"):
        assert kept in text(path)
    checks.save(path, "Data", {"A1": "again"})
    assert values(path)["A1"] == "again"


def test_unusual_attributes(path):
    """Single quotes, other orders of attributes, white space in tags, values with > in them."""
    rows = "<row  spans = '1:2'\n r='1' ><c t='str' r='A1' ><v>a > b</v></c\n><c cm='1' vm=\"2\" r=\"B1\" /></row >"
    books.write(path, books.sheet(rows))
    checks.save(path, "Data", {"A1": "new", "B1": 2, "C1": 3})

    assert values(path) == {"A1": "new", "B1": 2, "C1": 3}
    assert "cm=" not in text(path)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ('<row r="2"/><row r="1"/>', "row 1 comes after row 2"),
        ('<row r="x"/>', "tag like a row|numbered"),
        ('<row r="1048577"/>', "beyond the last row"),
        (
            '<mc:AlternateContent xmlns:mc="urn:mc"><mc:Choice><row r="1"/></mc:Choice></mc:AlternateContent>',
            "alternatives",
        ),
        (f'<row r="1" xmlns="{books.MAIN}"/>', "declares the namespace"),
        (f'<y:row xmlns:y="{books.MAIN}" r="1"/>', "declares the namespace"),
    ],
)
def test_disorder_among_rows_is_refused(path, rows, why):
    """Rows that are out of order, wrapped or renamed are refused on opening."""
    books.write(path, books.sheet(rows))

    with pytest.raises(WorkbookError, match=why):
        PatchBackend().open(path, "Data")


@pytest.mark.parametrize(
    "cells",
    [
        '<c r="B1"/><c r="A1"/>', '<c r="A2"/>', '<c r="??"/>', '<x><c r="A1"/></x>', '<c r="A1" s="no"/>', "text",
        '<c r="A1"><v>1</v>',
    ],
)  # fmt: skip
def test_disorder_among_cells_is_refused(path, cells):
    """A row that is to be changed and whose cells are not what a row has is refused, and nothing was written."""
    books.write(path, books.sheet(f'<row r="1">{cells}</row>'))
    before = path.read_bytes()

    with pytest.raises(WorkbookError, match=r"book\.xlsx"):
        checks.save(path, "Data", {"C1": 1})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "xml",
    [
        "<worksheet/>", "no xml", "", books.sheet(ROW)[:-20], books.sheet(ROW).replace("</sheetData>", ""),
        books.sheet(ROW).replace("<worksheet", "<!DOCTYPE x><worksheet"), f'<chartsheet xmlns="{books.MAIN}"/>',
        books.sheet(ROW, after="<open>"),
    ],
)  # fmt: skip
def test_what_is_no_worksheet_is_refused(path, xml):
    """A part that is cut short, not well-formed or something else is refused."""
    books.write(path, xml)

    with pytest.raises(WorkbookError, match=r"book\.xlsx"):
        PatchBackend().open(path, "Data")


def test_strict_workbooks(path):
    """A workbook in the strict form of the standard is written in it, links and styles included."""
    books.write(path, books.sheet(ROW, namespace=books.STRICT), strict=True)
    checks.save(path, "Data", {"A1": Cell("x", "good", "https://example.org/x"), "A2": date(2025, 1, 2)})

    assert values(path) == {"A1": "x", "A2": date(2025, 1, 2), "C1": "three"}
    relations = checks.part(path, "xl/worksheets/_rels/sheet1.xml.rels")
    assert f'Type="{books.STRICT_RELATIONS}/hyperlink"'.encode() in relations


def test_days_since_1904(path):
    """In a workbook that counts from 1904 a day is written as it is counted there, and one before is refused."""
    books.write(path, books.sheet(ROW))
    content = checks.part(path, "xl/workbook.xml").decode().replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    books.write(path, books.sheet(ROW), parts={"xl/workbook.xml": content})
    checks.save(path, "Data", {"A1": datetime(2024, 2, 29, 13, 37, 1), "A2": date(1904, 1, 2)})

    assert values(path) == {"A1": datetime(2024, 2, 29, 13, 37, 1), "A2": date(1904, 1, 2), "C1": "three"}
    with pytest.raises(WorkbookError, match="A3"):
        checks.save(path, "Data", {"A3": date(1903, 1, 1)})


def test_formats_of_rows_and_columns(path):
    """A new cell looks as its row says, else as its column says, and a new date is shown by that format."""
    rows = '<row r="1" s="2" customFormat="1"/><row r="2"><c r="A2"/></row>'
    books.write(path, books.sheet(rows, before='<cols><col min="3" max="5" width="9" style="1"/></cols>'))
    checks.save(path, "Data", {"D1": "row", "D2": date(2025, 1, 2), "E9": date(2025, 1, 2), "F2": "plain"})

    assert '<c r="D1" s="2"' in text(path)
    assert '<c r="D2" s="1"' in text(path)
    assert '<c r="E9" s="1"' in text(path)
    assert '<c r="F2" t="inlineStr"' in text(path)


def test_large_rows_and_growing_segments(path):
    """A sheet of many rows into which many more are put comes out whole, in order, from one session."""
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="str"><v>{"x" * 400} {n}</v></c></row>' for n in range(1, 3000, 3))
    books.write(path, books.sheet(rows))
    batches = [{f"B{n}": f"{'y' * 300} {n}" for n in range(start, 3200, 5)} for start in range(1, 6)]
    checks.save(path, "Data", *batches)

    found = values(path)
    assert {ref: value for ref, value in found.items() if ref[0] == "B"} == {
        k: v for b in batches for k, v in b.items()
    }
    assert len(found) == 1000 + 3199
    checks.assert_sheet_is_in_order(checks.part(path, books.SHEET))


def test_a_write_that_did_not_become_the_workbook_leaves_no_trace(path):
    """What was written and never confirmed, and is not asked for again, is not in the next file."""
    books.write(path, books.sheet(ROW, before='<dimension ref="A1:C1"/>'))
    session = PatchBackend().open(path, "Data")
    with path.with_name("lost").open("w+b") as lost, path.with_name("kept").open("w+b") as kept:
        session.write(lost, checks.updates({"Z99": Cell("lost", "bad", "https://example.org"), "A1": None}))
        session.write(kept, checks.updates({"B1": "kept"}))
    session.close()

    assert values(path.with_name("kept")) == {"A1": 1, "B1": "kept", "C1": "three"}
    assert b"Z99" not in checks.part(path.with_name("kept"), books.SHEET)
    assert b"hyperlink" not in checks.part(path.with_name("kept"), books.SHEET)
