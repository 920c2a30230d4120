"""Random cells into random sheets: what was written reads back, and everything else reads as before."""

from __future__ import annotations

import math
import warnings
from datetime import date, datetime, timedelta

import openpyxl
import patch_checks as checks
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.styles import Alignment, Font, PatternFill

from ihacpa_core import Cell, CellStyle
from ihacpa_core.workbook.refs import column_letter
from ihacpa_core.workbook.values import fit_value, same_value

COLUMNS = st.one_of(st.integers(1, 8), st.sampled_from([26, 27, 702, 703, 16384]))
ROWS = st.one_of(st.integers(1, 30), st.sampled_from([100, 1000, 1_048_576]))
REFS = st.builds(lambda column, row: f"{column_letter(column)}{row}", COLUMNS, ROWS)
TEXTS = st.text(max_size=30).map(lambda text: fit_value(text)[0])
DAYS = st.dates(date(1900, 1, 1), date(9999, 12, 31))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1)).map(
    lambda moment: moment - timedelta(microseconds=moment.microsecond % 1000)
)
NUMBERS = st.one_of(
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: fit_value(x)[0]),
)
VALUES = st.one_of(st.none(), TEXTS, NUMBERS, st.booleans(), DAYS, MOMENTS)
LINKS = st.one_of(st.none(), st.sampled_from(["https://example.org/a?b=c&d='e'", "http://example.org/表"]))
CELLS = st.builds(Cell, VALUES, st.one_of(st.none(), st.sampled_from(CellStyle)), LINKS)
BATCHES = st.lists(st.dictionaries(REFS, CELLS, max_size=12), min_size=1, max_size=3)
OLD = st.dictionaries(
    REFS,
    st.tuples(st.one_of(TEXTS.filter(bool), st.floats(-1e9, 1e9), st.booleans(), st.just("=1+1")), st.integers(0, 3)),
    max_size=25,
)  # fmt: skip


def by_openpyxl(path, cells):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    for ref, (value, look) in cells.items():
        cell = sheet[ref]
        cell.value = value
        if isinstance(value, str) and value != "=1+1":
            cell.data_type = "s"
        if look == 1:
            cell.font, cell.fill = Font(bold=True, color="FF112233"), PatternFill("solid", fgColor="FFEEDDCC")
        elif look == 2:
            cell.number_format, cell.alignment = "dd.mm.yyyy", Alignment(wrap_text=True)
        elif look == 3:
            cell.hyperlink = "https://example.org/old"
    book.save(path)


def by_xlsxwriter(path, cells):
    book = xlsxwriter.Workbook(path, {"strings_to_urls": False})
    sheet = book.add_worksheet("Data")
    looks = [
        None,
        book.add_format({"bold": 1, "bg_color": "#EEDDCC"}),
        book.add_format({"num_format": "dd.mm.yyyy"}),
        None,
    ]
    for ref, (value, look) in cells.items():
        if isinstance(value, str) and value == "=1+1":
            sheet.write_formula(ref, value, looks[look], 2)
        elif isinstance(value, str):
            sheet.write_string(ref, value, looks[look])
        else:
            sheet.write(ref, value, looks[look])
    sheet.conditional_format("A1:C9", {"type": "cell", "criteria": ">", "value": 5, "format": looks[1]})
    sheet.autofilter("A1:D20")
    with warnings.catch_warnings(action="ignore"):
        book.close()


def right(wanted, found):
    if isinstance(wanted, float) and isinstance(found, int | float) and not isinstance(found, bool):
        return math.isclose(wanted, found, rel_tol=1e-14)
    return same_value(wanted, found)


def saved_rightly(path, batches):
    before, looks = checks.seen_by_core(path, "Data"), checks.seen_by_openpyxl(path, "Data")
    members = checks.member_bytes(path)
    checks.save(path, "Data", *batches)
    after, after_looks = checks.seen_by_core(path, "Data"), checks.seen_by_openpyxl(path, "Data")
    wanted = {ref: cell for batch in batches for ref, cell in batch.items()}

    for ref, cell in wanted.items():
        found = after.get(ref)
        assert right(cell.value, found.value if found else None), (ref, cell, found)
        assert found is None or found.formula is None
    assert {r: c for r, c in after.items() if r not in wanted} == {r: c for r, c in before.items() if r not in wanted}
    assert {r: c for r, c in after_looks.items() if r not in wanted} == {
        r: c for r, c in looks.items() if r not in wanted
    }
    checks.assert_sheet_is_in_order(checks.part(path, checks.sheet_part(path, "Data")))
    checks.assert_other_members_stay(members, checks.member_bytes(path))


@settings(max_examples=40, deadline=None)
@given(OLD, BATCHES)
def test_sheets_of_openpyxl(tmp_path_factory, cells, batches):
    """Sheets that openpyxl wrote: texts in the cells, links, formats."""
    path = tmp_path_factory.mktemp("o") / "book.xlsx"
    by_openpyxl(path, cells)

    saved_rightly(path, batches)


@settings(max_examples=40, deadline=None)
@given(OLD, BATCHES)
def test_sheets_of_xlsxwriter(tmp_path_factory, cells, batches):
    """Sheets that XlsxWriter wrote, as Excel writes them: shared texts, conditions, filters."""
    path = tmp_path_factory.mktemp("x") / "book.xlsx"
    by_xlsxwriter(path, cells)

    saved_rightly(path, batches)


@settings(max_examples=25, deadline=None)
@given(BATCHES, st.data())
def test_what_stands_there_already_changes_nothing(tmp_path_factory, batches, data):
    """What was written and is written again, in another session, is counted as unchanged, and no byte differs."""
    path = tmp_path_factory.mktemp("s") / "book.xlsx"
    data.draw(st.sampled_from([by_openpyxl, by_xlsxwriter]))(path, {"A1": ("text", 1), "B2": (2.5, 2)})
    batch = batches[0]
    checks.save(path, "Data", batch)
    before = path.read_bytes()
    (receipt,) = checks.save(path, "Data", batch)

    assert (receipt.changed, receipt.unchanged) == (0, len(batch))
    assert checks.member_bytes(path) and path.read_bytes() == before
