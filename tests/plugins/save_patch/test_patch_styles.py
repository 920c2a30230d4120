"""Formats: one that is new for each old one and change, everything else of it as it was."""

from __future__ import annotations

from datetime import date

import openpyxl
import patch_books as books
import patch_checks as checks
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.save.patch import PatchBackend
from ihacpa_plugins.save.patch.formats import shows_day
from ihacpa_plugins.save.patch.styles import Styles
from ihacpa_plugins.save.patch.values import DATE, GENERAL, Look

from ihacpa_core import PALETTE, Cell, CellStyle, WorkbookError
from ihacpa_core.workbook.formats import date_kind


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.xlsx"


def styles(text=books.STYLES):
    return Styles(text.encode(), "book.xlsx", "xl/styles.xml", PALETTE)


def test_a_format_is_made_once():
    """The same change of the same format is one format; a change that changes nothing is the old one."""
    pools = styles()
    good = pools.derive(2, Look(CellStyle.GOOD))

    assert good == pools.derive(2, Look(CellStyle.GOOD)) == 3
    assert pools.derive(good, Look(CellStyle.GOOD)) == good
    assert pools.derive(0, Look(CellStyle.GOOD)) == 4
    assert pools.derive(1, Look(format=DATE)) == 1
    assert pools.derive(0, Look(format=GENERAL)) == 0
    assert pools.text().count(b"FFC6EFCE") == 1


def test_what_is_not_asked_for_stays():
    """Alignment, protection, border and number format of the old format are in the new one."""
    pools = styles()
    pools.derive(2, Look(CellStyle.BAD, quoted=True))

    text = pools.text().decode()
    assert (
        '<xf numFmtId="0" fontId="1" fillId="2" borderId="0" applyFont="1" applyFill="1" quotePrefix="1">'
        '<alignment wrapText="1"/><protection locked="0"/></xf></cellXfs>'
    ) in text
    assert '<cellXfs count="4">' in text
    assert '<font><sz val="11"/><color rgb="FF9C0006"/><name val="Calibri"/></font></fonts>' in text


@pytest.mark.parametrize(
    ("font", "expected"),
    [
        ("<font/>", '<font><color rgb="FF006100"/></font>'),
        ("<font></font>", '<font><color rgb="FF006100"/></font>'),
        ("<font><name val='A'/></font>", "<font><color rgb=\"FF006100\"/><name val='A'/></font>"),
        (
            "<font><b/><color theme='1'/><x:y xmlns:x='u'/></font>",
            "<font><b/><color rgb=\"FF006100\"/><x:y xmlns:x='u'/></font>",
        ),
        ("<font><b/><u/></font>", '<font><b/><u/><color rgb="FF006100"/></font>'),
    ],
)
def test_the_colour_has_its_place_in_a_font(font, expected):
    """A font's colour is replaced, or put where the standard has it."""
    old = '<font><sz val="11"/><name val="Calibri"/></font>'
    pools = styles(books.STYLES.replace(old, font))
    pools.derive(0, Look(CellStyle.GOOD))

    assert expected in pools.text().decode()


@pytest.mark.parametrize("missing", ["fonts", "fills", "cellXfs", "fonts fills cellXfs"])
def test_pools_that_are_missing_or_empty(path, missing):
    """Pools that are not there, or hold nothing, are made where they belong."""
    import re

    for empty in ("", r"<\1/>"):
        text = books.STYLES
        for name in missing.split():
            text = re.sub(f"<({name})[ >].*</{name}>", empty, text)
        books.write(path, books.sheet(""), styles=text)
        checks.save(path, "Data", {"A1": Cell("x", "good"), "A2": date(2025, 1, 2), "A3": "=text"})

        sheet = openpyxl.load_workbook(path)["Data"]
        assert sheet["A1"].fill.fgColor.rgb == "FFC6EFCE"
        assert sheet["A1"].font.color.rgb == "FF006100"
        assert checks.seen_by_core(path, "Data")["A2"].value == date(2025, 1, 2)


def test_a_workbook_without_styles(path):
    """A workbook that has no styles at all gets the part, with what names it."""
    books.write(path, books.sheet('<row r="1"><c r="A1"><v>1</v></c></row>'), styles=None)
    checks.save(path, "Data", {"A1": Cell("x", "good")}, {"A2": Cell("y", "bad")})

    sheet = openpyxl.load_workbook(path)["Data"]
    assert [sheet[ref].fill.fgColor.rgb for ref in ("A1", "A2")] == ["FFC6EFCE", "FFFFC7CE"]
    assert checks.part(path, "[Content_Types].xml").count(b"styles+xml") == 1


def test_a_workbook_without_styles_after_a_write_that_was_lost(path):
    """A write that never became the workbook is no reason not to name the new part in the next one."""
    books.write(path, books.sheet('<row r="1"><c r="A1"><v>1</v></c></row>'), styles=None)
    session = PatchBackend().open(path, "Data")
    for name in ("lost", "kept.xlsx"):
        with path.with_name(name).open("w+b") as file:
            session.write(file, checks.updates({"A1": Cell("x", "good", "https://example.org")}))
    session.close()

    kept = path.with_name("kept.xlsx")
    assert openpyxl.load_workbook(kept)["Data"]["A1"].fill.fgColor.rgb == "FFC6EFCE"
    for part in ("[Content_Types].xml", "xl/_rels/workbook.xml.rels"):
        assert checks.part(kept, part).count(b"styles.xml") == 1


def test_a_number_format_of_ones_own_has_a_free_number(path):
    """A format for days takes a number that nothing else has, conditions included; it is made once."""
    own = '<numFmts count="1"><numFmt numFmtId="170" formatCode="0.0"/></numFmts>'
    conditions = '</cellXfs><dxfs count="1"><dxf><numFmt numFmtId="180" formatCode="0.00"/></dxf></dxfs>'
    text = books.STYLES.replace("<fonts", f"{own}<fonts").replace("</cellXfs>", conditions)
    books.write(path, books.sheet(""), styles=text)
    checks.save(path, "Data", {"A1": date(2025, 1, 2)})
    checks.save(path, "Data", {"B1": date(2025, 1, 3)})

    content = checks.part(path, "xl/styles.xml")
    assert content.count(b'<numFmt numFmtId="181" formatCode="yyyy-mm-dd"/>') == 1
    assert b'<numFmts count="2">' in content


def test_a_format_that_is_not_there_is_damage(path):
    """A cell whose format no pool has is refused when it is to be changed."""
    books.write(path, books.sheet('<row r="1"><c r="A1" s="99"/></row>'))

    with pytest.raises(WorkbookError, match="format 99"):
        checks.save(path, "Data", {"A1": Cell("x", "good")})


@given(st.text(alphabet='ymdhs0#.,;[]"\\-/ :$@_*aApPGeneralER+%?', max_size=20))
def test_days_are_told_as_the_reader_tells_them(code):
    """Which formats show a day is decided as the reader decides that verifies what was written."""
    assert shows_day(164, code) == bool(date_kind(code))


@pytest.mark.parametrize("number", range(60))
def test_built_in_formats_are_told_as_the_reader_tells_them(path, number):
    """The same for the formats that have no code in the file."""
    text = books.STYLES.replace('numFmtId="14"', f'numFmtId="{number}"')
    books.write(path, books.sheet('<row r="1"><c r="A1" s="1"><v>45000</v></c></row>'), styles=text)

    assert shows_day(number, None) == isinstance(checks.seen_by_core(path, "Data")["A1"].value, date)
