"""Workbooks that a save backend is tried on, and what can be seen of them by two readers that are not its own."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihacpa_core.workbook.sheet_reader import CellContent, iter_rows

if TYPE_CHECKING:
    from openpyxl import Workbook

SHEET = "Data"
OTHER = "Other"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def sample(path: Path) -> Path:
    """A workbook of two sheets: values of every type, looks, links, formulas, and a row of headers on row 3."""
    from openpyxl import Workbook
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET
    sheet["A1"] = "A title over everything"
    sheet.merge_cells("A1:F1")
    for column, text in zip("ABCDEF", ("Index", "Name", "Version", "Checked", "Note", "Sum"), strict=True):
        sheet[f"{column}3"] = text
        sheet[f"{column}3"].font = Font(bold=True, size=13)
    for row in range(4, 24):
        sheet[f"A{row}"], sheet[f"B{row}"], sheet[f"C{row}"] = row - 3, f"package-{row}", f"1.{row}"
        sheet[f"D{row}"], sheet[f"F{row}"] = date(2024, 1, row), f"=A{row}*2"
        sheet[f"D{row}"].number_format = "dd.mm.yyyy"
    sheet["E5"].value = "a person's note"
    sheet["E5"].comment = Comment("mine", "me")
    for ref in ("B6", "E6", "G6"):
        sheet[ref].font = Font(name="Courier New", size=9, italic=True, color="FF336699")
        sheet[ref].fill = PatternFill("solid", fgColor="FFFFF2CC")
        sheet[ref].border = Border(top=Side("thick"), bottom=Side("dashed", color="FFFF0000"))
        sheet[ref].alignment = Alignment(horizontal="right", vertical="top", wrap_text=True, indent=1)
        sheet[ref].protection = Protection(locked=False)
    sheet["B7"].hyperlink = "https://example.org/seven"
    sheet["C8"], sheet["C9"], sheet["C10"] = True, 0.1, -12
    sheet.column_dimensions["B"].width = 31
    sheet.row_dimensions[5].height = 40
    sheet.freeze_panes = "C4"
    _second_sheet(book)
    book.save(path)
    return path


def _second_sheet(book: Workbook) -> None:
    from openpyxl.styles import Font

    other = book.create_sheet(OTHER)
    for row in range(1, 30):
        other.append([f"text {row}", row, row / 7, f"=B{row}+1", row % 2 == 0])
    other["A3"].hyperlink = "https://example.org/other"
    other["B3"].font = Font(strike=True)
    other.sheet_state = "hidden"


def cells(path: Path, *sheets: str) -> dict[str, CellContent]:
    """What every cell of these sheets holds, by ``Sheet!A1``, as the core's own reader sees it."""
    return {
        f"{sheet}!{letter}{row.number}": content
        for sheet in sheets
        for row in iter_rows(path, sheet)
        for letter, content in row.cells.items()
    }


def looks(path: Path) -> dict[str, Any]:
    """Everything that openpyxl knows of each cell that has anything, and of both sheets, in comparable form."""
    from openpyxl import load_workbook

    book = load_workbook(path)
    seen: dict[str, Any] = {"sheets": [(sheet.title, sheet.sheet_state) for sheet in book.worksheets]}
    for sheet in book.worksheets:
        widths = {letter: dimension.width for letter, dimension in sheet.column_dimensions.items()}
        heights = {row: dimension.height for row, dimension in sheet.row_dimensions.items() if dimension.height}
        merged = sorted(str(area) for area in sheet.merged_cells.ranges)
        seen[sheet.title] = (widths, heights, merged, sheet.freeze_panes)
        for row in sheet.iter_rows():
            for cell in row:
                look = _look(cell)
                if any(look):
                    seen[f"{sheet.title}!{cell.coordinate}"] = look
    return seen


