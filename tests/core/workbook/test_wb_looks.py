"""The colours of cells, as different programs write them."""

from __future__ import annotations

import pytest
import xlsxwriter
from openpyxl import Workbook
from openpyxl.styles import Font, GradientFill, PatternFill
from openpyxl.styles.colors import Color
from wb_parts import MAIN, RELS

from ihacpa_core.errors import WorkbookError
from ihacpa_core.records import CellStyle
from ihacpa_core.workbook.looks import read_colours
from ihacpa_core.workbook.styles import PALETTE

EVERY = {f"A{row}": style for row, style in enumerate(CellStyle, start=1)}


@pytest.mark.parametrize("program", ["openpyxl", "xlsxwriter"])
def test_every_style_is_known_again(tmp_path, program):
    """The palette's fills and fonts mean their styles, whoever wrote the file."""
    path = tmp_path / "book.xlsx"
    {"openpyxl": by_openpyxl, "xlsxwriter": by_xlsxwriter}[program](path)

    assert read_colours(path, None, {*EVERY, "Z9"}) == {**EVERY, "Z9": None}


def by_openpyxl(path):
    book = Workbook()
    for ref, style in EVERY.items():
        look = PALETTE[style]
        book.active[ref] = "x"
        book.active[ref].fill = PatternFill("solid", fgColor=f"FF{look.fill}")
        book.active[ref].font = Font(color=f"FF{look.font}", bold=True)
    book.save(path)


def by_xlsxwriter(path):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for ref, style in EVERY.items():
            look = PALETTE[style]
            sheet.write(ref, "x", book.add_format({"bg_color": f"#{look.fill}", "font_color": f"#{look.font}"}))


def test_any_other_look_means_nothing(tmp_path):
    """A fill without its font, a theme colour, a pattern and a gradient are no style of the palette."""
    good = PALETTE[CellStyle.GOOD]
    font = Font(color=f"FF{good.font}")
    book = Workbook()
    sheet = book.active
    looks = [
        (PatternFill("solid", fgColor=f"FF{good.fill}"), Font(color="FF000000")),
        (PatternFill("solid", fgColor=Color(theme=4)), font),
        (PatternFill("gray125", fgColor=f"FF{good.fill}"), font),
        (GradientFill(stop=(f"FF{good.fill}", "FFFFFFFF")), font),
        (PatternFill(), font),
    ]
    for row, (fill, font_) in enumerate(looks, start=1):
        sheet.cell(row, 1, "x").fill = fill
        sheet.cell(row, 1).font = font_
    path = tmp_path / "book.xlsx"
    book.save(path)

    assert set(read_colours(path, None, {f"A{row}" for row in range(1, 6)}).values()) == {None}


STYLES = (
    f'<styleSheet xmlns="{MAIN}"><fonts><font><color rgb="FF006100"/></font></fonts>'
    '<fills><fill><patternFill patternType="solid"><fgColor rgb="FFC6EFCE"/></patternFill></fill></fills>'
    '<cellStyleXfs><xf fontId="9" fillId="9"/></cellStyleXfs>'
    '<cellXfs><xf fontId="0" fillId="0"/><xf fontId="7" fillId="99999999999"/></cellXfs></styleSheet>'
)


@pytest.fixture
def styled(make_book):
    """A workbook, part by part, whose format 0 is green and whose format 1 names what is not there."""

    def make(rows):
        relations = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{RELS}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r3" Type="{RELS}/styles" Target="styles.xml"/></Relationships>'
        )
        return make_book(rows, {"xl/styles.xml": STYLES, "xl/_rels/workbook.xml.rels": relations})

    return make


def test_cells_without_a_reference_are_counted(styled):
    """A cell or row that does not say where it is stands after the one before it."""
    path = styled('<row><c/><c s="1"/></row><row r="4"><c r="C4"/><c/></row>')

    assert read_colours(path, "S", {"A1", "B1", "C4", "D4", "E4"}) == {
        "A1": CellStyle.GOOD, "B1": None, "C4": CellStyle.GOOD, "D4": CellStyle.GOOD, "E4": None,
    }  # fmt: skip


@pytest.mark.parametrize("number", ["-1", "7", "x", "9" * 5000])
def test_a_format_that_is_not_there_means_nothing(styled, number):
    """A cell that names no format of the workbook has no colour of ours, and is no reason to fail."""
    assert read_colours(styled(f'<row r="1"><c r="A1" s="{number}"/></row>'), "S", {"A1"}) == {"A1": None}


@pytest.mark.parametrize("ref", ["A", "1", "ZZZZ1", "XFE1", "A0"])
def test_a_reference_that_is_none_is_damage(styled, ref):
    """What is no cell's name is told as damage of the file."""
    with pytest.raises(WorkbookError, match="damaged"):
        read_colours(styled(f'<row r="1"><c r="{ref}"/></row>'), "S", {"A1"})
