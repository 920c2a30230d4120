"""What openpyxl is not given to load, and how it fails."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from ihacpa_plugins.save.openpyxl import bounds
from ihacpa_plugins.save.openpyxl.bounds import check_bounds

from ihacpa_core import WorkbookError

DATA = os.environ.get("IHACPA_TEST_DATA")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


@pytest.fixture
def book(tmp_path):
    """Writes a zip file of parts."""

    def write(parts):
        path = tmp_path / "book.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return path

    return write


def sheet(content):
    return f'<worksheet xmlns="{MAIN}">{content}</worksheet>'


@pytest.mark.parametrize(
    ("content", "objects"),
    [
        ("<sheetData><row><c><v>1</v></c><c/></row></sheetData>", 5),
        ('<mergeCells><mergeCell ref="B2:D5"/></mergeCells>', 15),
        ('<mergeCells><mergeCell ref="$B$2:$D$5"/></mergeCells>', 15),
        ('<hyperlinks><hyperlink ref="A1"/></hyperlinks>', 4),
        ('<hyperlinks><hyperlink ref="A1:A9"/></hyperlinks>', 12),
    ],
)
def test_what_is_counted(book, monkeypatch, content, objects):
    """Cells, rows and elements count one each, and each cell that a range covers; one fewer than allowed is refused."""
    path = book({"xl/worksheets/sheet1.xml": sheet(content)})

    monkeypatch.setattr(bounds, "MAX_OBJECTS", objects)
    check_bounds(path)
    monkeypatch.setattr(bounds, "MAX_OBJECTS", objects - 1)
    with pytest.raises(WorkbookError, match="too large for openpyxl"):
        check_bounds(path)


@pytest.mark.parametrize("ref", ["A:C", "1:9", "S!A1:B2", "A1:A１２", "x:y"])
def test_a_range_in_another_form_is_refused(book, ref):
    """openpyxl reads more forms of ranges than any program writes; those are not counted, and not loaded."""
    path = book({"xl/worksheets/sheet1.xml": sheet(f'<hyperlinks><hyperlink ref="{ref}"/></hyperlinks>')})

    with pytest.raises(WorkbookError, match="too large for openpyxl"):
        check_bounds(path)


@pytest.mark.parametrize("target", ["../comments1.xml", "/xl/comments1.xml", "/XL/Comments1.xml"])
def test_a_part_counts_for_each_reference(book, monkeypatch, target):
    """Two sheets that share a part load it twice."""
    relation = f'<Relationships><Relationship Target="{target}"/></Relationships>'
    parts = {"xl/comments1.xml": f"<comments>{'<a/>' * 50}</comments>"}
    parts |= {f"xl/worksheets/_rels/sheet{at}.xml.rels": relation for at in range(3)}
    monkeypatch.setattr(bounds, "MAX_OBJECTS", 150)

    with pytest.raises(WorkbookError, match="for some twice"):
        check_bounds(book(parts))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "windows-1251"])
def test_an_encoding_hides_nothing(book, encoding):
    """A part in an encoding that hides its tags from a search for them is counted like any other."""
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + sheet(
        '<mergeCells><mergeCell ref="A1:XFD9999"/></mergeCells>'
    )

    with pytest.raises(WorkbookError, match="too large for openpyxl"):
        check_bounds(book({"xl/worksheets/sheet1.xml": text.encode(encoding)}))


@pytest.mark.parametrize(
    "content",
    [
        '<a b="' + "x" * (3 << 20) + '"/>',
        "<a>" + "".join(f"<b{at}/>" for at in range(30_000)) + "</a>",
    ],
)
def test_what_fills_the_parser_is_refused(book, content):
    """A tag of megabytes, or tens of thousands of names, would stay in the parser's memory."""
    with pytest.raises(WorkbookError, match="too large for openpyxl"):
        check_bounds(book({"xl/styles.xml": content}))


def test_a_picture_is_no_xml_and_costs_nothing(book):
    """What does not parse is passed over, however large it is."""
    check_bounds(book({"xl/media/image1.png": b"\x89PNG" + bytes(range(256)) * 40_000}))


def test_parts_that_unpack_to_too_much_are_refused_by_their_entries(book, monkeypatch):
    """Nothing is unpacked for it."""
    monkeypatch.setattr(bounds, "MAX_BYTES", 1000)

    with pytest.raises(WorkbookError, match="unpack to more than"):
        check_bounds(book({"a": b"x" * 1001}))


def test_xml_is_bounded_in_all(book, monkeypatch):
    """Texts are kept in memory: the bytes of all XML parts together have a bound."""
    monkeypatch.setattr(bounds, "MAX_XML", 200_000)

    with pytest.raises(WorkbookError, match="XML parts unpack"):
        check_bounds(book({f"{at}.xml": f"<a>{'x' * 70_000}</a>" for at in range(3)}))


@pytest.mark.skipif(DATA is None, reason="IHACPA_TEST_DATA is not set")
def test_no_file_of_excel_is_refused(tmp_path):
    """Five hundred workbooks that Excel wrote break no bound."""
    with zipfile.ZipFile(Path(str(DATA)) / "excel-files.zip") as files:
        for name in files.namelist():
            path = tmp_path / "book.xlsx"
            path.write_bytes(files.read(name))
            check_bounds(path)


FAILING = """
import sys
from pathlib import Path
from ihacpa_core import FileOps
from ihacpa_plugins.save.openpyxl import OpenpyxlBackend, OpenpyxlOptions

class Full:
    def __init__(self, file):
        self.file, self.left = file, 3000
    def write(self, data):
        self.left -= len(data)
        if self.left < 0:
            raise OSError(28, "No space left on device")
        return self.file.write(data)
    def __getattr__(self, name):
        return getattr(self.file, name)

session = OpenpyxlBackend(OpenpyxlOptions(), Path("nowhere"), FileOps()).open(Path(sys.argv[1]), "Sheet")
with open(sys.argv[1] + ".new", "xb") as file:
    try:
        session.write(Full(file), [])
    except OSError as error:
        print(error.strerror)
session.close()
"""


def test_a_save_that_fails_says_so_once(tmp_path):
    """A full disk is an error for the caller, and nothing else is printed when the process ends."""
    workbook = openpyxl.Workbook()
    for row in range(200):
        workbook.active.append([f"text {row}", row])
    workbook.save(tmp_path / "book.xlsx")

    done = subprocess.run(
        [sys.executable, "-c", FAILING, str(tmp_path / "book.xlsx")], capture_output=True, text=True, check=False
    )

    assert done.stdout == "No space left on device\n"
    assert done.stderr == ""


def test_a_saved_workbook_says_when(tmp_path):
    """The time of the save stands in the properties, in the file that was asked for and in no other."""
    from ihacpa_plugins.save.openpyxl import OpenpyxlBackend, OpenpyxlOptions

    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.properties.modified = None
    book.save(path)
    session = OpenpyxlBackend(OpenpyxlOptions(), tmp_path).open(path, "Sheet")
    target = io.BytesIO()
    session.write(target, [])
    session.close()

    before, after = (
        openpyxl.load_workbook(io.BytesIO(data)).properties.modified for data in (path.read_bytes(), target.getvalue())
    )
    assert after >= before