def _look(cell: Any) -> tuple[Any, ...]:
    """Value, type, link, remark and, where it has one, the format."""
    styled = cell.has_style
    link = cell.hyperlink.target if cell.hyperlink else None
    remark = cell.comment.text if cell.comment else None
    kind = cell.data_type if cell.value is not None else ""
    return (cell.value, kind, link, remark, format_of(cell) if styled else "")


def format_of(cell: Any, *, colours: bool = True) -> str:
    """The whole look of a cell as text; without `colours`, all but its fill and the colour of its font."""
    font = cell.font
    paint = [cell.fill.fill_type, _rgb(cell.fill.fgColor), _rgb(font.color)] if colours else []
    letters = (font.name, font.sz, font.b, font.i, font.strike, font.u, font.vertAlign)
    edges = [(side.style, _rgb(side.color)) for side in _sides(cell.border) if side is not None]
    place = cell.alignment
    alignment = (place.horizontal, place.vertical, bool(place.wrap_text), place.indent, place.textRotation)
    return repr((letters, paint, edges, alignment, cell.number_format, cell.protection.locked))


def _sides(border: Any) -> tuple[Any, ...]:
    return border.left, border.right, border.top, border.bottom


def _rgb(colour: Any) -> Any:
    return None if colour is None else (colour.type, colour.value)


# --- workbooks with one thing in them that a backend may not know -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a workbook may hold, and the bytes by which it is found again, in whatever part.

    :param make: puts it into a workbook of openpyxl's.
    :param parts: parts to add to the file, by name; `rels` to relationship files: name to (type, target).
    """

    name: str
    mark: bytes
    make: Callable[[Workbook], None] | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    rels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tail: str = ""

    def write(self, path: Path) -> Path:
        """A workbook with a sheet `SHEET` that holds this and little else."""
        from openpyxl import Workbook

        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = SHEET
        sheet["A1"], sheet["A2"], sheet["B2"] = "Name", "flask", 1
        if self.make:
            self.make(book)
        book.save(path)
        if self.parts or self.tail:
            _inject(path, self)
        return path

    def survives(self, path: Path) -> bool:
        """Whether its mark stands in any part of the workbook."""
        with zipfile.ZipFile(path) as archive:
            return any(self.mark in archive.read(name) for name in archive.namelist())


def _inject(path: Path, feature: Feature) -> None:
    """Add the feature's parts to a workbook that openpyxl wrote."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    parts |= feature.parts
    types = "".join(f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in feature.types.items())
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", f"{types}</Types>")
    for owner, (kind, target) in feature.rels.items():
        head = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        relation = f'<Relationship Id="rIdMark" Type="{kind}" Target="{target}"/>'
        whole = parts.get(owner, f"{head}</Relationships>")
        parts[owner] = whole.replace("</Relationships>", f"{relation}</Relationships>")
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace("</worksheet>", f"{feature.tail}</worksheet>")
    temporary = path.with_suffix(".made")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    shutil.move(temporary, path)


def _sheet(book: Workbook) -> Any:
    return book[SHEET]


def _remark(book: Workbook) -> None:
    from openpyxl.comments import Comment

    _sheet(book)["B2"].comment = Comment("mark-of-remark", "me")


def _choice(book: Workbook) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    rule = DataValidation(type="list", formula1='"mark-of-choice,no"')
    rule.add("B2")
    _sheet(book).add_data_validation(rule)


def _condition(book: Workbook) -> None:
    from openpyxl.formatting.rule import FormulaRule
    from openpyxl.styles import PatternFill

    rule = FormulaRule(formula=["$B$2=4242424"], fill=PatternFill(bgColor="FFFF0000"))  # type: ignore[no-untyped-call]
    _sheet(book).conditional_formatting.add("A2:B2", rule)


def _name(book: Workbook) -> None:
    from openpyxl.workbook.defined_name import DefinedName

    book.defined_names["MarkOfName"] = DefinedName("MarkOfName", attr_text=f"{SHEET}!$A$2")


