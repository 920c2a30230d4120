"""Makes the example workbooks: `python examples/make_workbook.py [FOLDER]`, by default beside this file.

`packages.xlsx` and `packages-486.xlsx` have the layout that the package review expects: two title rows, the header on
row 3, one package a row from row 4. `orders.xlsx` is a small sheet of another kind for `check_orders.py`.
The same files come out of every run, so that a difference in one means something.
"""

from __future__ import annotations

import csv
import io
import os
import re
import sys
import zipfile
from datetime import datetime
from pathlib import Path

os.environ["OPENPYXL_LXML"] = "False"  # lxml, where it is installed, would write the same XML with other white space

from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

HERE = Path(__file__).resolve().parent
HEADER_ROW = 3
MADE = datetime(2024, 6, 3, 9, 0)
COLUMNS = [
    ("#", 6),
    ("Package Name", 26),
    ("Installed Version", 12),
    ("PyPI Link (Installed Version)", 20),
    ("Date Published", 13),
    ("Latest Version", 12),
    ("PyPI Link (Latest Version)", 20),
    ("Latest Version Release Date", 13),
    ("Requires", 16),
    ("Development Status", 18),
    ("GitHub URL", 32),
    ("GitHub Security Advisory Lookup URL", 22),
    ("GitHub Security Advisory Result", 36),
    ("Notes", 30),
    ("NIST NVD Lookup URL", 18),
    ("NIST NVD Lookup Result", 36),
    ("MITRE CVE Lookup URL", 18),
    ("MITRE CVE Lookup Result", 36),
    ("SNYK Vulnerability Lookup URL", 18),
    ("SNYK Vulnerability Lookup Result", 36),
    ("Exploit Database Lookup URL", 18),
    ("Exploit Database Lookup Result", 36),
    ("Recommendation", 40),
    ("Manual Review", 30),
]
"""Header text and width in characters, from column A. The last one is a person's own, to the right of the table."""
LINKS = {
    "D": '=HYPERLINK("https://pypi.org/project/"&$B{row}&"/"&$C{row}&"/","PyPI "&$C{row})',
    # What has no release or repository says "Not Available" or "NOT CHECKED": that leads nowhere.
    "G": '=IF(OR($F{row}="",LEFT($F{row},3)="Not"),"",'
    'HYPERLINK("https://pypi.org/project/"&$B{row}&"/"&$F{row}&"/","PyPI "&$F{row}))',
    "L": '=IF(LEFT($K{row},4)<>"http","",HYPERLINK($K{row}&"/security/advisories","GitHub advisories"))',
    "O": '=HYPERLINK("https://nvd.nist.gov/vuln/search/results?query="&$B{row},"NVD "&$B{row})',
    "Q": '=HYPERLINK("https://www.cve.org/CVERecord/SearchResults?query="&$B{row},"CVE "&$B{row})',
    "S": '=HYPERLINK("https://security.snyk.io/package/pip/"&$B{row},"Snyk "&$B{row})',
    "U": '=HYPERLINK("https://www.exploit-db.com/search?q="&$B{row},"Exploit-DB "&$B{row})',
}
DATES = ("E", "H")
CENTRED = ("A", "C", "E", "F", "H")
NOTES = [
    "How this workbook is used",
    "One package a row. Columns A to C are filled in by hand; the version NEW means: not installed yet.",
    "Columns D to W are filled in by ihacpa. Column N and the columns right of W are never touched.",
    "A row without a package name is skipped; it does not end the list.",
]
GROUPS = ("A-F", "G-L", "M-R", "S-Z")
ORDERS: list[tuple[str | int | float | None, ...]] = [
    ("Order", "Quantity", "Unit price", "Total", "Check"),
    ("2024-0001", 3, 19.9, None, None),
    ("2024-0002", 12, 4.25, None, None),
    ("2024-0003", 0, 7.5, None, None),
    ("2024-0004", 1, 1250, None, None),
    ("2024-0005", "two", 80, None, None),
    ("2024-0006", 40, 0.35, None, None),
    (None, None, None, None, None),
    ("2024-0007", 5, None, None, None),
    ("2024-0008", 2, 310.5, None, None),
]

THIN = Side(style="thin", color="BFBFBF")
BORDER = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
HEAD_FONT = Font(bold=True, color="FFFFFF")
HEAD_FILL = PatternFill("solid", fgColor="1F4E78")
HEAD_ALIGNMENT = Alignment(horizontal="center", vertical="center", wrap_text=True)
LINK_FONT = Font(color="0563C1", underline="single")


def packages_workbook(rows: list[dict[str, str]]) -> Workbook:
    """The review workbook with `rows` of the CSV file; a blank row stands in the middle."""
    book = Workbook()
    sheet = first_sheet(book, "Packages")
    sheet["A1"] = "Python packages: known vulnerabilities"
    sheet["A1"].font = Font(bold=True, size=16, color="1F4E78")
    sheet["A2"] = f"{len(rows)} packages of the analysis platform"
    sheet["A2"].font = Font(italic=True, color="595959")
    write_header(sheet, HEADER_ROW, COLUMNS)
    sheet.row_dimensions[HEADER_ROW].height = 45
    middle = len(rows) // 2
    for at, package in enumerate(rows):
        write_package(sheet, HEADER_ROW + 1 + at + (at >= middle), package)
    last = f"{get_column_letter(len(COLUMNS))}{HEADER_ROW + 1 + len(rows)}"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{last}"
    sheet.freeze_panes = f"D{HEADER_ROW + 1}"
    set_up_page(sheet)
    write_notes(book.create_sheet("Notes"), rows)
    return book


