from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
from wb_parts import MAIN, PACKAGE, RELS

from ihacpa_core.errors import WorkbookError
from ihacpa_core.workbook import package as package_module
from ihacpa_core.workbook.book import Book, read_book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.sheet_reader import iter_rows


def book_of(path: Path) -> Book:
    with Package(path) as package:
        return read_book(package)


def book_xml(sheets: str, more: str = "") -> dict[str, str]:
    return {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELS}">{more}<sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="r1" Type="{RELS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{RELS}/worksheet" Target="/xl/worksheets/sheet1.xml"/>'
        f'<Relationship Id="r3" Type="{RELS}/chartsheet" Target="../xl/worksheets/sheet1.xml"/>'
        f'<Relationship Id="r4" Type="{RELS}/worksheet" Target="worksheets/none.xml"/></Relationships>',
    }


THREE = """
<sheet name="One" r:id="r1"/><sheet name="Chart" r:id="r3"/><sheet name="Two &amp; more" state="hidden" r:id="r2"/>
"""


def test_sheets_are_found_through_relationships(make_book):
    """Relative and absolute targets lead to the parts; kinds and hidden sheets are told."""
    book = book_of(make_book("", book_xml(THREE)))

    assert [(sheet.name, sheet.kind, sheet.visible) for sheet in book.sheets] == [
        ("One", "worksheet", True), ("Chart", "chartsheet", True), ("Two & more", "worksheet", False),
    ]  # fmt: skip
    assert {sheet.part for sheet in book.sheets} == {"xl/worksheets/sheet1.xml"}


@pytest.mark.parametrize(
    ("tab", "name"), [("0", "One"), ("1", "One"), ("2", "Two & more"), ("7", "One"), ("x", "One"), ("-1", "One")]
)
def test_the_active_sheet_is_the_default(make_book, tab, name):
    """The sheet that opens is taken; where that is a chart or nothing, the first worksheet."""
    views = f'<bookViews><workbookView activeTab="{tab}"/></bookViews>'

    assert book_of(make_book("", book_xml(THREE, views))).sheet().name == name


def test_a_sheet_is_found_without_regard_to_case(make_book):
    """Excel's sheet names have no case either."""
    assert book_of(make_book("", book_xml(THREE))).sheet("two & MORE").name == "Two & more"


def test_an_unknown_sheet_brings_the_names_that_there_are(make_book):
    """The message lists the worksheets and guesses which one was meant; a chart is none."""
    book = book_of(make_book("", book_xml(THREE)))

    with pytest.raises(WorkbookError) as caught:
        book.sheet("Tow & more")

    assert 'has no sheet "Tow & more": it has "One", "Two & more"' in str(caught.value)
    assert 'did you mean "Two & more"?' in caught.value.hint


def test_the_strict_form_is_read(make_book):
    """Workbooks saved as Strict Open XML have other namespaces and nothing else."""
    strict = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    changes = {
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r" Type="{strict}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<w:workbook xmlns:w="http://purl.oclc.org/ooxml/spreadsheetml/main" '
        f'xmlns:q="{strict}"><w:sheets><w:sheet name="S" q:id="r1"/></w:sheets></w:workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" '
        f'Type="{strict}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    }

    rows = list(iter_rows(make_book("<row><c><v>1</v></c></row>", changes)))

    assert len(rows) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"xl/worksheets/sheet1.xml": None}, 'the part of its sheet "S" is missing'),
        ({"xl/sharedStrings.xml": None}, "its part xl/sharedStrings.xml is missing"),
        ({"xl/_rels/workbook.xml.rels": None}, 'the part of its sheet "S" is missing'),
        ({"xl/workbook.xml": None}, "is not an Excel workbook"),
        ({"xl/workbook.xml": "<workbook"}, "not well-formed"),
        ({"xl/workbook.xml": f'<workbook xmlns="{MAIN}"/>'}, "has no worksheet"),
        ({"XL/WORKBOOK.XML": "x"}, "two of its parts are called"),
        ({"_rels/.rels": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}, "has a DOCTYPE"),
    ],
)
def test_missing_and_doubtful_parts_are_named(make_book, changes, says):
    """What a workbook names and does not have is an error before anything is read from it."""
    with pytest.raises(WorkbookError, match=says):
        list(iter_rows(make_book("", changes)))


def test_a_workbook_without_root_relationships_is_read(make_book):
    """Some programs leave them out; xl/workbook.xml is where it always is."""
    assert book_of(make_book("", {"_rels/.rels": None})).sheet().name == "S"


def test_part_names_are_compared_as_excel_does(make_book):
    """Neither case nor backslashes nor a leading slash keep a part from being found."""
    path = make_book(
        "", {"xl/worksheets/sheet1.xml": None, "/XL\\Worksheets\\SHEET1.xml": f'<worksheet xmlns="{MAIN}"/>'}
    )

    assert list(iter_rows(path)) == []


def test_a_flipped_bit_names_the_part(make_book):
    """Damage inside a part is found by its checksum or by what does not unpack."""
    path = make_book('<row r="1"><c r="A1"><v>1</v></c></row>' * 1)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as source:
        info = source.getinfo("xl/worksheets/sheet1.xml")
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0xFF
    path.write_bytes(data)

    with pytest.raises(WorkbookError, match=r"xl/worksheets/sheet1\.xml"):
        list(iter_rows(path))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_packing_is_refused(make_book, method):
    """Excel reads stored and deflated parts; the others unpack without a bound."""
    path = make_book("", {"xl/workbook.xml": None})
    with zipfile.ZipFile(path, "a", method) as target:
        target.writestr("xl/workbook.xml", "<a/>")

    with pytest.raises(WorkbookError, match="packed in a way"):
        list(iter_rows(path))


def test_an_encrypted_part_is_told(make_book):
    """A zip file with a password of its own is not taken for a damaged one."""
    path = make_book()
    data = bytearray(path.read_bytes())
    for at, offset in [(data.find(b"PK\x03\x04"), 6), (data.find(b"PK\x01\x02"), 8)]:
        data[at + offset] |= 1
    path.write_bytes(data)

    with pytest.raises(WorkbookError, match="is encrypted"):
        list(iter_rows(path))


def test_a_file_that_vanished_is_told(tmp_path):
    """An error of the system comes with its own words and no traceback."""
    with pytest.raises(WorkbookError, match="No such file"):
        Package(tmp_path / "none.xlsx")


def test_too_many_parts_are_refused(make_book, monkeypatch):
    """The number of parts is bounded."""
    monkeypatch.setattr(package_module, "MAX_MEMBERS", 4)

    with pytest.raises(WorkbookError, match="6 parts, more than 4"):
        Package(make_book())


@pytest.mark.parametrize("zip64", [False, True])
def test_a_directory_that_would_fill_the_memory_is_refused_unread(tmp_path, zip64):
    """The size of the zip directory is looked at before the directory is."""
    path = tmp_path / "book.xlsx"
    size = 0xFFFFFFFF if zip64 else 100 << 20
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, 100 << 20, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, size, 0, 0)
    path.write_bytes(b"PK\x03\x04" + (end64 + locator if zip64 else b"") + end)

    with pytest.raises(WorkbookError, match="directory has 104,857,600 bytes"):
        Package(path)


def test_the_total_that_is_read_is_bounded(make_book, monkeypatch):
    """Reading part after part ends at the bound, too."""
    monkeypatch.setattr(package_module, "MAX_TOTAL", 1000)

    with pytest.raises(WorkbookError, match="too large to be read safely"):
        list(iter_rows(make_book("<row><c><v>1</v></c></row>" * 99)))