def _table(book: Workbook) -> None:
    from openpyxl.worksheet.table import Table

    _sheet(book)["B1"] = "Count"
    _sheet(book).add_table(Table(displayName="MarkOfTable", ref="A1:B2"))


def _chart(book: Workbook) -> None:
    from openpyxl.chart import BarChart, Reference

    chart = BarChart()
    chart.title = "mark-of-chart"
    chart.add_data(Reference(_sheet(book), min_col=2, min_row=1, max_row=2))
    _sheet(book).add_chart(chart, "D4")


def _footer(book: Workbook) -> None:
    _sheet(book).oddFooter.center.text = "mark-of-footer"


def _title(book: Workbook) -> None:
    book.properties.title = "mark-of-title"


def _rich_text(book: Workbook) -> None:
    from openpyxl.cell.rich_text import CellRichText, TextBlock
    from openpyxl.cell.text import InlineFont

    _sheet(book)["B2"] = CellRichText("plain ", TextBlock(InlineFont(rFont="MarkOfFont"), "other"))


def _print_area(book: Workbook) -> None:
    _sheet(book).print_area = "A1:Z4242"


_SPARKLINE = (
    '<extLst><ext uri="{05C60535-1F16-4fd2-B633-F4F36F0B64E0}" '
    'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"><x14:sparklineGroups '
    'xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"><x14:sparklineGroup><x14:sparklines>'
    "<x14:sparkline><xm:f>Data!A4242:B4242</xm:f><xm:sqref>F1</xm:sqref></x14:sparkline></x14:sparklines>"
    "</x14:sparklineGroup></x14:sparklineGroups></ext></extLst>"
)
_SHAPE = (
    '<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><xdr:absoluteAnchor><xdr:pos x="0" y="0"/>'
    '<xdr:ext cx="900000" cy="300000"/><xdr:sp macro="" textlink=""><xdr:nvSpPr><xdr:cNvPr id="2" name="Box"/>'
    '<xdr:cNvSpPr txBox="1"/></xdr:nvSpPr><xdr:spPr><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></xdr:spPr>'
    "<xdr:txBody><a:bodyPr/><a:p><a:r><a:t>mark-of-shape</a:t></a:r></a:p></xdr:txBody></xdr:sp><xdr:clientData/>"
    "</xdr:absoluteAnchor></xdr:wsDr>"
)

FEATURES: Sequence[Feature] = (
    Feature("a remark", b"mark-of-remark", _remark),
    Feature("a choice list", b"mark-of-choice", _choice),
    Feature("a conditional format", b"4242424", _condition),
    Feature("a name", b"MarkOfName", _name),
    Feature("a table", b"MarkOfTable", _table),
    Feature("a chart", b"mark-of-chart", _chart),
    Feature("a footer", b"mark-of-footer", _footer),
    Feature("a title", b"mark-of-title", _title),
    Feature("a text of two fonts", b"MarkOfFont", _rich_text),
    Feature("a print area", b"4242", _print_area),
    Feature("a sparkline", b"A4242:B4242", tail=_SPARKLINE),
    Feature(
        "a text box",
        b"mark-of-shape",
        parts={"xl/drawings/drawing1.xml": _SHAPE},
        types={"xl/drawings/drawing1.xml": "application/vnd.openxmlformats-officedocument.drawing+xml"},
        rels={"xl/worksheets/_rels/sheet1.xml.rels": (f"{_RELATIONS}/drawing", "../drawings/drawing1.xml")},
        tail=f'<drawing xmlns:r="{_RELATIONS}" r:id="rIdMark"/>',
    ),
    Feature(
        "a part of another program's",
        b"mark-of-custom-xml",
        parts={"customXml/item1.xml": "<theirs>mark-of-custom-xml</theirs>"},
        rels={"xl/_rels/workbook.xml.rels": (f"{_RELATIONS}/customXml", "../customXml/item1.xml")},
    ),
)
