"""What the tests of a whole review share: a folder with a workbook of packages, an index, advisories, the command."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from ihacpa_core.errors import ExitCode
from ihacpa_core.records import CellStyle
from ihacpa_core.testing.project import Project, Result
from ihacpa_core.workbook.styles import PALETTE

EXAMPLES = Path(__file__).parents[2] / "examples"
HEADER_ROW = 3
WHOLE = "PYSEC,GHSA,MAL"
INDEX_COLUMNS = "DEFGHIJK"
RESULT_COLUMNS = "MPR"

_SETTINGS = """\
[ihacpa]
workbook = "book.xlsx"

[source.pypi]
url = "{url}"
cache = "pypi.sqlite"
attempts = {attempts}
timeout = "{timeout}"

[source.osv]
database = "advisories.sqlite"
online = false
"""


class Look(NamedTuple):
    """A cell as a person sees it, and what it is inside."""

    value: Any
    kind: str
    fill: str
    font: str
    link: str | None
    number_format: str
    wrap: bool | None
    horizontal: str | None
    border: str | None


class Desk(Project):
    """A folder in which packages are reviewed against the index at `url`, each look-up tried once."""

    def __init__(self, folder: Path, url: str, *, attempts: int = 1, timeout: str = "10s") -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.write("ihacpa.toml", _SETTINGS.format(url=url, attempts=attempts, timeout=timeout))

    def take(self, workbook: Path) -> Path:
        """Work on a copy of `workbook`."""
        shutil.copy(workbook, self.workbook)
        return self.workbook

    def list_packages(self, rows: Iterable[tuple[Any, Any]]) -> Path:
        """Write a workbook of the founding layout with these names and versions, and nothing in the other columns."""
        book = Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        sheet["A1"] = "Packages"
        headers = load_workbook(EXAMPLES / "packages.xlsx").worksheets[0][HEADER_ROW]
        for cell in headers:
            sheet.cell(HEADER_ROW, cell.column, cell.value)
        for place, (name, version) in enumerate(rows, start=1):
            for column, value in enumerate((place, name, version), start=1):
                sheet.cell(HEADER_ROW + place, column, value)
        book.save(self.workbook)
        return self.workbook

    def advise(self, source: Path, complete: str | None = WHOLE) -> Result:
        """Import advisories, as a person does who vouches for what they are complete for."""
        vouched = ["--complete-for", complete] if complete else []
        return self.run("advisories", "import", str(source), *vouched, expect=ExitCode.OK)

    def rows(self) -> dict[str, dict[str, Any]]:
        """The reviewed rows by package name: column letter to value."""
        return {
            str(row["B"].value): {letter: look.value for letter, look in row.items()} for row in self.looks().values()
        }

    def looks(self) -> dict[int, dict[str, Look]]:
        """The rows by number: column letter to what stands there."""
        sheet = load_workbook(self.workbook).worksheets[0]
        rows = {
            cells[0].row: {get_column_letter(cell.column): look_of(cell) for cell in cells}
            for cells in sheet.iter_rows(min_row=HEADER_ROW + 1)
        }
        return {number: row for number, row in rows.items() if row["B"].value is not None}


def look_of(cell: Any) -> Look:
    """What a person sees in a cell of openpyxl's."""
    colour = cell.font.color.rgb if cell.font.color is not None else ""
    return Look(
        value=cell.value,
        kind=cell.data_type,
        fill=cell.fill.fgColor.rgb if cell.fill.fill_type else "",
        font=colour if isinstance(colour, str) else "",
        link=cell.hyperlink.target if getattr(cell, "hyperlink", None) else None,
        number_format=cell.number_format,
        wrap=cell.alignment.wrap_text,
        horizontal=cell.alignment.horizontal,
        border=cell.border.left.style,
    )


def style(look: Look) -> CellStyle | None:
    """Which of the product's colours a cell has, fill and font."""
    found = [
        meaning
        for meaning, colours in PALETTE.items()
        if look.fill.endswith(colours.fill) and look.font.endswith(colours.font)
    ]
    return found[0] if found else None


def all_looks(path: Path) -> dict[tuple[str, str], Look]:
    """Every cell of every sheet."""
    book = load_workbook(path)
    return {
        (sheet.title, cell.coordinate): look_of(cell)
        for sheet in book.worksheets
        for cells in sheet.iter_rows()
        for cell in cells
    }


def parts(path: Path) -> dict[str, bytes]:
    """The parts of a workbook's file."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def says_all_is_well(rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str] = "MPRTVW") -> list[str]:
    """The cells that call something safe: ``absl-py M``."""
    good = ("None found", "SAFE", "PROCEED")
    return [f"{name} {letter}" for name, row in rows.items() for letter in columns if str(row[letter]).startswith(good)]
