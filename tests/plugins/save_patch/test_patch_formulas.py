"""Formulas: those that go, those that shared them, and the calculation that the workbook asks for."""

from __future__ import annotations

import patch_books as books
import patch_checks as checks
import pytest
from ihacpa_plugins.save.patch.formulas import moved_formula, without_cells

from ihacpa_core import WorkbookError

CHAIN = "xl/calcChain.xml"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.xlsx"


def with_chain(path, rows, chain, **more):
    books.write(
        path,
        books.sheet(rows),
        parts={CHAIN: f'<calcChain xmlns="{books.MAIN}">{chain}</calcChain>'},
        types=f'<Override PartName="/{CHAIN}" ContentType="{books.TYPE}.calcChain+xml"/>',
        relations=f'<Relationship Id="rId9" Type="{books.RELATIONS}/calcChain" Target="calcChain.xml"/>',
        **more,
    )


def shared(first, *others):
    """Cells of column B that share a formula, which the first one holds."""
    formula = f'<f t="shared" ref="B{first}:B{others[-1]}" si="3">A{first}*$C$1</f>'
    rows = f'<row r="{first}"><c r="B{first}">{formula}</c></row>'
    return rows + "".join(f'<row r="{n}"><c r="B{n}"><f t="shared" si="3"/><v>{n}</v></c></row>' for n in others)


def formulas(path):
    """As openpyxl reads them, which moves shared ones to where they stand."""
    return {ref: seen[0] for ref, seen in checks.seen_by_openpyxl(path, "Data").items() if str(seen[0]).startswith("=")}


def test_a_shared_formula_goes_to_the_next_cell(path):
    """When the cell that holds a shared formula is overwritten, the others calculate what they did."""
    books.write(path, books.sheet(shared(2, 3, 4, 7)))
    checks.save(path, "Data", {"B2": 1})
    assert formulas(path) == {"B3": "=A3*$C$1", "B4": "=A4*$C$1", "B7": "=A7*$C$1"}

    checks.save(path, "Data", {"B3": 1, "B4": "text"})
    assert formulas(path) == {"B7": "=A7*$C$1"}

    checks.save(path, "Data", {"B7": None})
    assert formulas(path) == {}
    assert b"<f" not in checks.part(path, books.SHEET)


def test_a_cell_that_shares_a_formula_may_go(path):
    """When a cell that only shares a formula is overwritten, nothing else changes."""
    books.write(path, books.sheet(shared(2, 3, 4)))
    checks.save(path, "Data", {"B3": "text"})

    assert formulas(path) == {"B2": "=A2*$C$1", "B4": "=A4*$C$1"}


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("A1+$B$2", "C4+$B$2"),
        ("IF(A1=\"A1\",'My A1'!B2,Sheet2!C$3)", "IF(C4=\"A1\",'My A1'!D5,Sheet2!E$3)"),
        ("SUM(A:A,1:1)", "SUM(C:C,4:4)"),
        ("Table1[A1]+LOG10(B1)", "Table1[A1]+LOG10(D4)"),
    ],
)
def test_moved_formulas(text, moved):
    """References move along, but for absolute ones; texts, sheets, tables and functions do not."""
    assert moved_formula(text, (1, 1), (3, 4)) == moved


@pytest.mark.parametrize("kind", ['t="array"', 't="dataTable" dt2D="0" r1="A1"'])
def test_cells_that_a_formula_fills_are_refused(path, kind):
    """A part of an array formula or data table cannot be changed alone; a formula of one cell can."""
    rows = (
        f'<row r="1"><c r="A1"><f {kind} ref="A1:A3">1</f><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'
        '<row r="5"><c r="A5"><f t="array" ref="A5">1</f><v>1</v></c></row>'
    )
    books.write(path, books.sheet(rows))

    for ref in ("A1", "A2", "A3"):
        with pytest.raises(WorkbookError, match=f"{ref} is filled by the formula of A1:A3"):
            checks.save(path, "Data", {ref: "text"})
    checks.save(path, "Data", {"A5": 5})
    assert checks.seen_by_core(path, "Data")["A5"] == (5, None)


def test_chain_without_overwritten_cells(path):
    """The chain of calculation loses the cells whose formula went, and no other, whatever sheet they are in."""
    rows = '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1"><f>2</f></c><c r="C1"><f>3</f></c></row>'
    with_chain(path, rows, '<c r="A1" i="7"/><c r="B1" l="1"/><c r="C1"/><c r="A1" i="2"/><c r="B1"/>')
    checks.save(path, "Data", {"A1": 5, "D1": 6})

    chain = checks.part(path, CHAIN).decode()
    assert '<c r="B1" l="1" i="7"/><c r="C1"/><c r="A1" i="2"/><c r="B1"/></calcChain>' in chain


def test_an_empty_chain_is_removed(path):
    """When no formula is left in the chain, the part goes, and so does what named it."""
    with_chain(path, '<row r="1"><c r="A1"><f>1+1</f></c></row>', '<c r="A1" i="7"/>')
    before = checks.member_bytes(path)
    checks.save(path, "Data", {"A1": 5}, {"A2": 6})

    after = checks.member_bytes(path)
    assert CHAIN not in after
    assert b"calcChain" not in checks.part(path, "[Content_Types].xml")
    assert b"calcChain" not in checks.part(path, "xl/_rels/workbook.xml.rels")
    checks.assert_other_members_stay(before, after)


def test_without_cells_of_nothing():
    """A chain without the cells that are asked for stays as it is."""
    chain = b'<calcChain><c r="A1" i="1"/></calcChain>'

    assert without_cells(chain, 2, {"A1"}, b"") == chain


@pytest.mark.parametrize(
    ("calculation", "expected"),
    [
        ("", '</sheets><calcPr fullCalcOnLoad="1"/>'),
        ('<definedNames/><calcPr calcId="5"/>', '<definedNames/><calcPr calcId="5" fullCalcOnLoad="1"/>'),
        ("<calcPr fullCalcOnLoad='0'/>", '<calcPr fullCalcOnLoad="1"/>'),
    ],
)
def test_a_full_calculation_is_asked_for(path, calculation, expected):
    """Where formulas remain, Excel is asked to calculate on opening; the values that they had stay until then."""
    books.write(path, books.sheet('<row r="1"><c r="A1"><f>B1*2</f><v>4</v></c></row>'), book=calculation)
    checks.save(path, "Data", {"B1": 5}, {"B1": 6})

    assert expected in checks.part(path, "xl/workbook.xml").decode()
    assert checks.seen_by_core(path, "Data")["A1"] == (4, "=B1*2")


def test_without_formulas_the_workbook_part_stays(path):
    """A workbook without formulas is not asked to calculate, and its part stays as it was."""
    books.write(path, books.sheet('<row r="1"><c r="A1"><v>4</v></c></row>'))
    before = checks.member_bytes(path)
    checks.save(path, "Data", {"B1": 5})

    assert checks.member_bytes(path)["xl/workbook.xml"] == before["xl/workbook.xml"]
    assert checks.member_bytes(path)["xl/styles.xml"] == before["xl/styles.xml"]
