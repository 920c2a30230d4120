"""Workbooks that LibreOffice wrote: it says every default, in other words than Excel, and nothing of that is a loss."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from ihacpa_plugins.save.openpyxl import OpenpyxlBackend, OpenpyxlOptions
from ihacpa_plugins.save.openpyxl.counters import count
from ihacpa_plugins.save.openpyxl.inspection import compare
from openpyxl.comments import Comment

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")


@pytest.fixture
def lost(tmp_path):
    """What a save of a workbook would lose, in words, but for what Excel makes again."""

    def lost(path):
        losses = OpenpyxlBackend(OpenpyxlOptions(), tmp_path).inspect(path)
        return [loss.what for loss in losses if not loss.remade]

    return lost


# --- as LibreOffice writes, without it --------------------------------------------------------------------------------

WORDY = {
    "xl/workbook.xml": [
        (r"<workbookPr[^>]*/>", '<workbookPr backupFile="false" showObjects="all" date1904="false"/>'),
        (
            r"</workbook>",
            (
                '<extLst><ext xmlns:loext="http://schemas.libreoffice.org/" '
                'uri="{7626C862-2A13-11E5-B345-FEFF819CDC9F}">'
                '<loext:extCalcPr stringRefSyntax="CalcA1"/></ext></extLst></workbook>'
            ),
        ),
        (
            r"<workbookView[^>]*/>",
            (
                '<workbookView showHorizontalScroll="true" showVerticalScroll="true" showSheetTabs="true" xWindow="0" '
                'yWindow="0" windowWidth="16384" windowHeight="8192" tabRatio="600" firstSheet="0" activeTab="0"/>'
            ),
        ),
    ],
    "xl/styles.xml": [
        (r"<border>", '<border diagonalUp="false" diagonalDown="false">'),
        (
            r'(<cellXfs[^>]*><xf numFmtId="0" fontId="0" fillId="0" borderId="0"[^>]*)/>',
            (
                r'\1 applyFont="false" applyAlignment="false" applyProtection="false"><alignment horizontal="general" '
                'vertical="bottom" textRotation="0" wrapText="false" indent="0" shrinkToFit="false"/>'
                '<protection locked="true" hidden="false"/></xf>'
            ),
        ),
    ],
    "xl/worksheets/sheet1.xml": [
        (
            r"<sheetViews>.*</sheetViews>",
            (
                '<sheetViews><sheetView showFormulas="false" showGridLines="true" showRowColHeaders="true" '
                'showZeros="true" rightToLeft="false" tabSelected="true" showOutlineSymbols="true" '
                'defaultGridColor="true" view="normal" topLeftCell="A1" '
                'colorId="64" zoomScale="100" zoomScaleNormal="100" zoomScalePageLayoutView="100" '
                'workbookViewId="0"><selection pane="topLeft" activeCell="A1" activeCellId="0" sqref="A1"/></sheetView>'
                "</sheetViews>"
            ),
        ),
        (r"<sheetViews>", '<sheetPr filterMode="false"><pageSetUpPr fitToPage="false"/></sheetPr><sheetViews>'),
        (
            r"<pageMargins[^>]*/>",
            (
                '<printOptions headings="false" gridLines="false" gridLinesSet="true" horizontalCentered="false" '
                'verticalCentered="false"/><pageMargins left="0.75" right="0.75" top="1" bottom="1" header="0.5" '
                'footer="0.5"/><pageSetup paperSize="1" scale="100" pageOrder="downThenOver" orientation="landscape" '
                'blackAndWhite="false" draft="false" cellComments="none" horizontalDpi="300" verticalDpi="300" '
                'copies="1"/><headerFooter differentFirst="false" differentOddEven="false"><oddHeader></oddHeader>'
                "<oddFooter></oddFooter></headerFooter>"
            ),
        ),
    ],
}
"""Part: what stands in it, and what LibreOffice 7 to 25 write there."""


@pytest.fixture
def wordy(tmp_path):
    """Writes a workbook that says what LibreOffice says, with some of it changed: `wordy({part: [(old, new)]})`."""

    def write(changes=None):
        with xlsxwriter.Workbook(tmp_path / "plain.xlsx") as book:
            sheet = book.add_worksheet()
            for row in range(5):
                sheet.write(row, 0, f"text {row}")
                sheet.write(row, 1, row)
        path = tmp_path / "book.xlsx"
        with zipfile.ZipFile(tmp_path / "plain.xlsx") as source, zipfile.ZipFile(path, "w") as target:
            for name in source.namelist():
                text = source.read(name).decode()
                for old, new in [*WORDY.get(name, []), *(changes or {}).get(name, [])]:
                    text, count = re.subn(old, new, text, count=1, flags=re.DOTALL)
                    assert count, f"{name} lacks {old}"
                target.writestr(name, text)
        return path

    return write


def test_defaults_that_are_written_out_are_no_loss(wordy, lost):
    """A truth value as a word, an attribute with the schema's own default, an empty header: no loss."""
    assert lost(wordy()) == []