def first_sheet(book: Workbook, title: str) -> Worksheet:
    sheet = book.worksheets[0]
    sheet.title = title
    return sheet


def write_header(sheet: Worksheet, row: int, columns: list[tuple[str, int]]) -> None:
    for index, (text, width) in enumerate(columns, start=1):
        cell = sheet.cell(row, index, text)
        cell.font, cell.fill, cell.alignment, cell.border = HEAD_FONT, HEAD_FILL, HEAD_ALIGNMENT, BORDER
        sheet.column_dimensions[get_column_letter(index)].width = width


def write_package(sheet: Worksheet, row: int, package: dict[str, str]) -> None:
    version = package["version"]
    values: dict[str, int | float | str | None] = {
        "A": int(package["index"]),
        "B": package["package"],
        "C": float(version) if package.get("typed") == "number" else version,
        "N": package.get("notes") or None,
        "X": package.get("manual_review") or None,
    }
    values |= {letter: formula.format(row=row) for letter, formula in LINKS.items()}
    for index in range(1, len(COLUMNS) + 1):
        letter = get_column_letter(index)
        cell = sheet.cell(row, index, values.get(letter))
        cell.border = BORDER
        horizontal = "center" if letter in CENTRED else None
        cell.alignment = Alignment(horizontal=horizontal, vertical="top", wrap_text=True)
        if letter in LINKS:
            cell.font = LINK_FONT
        if letter in DATES:
            cell.number_format = "yyyy-mm-dd"


def set_up_page(sheet: Worksheet) -> None:
    sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def write_notes(sheet: Worksheet, rows: list[dict[str, str]]) -> None:
    """The second sheet: how the workbook is used, and a chart of where in the alphabet the packages are."""
    sheet.column_dimensions["A"].width = 110
    sheet.column_dimensions["C"].width = 12
    for row, text in enumerate(NOTES, start=1):
        sheet.cell(row, 1, text).alignment = Alignment(wrap_text=True, vertical="top")
    sheet["A1"].font = Font(bold=True, size=14, color="1F4E78")
    sheet["C1"], sheet["D1"] = "Names", "Packages"
    for row, group in enumerate(GROUPS, start=2):
        sheet.cell(row, 3, group)
        sheet.cell(row, 4, sum(group[0] <= package["package"][0].upper() <= group[2] for package in rows))
    chart = BarChart()
    chart.title = "Packages by first letter"
    last = len(GROUPS) + 1
    chart.add_data(Reference(sheet, min_col=4, min_row=1, max_row=last), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=3, min_row=2, max_row=last))
    chart.legend = None
    chart.x_axis.delete = chart.y_axis.delete = False  # openpyxl leaves it open, and Excel then hides them
    sheet.add_chart(chart, "C8")


def orders_workbook() -> Workbook:
    """A sheet of orders, header on row 1."""
    book = Workbook()
    sheet = first_sheet(book, "Orders")
    write_header(sheet, 1, [(str(text), 16) for text in ORDERS[0]])
    for row, values in enumerate(ORDERS[1:], start=2):
        for index, value in enumerate(values, start=1):
            cell = sheet.cell(row, index, value)
            if index in (3, 4):
                cell.number_format = "#,##0.00"
    sheet.freeze_panes = "A2"
    return book


def workbook_bytes(book: Workbook) -> bytes:
    """The file that `book` makes, the same each time: without the time of day, and as openpyxl writes it again.

    What openpyxl adds when it loads and saves a file of its own is there from the start.
    """
    book.properties.creator = "ihacpa"
    book.properties.created = MADE
    first = io.BytesIO()
    book.save(first)
    second = io.BytesIO()
    load_workbook(first).save(second)
    return with_fixed_times(second.getvalue())


def with_fixed_times(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as fixed:
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + MADE.strftime("%FT%TZ").encode(), part)
            info = zipfile.ZipInfo(name, date_time=MADE.timetuple()[:6])
            info.create_system, info.external_attr = 3, 0o600 << 16
            fixed.writestr(info, part, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def read_packages(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def with_remarks(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Notes of a person in a few rows of the long list, which has none of its own."""
    for row in rows[10::60]:
        row["notes"] = "Checked with its owner in May."
    for row in rows[40::120]:
        row["manual_review"] = "Keep until the next release of the platform."
    return rows


def main(folder: Path) -> None:
    books = {
        "packages.xlsx": packages_workbook(read_packages("packages-40.csv")),
        "packages-486.xlsx": packages_workbook(with_remarks(read_packages("packages-486.csv"))),
        "orders.xlsx": orders_workbook(),
    }
    for name, book in books.items():
        (folder / name).write_bytes(workbook_bytes(book))
        print(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
