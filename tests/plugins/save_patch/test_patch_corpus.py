"""Workbooks made by Excel itself: whatever is in them is still in them after two saves, and nothing else changes."""

from __future__ import annotations

import os
import warnings
import zipfile
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import patch_checks as checks
import pytest

from ihacpa_core import Cell, WorkbookError
from ihacpa_core.workbook.book import read_book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.refs import split_ref

FOLDER = os.environ.get("IHACPA_TEST_DATA")
LIST = Path(__file__).with_name("refused.txt")
REFUSED = dict(line.split(": ", 1) for line in LIST.read_text().splitlines() if line and not line.startswith("#"))
GROUPS = 10


@pytest.fixture(scope="module")
def corpus():
    path = Path(FOLDER or "/nonexistent") / "excel-files.zip"
    if not path.is_file():
        pytest.skip("IHACPA_TEST_DATA does not lead to a folder with excel-files.zip")
    pytest.importorskip("python_calamine")
    with zipfile.ZipFile(path) as archive:
        yield archive


def active_sheet(path):
    with Package(path) as package:
        return read_book(package).sheet().name


class Seen:
    """A sheet, as three readers see it, and the members of its file."""

    def __init__(self, path, sheet):
        self.members = checks.member_bytes(path)
        self.openpyxl = checks.seen_by_openpyxl(path, sheet)
        self.calamine = checks.seen_by_calamine(path, sheet)
        self.core = checks.seen_by_core(path, sheet)

    def others(self, written):
        """All cells but those that were written."""
        views = (self.openpyxl, self.calamine, self.core)
        return [{ref: seen for ref, seen in view.items() if ref not in written} for view in views]


def plan(seen, *, existing):
    """Two batches: texts, numbers, days, links and colours, in new rows and, if asked for, in cells that are there."""
    constants = [ref for ref in seen.core if seen.core[ref].formula is None]
    there = sorted(constants, key=lambda ref: (split_ref(ref)[1], checks.split_to_index(ref)))[: 3 if existing else 0]
    last = max((split_ref(ref)[1] for ref in seen.core), default=1)
    first = {
        f"B{last + 3}": 'new <text> & "more" 表😀', f"C{last + 3}": 12.5, f"D{last + 4}": date(2026, 1, 2),
        f"AB{last + 5}": Cell("link", link="https://example.org/a?b=c&d=e"), f"A{last + 7}": Cell("bad", "bad"),
        **dict(zip(there, (Cell("over & out", "good"), 42, date(2025, 5, 6)), strict=False)),
    }  # fmt: skip
    second = {f"A{last + 9}": Cell("second", "warn", "https://example.org/2"), f"B{last + 3}": "again"}
    if there:
        second[there[0]] = Cell("third", "info", "https://example.org/3")
    return first, second


def check(path):
    """Save twice and compare everything; the reason if that was refused."""
    sheet = active_sheet(path)
    before, whole = Seen(path, sheet), path.read_bytes()
    refusal = None
    try:
        batches = plan(before, existing=True)
        checks.save(path, sheet, *batches)
    except WorkbookError as error:
        refusal = error.why
        assert path.read_bytes() == whole
        if "is protected" in refusal:
            return refusal
        batches = plan(before, existing=False)
        checks.save(path, sheet, *batches)
    compare(path, sheet, before, batches)
    return refusal


def compare(path, sheet, before, batches):
    after, part = Seen(path, sheet), checks.sheet_part(path, sheet)
    written = {**batches[0], **batches[1]}

    checks.assert_other_members_stay(before.members, after.members, part_name=part)
    checks.assert_sheet_is_in_order(checks.part(path, part))
    for name in after.members:
        if checks.MAY_CHANGE.fullmatch(name):
            ElementTree.fromstring(checks.part(path, name))
    assert after.others(written) == before.others(written)
    for ref, value in written.items():
        cell = value if isinstance(value, Cell) else Cell(value)
        assert after.core[ref].value == cell.value
        assert after.calamine[ref] == cell.value
        if ref in after.openpyxl:  # which shows nothing of a cell under a merged one
            assert checks.same(cell.value, after.openpyxl[ref][0])
            assert cell.link is None or after.openpyxl[ref][3] == cell.link


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_files_of_excel(corpus, tmp_path, group):
    """Each file is saved twice: other members and cells are the same, seen by three readers; refusals are listed."""
    names = sorted(corpus.namelist())[group::GROUPS]
    refused = {}
    for name in names:
        path = tmp_path / name
        path.write_bytes(corpus.read(name))
        with warnings.catch_warnings(action="ignore"):
            refusal = check(path)
        if refusal is not None:
            refused[name] = refusal

    assert refused == {name: why for name, why in REFUSED.items() if name in names}


@pytest.mark.parametrize(
    "name", ["chart_bar02.xlsx", "hyperlink01.xlsx", "table01.xlsx", "comment01.xlsx", "embed_image01.xlsx"]
)
def test_a_few_files_of_excel(corpus, tmp_path, name):
    """As the test of all files, for some that have much in them."""
    path = tmp_path / name
    path.write_bytes(corpus.read(name))

    with warnings.catch_warnings(action="ignore"):
        assert check(path) == REFUSED.get(name)