@pytest.mark.parametrize(
    ("part", "old", "new", "told"),
    [
        ("xl/workbook.xml", 'backupFile="false"', 'backupFile="true"', "workbookPr backupFile"),
        ("xl/workbook.xml", 'showObjects="all"', 'showObjects="placeholders"', "workbookPr showObjects"),
        ("xl/styles.xml", r'(cellXfs.*?)<protection locked="true"', r'\1<protection locked="false"', None),
        ("xl/styles.xml", r'(cellXfs.*?)wrapText="false"', r'\1wrapText="true"', None),
        ("xl/styles.xml", r'(cellXfs.*?)textRotation="0"', r'\1textRotation="90"', None),
        ("xl/worksheets/sheet1.xml", 'showGridLines="true"', 'showGridLines="false"', None),
        ("xl/worksheets/sheet1.xml", 'showZeros="true"', 'showZeros="0"', None),
        ("xl/worksheets/sheet1.xml", "<oddHeader></oddHeader>", "<oddHeader>&amp;CTitle</oddHeader>", None),
        ("xl/worksheets/sheet1.xml", 'sheetPr filterMode="false"', 'sheetPr filterMode="true"', None),
        (
            "xl/worksheets/sheet1.xml",
            "<oddFooter></oddFooter>",
            "<oddFooter></oddFooter><evenFooter>&amp;LX</evenFooter><future a='1'/>",
            "future",
        ),
    ],
)
def test_what_differs_from_the_default_still_counts(wordy, lost, part, old, new, told):
    """The same attributes with another value: kept by openpyxl and no loss, or told."""
    losses = lost(wordy({part: [(old, new)]}))

    assert (told in " ".join(losses)) if told else losses == []


def test_a_setting_that_turns_into_its_default_is_told(wordy):
    """What was switched off and comes back switched on is a loss, whichever word says so."""

    def counted(path):
        with zipfile.ZipFile(path) as archive:
            return count(archive)

    before = counted(wordy({"xl/worksheets/sheet1.xml": [('showGridLines="true"', 'showGridLines="false"')]}))
    after = counted(wordy())

    assert [loss.what for loss in compare(before, after)] == [
        "details of sheets: sheetView showGridLines (xl/worksheets/sheet1.xml)"
    ]
    assert compare(after, before) == []


@pytest.mark.parametrize(("width", "height", "usual"), [(107.95, 59.2, True), (96, 55.5, True), (150, 59.2, False)])
def test_a_comment_box_is_as_large_as_programs_make_it(tmp_path, lost, width, height, usual):
    """Each program rounds the size of a comment's box to its own unit; one that a person drew larger is told."""
    book = openpyxl.Workbook()
    book.active["A1"].comment = Comment("note", "me")
    book.save(tmp_path / "plain.xlsx")
    with zipfile.ZipFile(tmp_path / "plain.xlsx") as source, zipfile.ZipFile(tmp_path / "book.xlsx", "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name.endswith(".vml"):
                text = re.sub(
                    rb"width:[\d.]+p[xt];height:[\d.]+p[xt]", b"width:%.2fpt;height:%.2fpt" % (width, height), text
                )
                assert b"%.2fpt" % height in text
            target.writestr(name, text)

    assert lost(tmp_path / "book.xlsx") == (
        [] if usual else ["the size of 1 comment's box (xl/drawings/commentsDrawing1.vml)"]
    )


# --- as LibreOffice itself writes -------------------------------------------------------------------------------------


def rich(path: Path) -> None:
    """A workbook with what a person's sheet has, but for charts."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Packages")
        wrapped = book.add_format(
            {"bold": True, "bg_color": "#FFC7CE", "text_wrap": True, "border": 1, "locked": False}
        )
        for column, header in enumerate(["Name", "Version", "Link", "Note", "Sum"]):
            sheet.write(0, column, header, wrapped)
        for row in range(1, 30):
            sheet.write_row(row, 0, [f"package {row}", f"1.{row}"])
            sheet.write_url(row, 2, f"https://example.org/{row}", string="there")
            sheet.write_formula(row, 4, f"=ROW(A{row})*2")
        sheet.write_comment("B4", "a note")
        sheet.set_column("C:D", 30)
        sheet.set_row(4, 33)
        sheet.merge_range("G1:H2", "merged", wrapped)
        sheet.freeze_panes(1, 0)
        sheet.autofilter("A1:E30")
        sheet.data_validation("D2:D30", {"validate": "list", "source": ["a", "b"]})
        sheet.conditional_format("B2:B30", {"type": "3_color_scale"})
        sheet.set_footer("&CPage &P")
        sheet.repeat_rows(0)
        sheet.set_landscape()
        book.add_worksheet("Other").protect()
        book.add_worksheet("Hidden").hide()
        book.define_name("one", "=Packages!$A$1")


@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")
def test_workbooks_that_libreoffice_wrote_lose_nothing(tmp_path, lost):
    """A table of comma-separated values and a sheet with formats, filters, rules, links and notes: no false alarm."""
    (tmp_path / "plain.csv").write_text("Name,Version\nrequests,2.31.0\nflask,1.0\n")
    rich(tmp_path / "rich.xlsx")
    command = [SOFFICE, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx"]
    done = subprocess.run(
        [*command, "--outdir", tmp_path / "out", tmp_path / "plain.csv", tmp_path / "rich.xlsx"],
        capture_output=True,
        text=True,
        timeout=180,
    )
    written = sorted((tmp_path / "out").glob("*.xlsx"))
    if len(written) < 2:
        pytest.skip(f"LibreOffice could not convert: {done.stderr[-300:]}")

    assert {path.name: lost(path) for path in written} == {"plain.xlsx": [], "rich.xlsx": []}
