"""What must be the same after a save, seen by readers that share no code with the writer; and what Excel insists on."""

from __future__ import annotations

import re
import struct
import warnings
import zipfile
from contextlib import closing
from datetime import date, datetime
from xml.etree import ElementTree

import openpyxl
from ihacpa_plugins.save.patch import PatchBackend

from ihacpa_core import Cell, CellUpdate, Fingerprint
from ihacpa_core.workbook.refs import split_ref
from ihacpa_core.workbook.sheet_reader import iter_rows

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ORDER = [
    "sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols",
    "sheetData", "sheetCalcPr", "sheetProtection", "protectedRanges", "scenarios",
    "autoFilter", "sortState", "dataConsolidate", "customSheetViews", "mergeCells",
    "phoneticPr", "conditionalFormatting", "dataValidations", "hyperlinks", "printOptions",
    "pageMargins", "pageSetup", "headerFooter", "rowBreaks", "colBreaks",
    "customProperties", "cellWatches", "ignoredErrors", "smartTags", "drawing",
    "legacyDrawing", "legacyDrawingHF", "drawingHF", "picture", "oleObjects",
    "controls", "webPublishItems", "tableParts", "extLst",
]  # fmt: skip
"""The elements of a worksheet (ECMA-376 part 1, 18.3.1.99)."""
MAY_CHANGE = re.compile(
    r"xl/worksheets/[^/]+\.xml|xl/worksheets/_rels/[^/]+\.rels|xl/styles\.xml|xl/workbook\.xml|xl/calcChain\.xml"
    r"|\[Content_Types\]\.xml|xl/_rels/workbook\.xml\.rels"
)


def updates(values):
    """Updates by reference: ``{"B7": "text"}``."""
    made = []
    for ref, value in values.items():
        letter, row = split_ref(ref)
        made.append(CellUpdate(row, letter, value if isinstance(value, Cell) else Cell(value)))
    return made


def save(path, sheet, *batches):
    """Save batches one after the other in one session, over `path`; the receipts."""
    receipts = []
    with closing(PatchBackend().open(path, sheet)) as session:
        for number, values in enumerate(batches):
            target = path.with_name(f"saved-{number}.tmp")
            with target.open("w+b") as file:
                receipts.append(session.write(file, updates(values)))
            target.replace(path)
            session.committed(Fingerprint("", 0))
    return receipts


def member_bytes(path):
    """Name to header fields, date and packed bytes of each member, in the order of the directory."""
    content = path.read_bytes()
    found = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            name, extra = struct.unpack_from("<2H", content, info.header_offset + 26)
            start = info.header_offset + 30 + name + extra
            packed = content[start : start + info.compress_size]
            found[info.filename] = (info.date_time, info.external_attr, info.CRC, info.file_size, packed)
    return found


def part(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def sheet_part(path, sheet):
    """The part of a worksheet, looked up by openpyxl."""
    from ihacpa_core.workbook.book import read_book
    from ihacpa_core.workbook.package import Package

    with Package(path) as package:
        return read_book(package).sheet(sheet).part


def assert_other_members_stay(before, after, *, part_name=None):
    """Every member but those that a save may change is there byte for byte, in its order, with its date."""
    allowed = {name for name in before if MAY_CHANGE.fullmatch(name)}
    if part_name is not None:
        sheets = {name for name in allowed if name.startswith("xl/worksheets/")}
        folder, _, name = part_name.rpartition("/")
        allowed -= sheets - {part_name, f"{folder}/_rels/{name}.rels"}
    assert {name: found for name, found in after.items() if name in before and name not in allowed} == {
        name: found for name, found in before.items() if name not in allowed
    }
    kept = [name for name in after if name in before]
    assert kept == [name for name in before if name in kept]
    assert set(before) - set(after) <= {"xl/calcChain.xml"}


def seen_by_openpyxl(path, sheet):
    """Value, type, format and link of every cell of a sheet, by reference."""
    with warnings.catch_warnings(action="ignore"):
        book = openpyxl.load_workbook(path)
    found = {}
    for cell in book[sheet]._cells.values():
        value = getattr(cell, "value", None)
        link = cell.hyperlink.target or cell.hyperlink.location if cell.hyperlink else None
        value = value.text if hasattr(value, "text") and hasattr(value, "ref") else value
        style = cell._style
        found[cell.coordinate] = (value, cell.data_type if value is not None else "", tuple(style or ()), link)
    return {ref: seen for ref, seen in found.items() if seen != (None, "", (0,) * len(seen[2]), None)}


def seen_by_calamine(path, sheet):
    """Value of every cell of a sheet, by reference."""
    from openpyxl.utils import get_column_letter
    from python_calamine import CalamineWorkbook

    with path.open("rb") as file:
        reader = CalamineWorkbook.from_filelike(file)
        found = reader.get_sheet_by_name(sheet)
        start = found.start or (0, 0)
        rows = found.to_python(skip_empty_area=True)
    return {
        f"{get_column_letter(start[1] + column + 1)}{start[0] + row + 1}": value
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
        if value != ""
    }


def seen_by_core(path, sheet):
    """Value and formula of every cell of a sheet, by reference."""
    return {f"{letter}{row.number}": content for row in iter_rows(path, sheet) for letter, content in row.cells.items()}


def assert_sheet_is_in_order(text):
    """The sheet's XML is well-formed, its elements in the order of the standard, rows and cells in theirs."""
    root = ElementTree.fromstring(text)
    namespace = root.tag.partition("}")[0] + "}"
    names = [child.tag.rpartition("}")[2] for child in root if child.tag.startswith(namespace)]
    known = [name for name in names if name in ORDER]
    assert known == sorted(known, key=ORDER.index)
    last = 0
    for row in root.find(f"{namespace}sheetData"):
        number = int(row.get("r", last + 1))
        assert number > last
        last, column = number, 0
        for cell in row:
            at = split_to_index(cell.get("r")) if cell.get("r") else column + 1
            assert at > column
            column = at
    links = root.find(f"{namespace}hyperlinks")
    assert links is None or len(links) > 0


def split_to_index(ref):
    from ihacpa_core.workbook.refs import column_index

    letter, _ = split_ref(ref)
    return column_index(letter)


def same(wanted, found):
    """Whether a value read by openpyxl is the one that was written."""
    if isinstance(wanted, date) and not isinstance(wanted, datetime):
        wanted = datetime(wanted.year, wanted.month, wanted.day)
    return wanted == found
