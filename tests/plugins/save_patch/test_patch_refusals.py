"""What is refused: why, with a way out, and before anything is written."""

from __future__ import annotations

import patch_books as books
import patch_checks as checks
import pytest
from ihacpa_plugins.save.patch import PatchBackend

from ihacpa_core import Cell, WorkbookError

ROWS = '<row r="1"><c r="A1" s="2" t="str"><v>a</v></c><c r="B1"><v>1</v></c></row>'
TABLE = f'<table xmlns="{books.MAIN}" id="1" name="T" displayName="Sales" ref="A1:B3"{{}}/>'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.xlsx"


def refused(path, values):
    before = path.read_bytes()
    with pytest.raises(WorkbookError) as caught:
        checks.save(path, "Data", values)
    assert path.read_bytes() == before
    assert caught.value.hint
    return str(caught.value)


def protected(path, *, ranges="", flag='sheet="1"'):
    books.write(path, books.sheet(ROWS, after=f"<sheetProtection {flag}/>{ranges}"))


def test_locked_cells_of_a_protected_sheet(path):
    """A protected sheet takes values in cells that are not locked, and in ranges that are open, and nowhere else."""
    ranges = '<protectedRanges><protectedRange sqref="C1:C9 E5" name="x"/></protectedRanges>'
    protected(path, ranges=ranges)

    for ref in ("B1", "Z9"):
        assert f"cell {ref} is locked" in refused(path, {ref: 2})
    checks.save(path, "Data", {"A1": "open", "C9": "open", "E5": 5, "B1": 1})
    assert checks.seen_by_core(path, "Data")["C9"].value == "open"


def test_a_protection_that_is_off(path):
    """Settings of a protection that is not switched on protect nothing."""
    protected(path, flag='objects="1"')
    checks.save(path, "Data", {"B1": 2})

    assert checks.seen_by_core(path, "Data")["B1"].value == 2


def with_table(path, attributes=""):
    books.write(
        path,
        books.sheet(ROWS, after='<tableParts count="1"><tablePart r:id="rId1"/></tableParts>'),
        parts={
            "xl/tables/table1.xml": TABLE.format(attributes),
            "xl/worksheets/_rels/sheet1.xml.rels": f'<Relationships xmlns="{books.PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{books.RELATIONS}/table" Target="../tables/table1.xml"/></Relationships>',
        },
    )


def test_headers_of_tables(path):
    """A table's header cannot be changed, since the table holds its text as well; its other cells can."""
    with_table(path)

    assert "header of the table Sales" in refused(path, {"A1": "other"})
    (receipt,) = checks.save(path, "Data", {"A1": "a", "A2": "row", "B3": 3})
    assert (receipt.changed, receipt.unchanged) == (2, 1)


def test_a_table_without_headers(path):
    """A table without a header row guards nothing."""
    with_table(path, ' headerRowCount="0"')
    checks.save(path, "Data", {"A1": "other"})

    assert checks.seen_by_core(path, "Data")["A1"].value == "other"


def test_signed_workbooks(path):
    """A signature would not hold any more; the message says so and names the backend that drops it."""
    signature = f"{books.PACKAGE}/relationships/digital-signature/origin"
    books.write(path, books.sheet(ROWS), parts={"_xmlsignatures/origin.sigs": ""})
    rels = checks.part(path, "_rels/.rels").decode()
    new = f'<Relationship Id="rId7" Type="{signature}" Target="_xmlsignatures/origin.sigs"/></Relationships>'
    parts = {"_xmlsignatures/origin.sigs": "", "_rels/.rels": rels.replace("</Relationships>", new)}
    books.write(path, books.sheet(ROWS), parts=parts)

    with pytest.raises(WorkbookError, match="digitally signed") as caught:
        PatchBackend().inspect(path)
    assert "openpyxl" in caught.value.hint


def test_encrypted_workbooks(path):
    """An encrypted file says what it is and what to do."""
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4000))

    with pytest.raises(WorkbookError, match="encrypted"):
        PatchBackend().inspect(path)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"xl/workbook.xml": "<workbook/>"}, "no workbook"),
        ({"xl/workbook.xml": "<broken"}, "not well-formed"),
        ({"xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{books.PACKAGE}/relationships"/>'}, "no worksheet"),
        ({"xl/styles.xml": "<broken"}, "not well-formed"),
        ({"xl/workbook.xml": f'<!DOCTYPE x><workbook xmlns="{books.MAIN}"/>'}, "DOCTYPE"),
    ],
)
def test_broken_parts(path, parts, why):
    """Parts that are broken or missing are told on opening."""
    books.write(path, books.sheet(ROWS), parts=parts)

    with pytest.raises(WorkbookError, match=why):
        PatchBackend().open(path, "Data")


def test_links_within_alternatives(path):
    """Links that stand within mc:AlternateContent are refused; anything else there stays and is no hindrance."""
    wrapped = '<mc:AlternateContent xmlns:mc="urn:mc"><mc:Choice Requires="x">{}</mc:Choice></mc:AlternateContent>'
    books.write(path, books.sheet(ROWS, after=wrapped.format("<controls/>")))
    checks.save(path, "Data", {"B1": Cell("b", link="https://example.org")})
    assert b"<hyperlinks>" in checks.part(path, books.SHEET).partition(b"<mc:AlternateContent")[0]

    books.write(path, books.sheet(ROWS, after=wrapped.format("<hyperlinks/>")))
    with pytest.raises(WorkbookError, match="alternatives"):
        PatchBackend().open(path, "Data")


def test_two_prefixes_for_one_thing(path):
    """A sheet that could write its elements in two ways is refused."""
    books.write(path, books.sheet(ROWS).replace("<worksheet ", f'<worksheet xmlns:z="{books.MAIN}" '))

    with pytest.raises(WorkbookError, match="several prefixes"):
        PatchBackend().open(path, "Data")


@pytest.mark.parametrize(
    "link", ["ftp://example.org", "javascript:alert(1)", "https://", "https://a b", "https://x/" + "y" * 2080]
)
def test_links_that_are_none(path, link):
    """Only addresses of the web become links."""
    books.write(path, books.sheet(ROWS))

    assert "A1" in refused(path, {"A1": Cell("x", link=link)})
