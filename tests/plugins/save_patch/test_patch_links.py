"""Links: an element and a relationship each, in place of old ones, in files that have many, none, or odd ones."""

from __future__ import annotations

import openpyxl
import patch_books as books
import patch_checks as checks
import pytest
from ihacpa_plugins.save.patch import links as module

from ihacpa_core import Cell

ROW = '<row r="1"><c r="A1" t="str"><v>a</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'
RELS = "xl/worksheets/_rels/sheet1.xml.rels"
ONE, TWO = "https://example.org/one?a=b&c=d", "https://example.org/two"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.xlsx"


def linked(path, elements, relations, *, after=""):
    rels = "".join(
        f'<Relationship Id="{id_}" Type="{books.RELATIONS}/{kind}" Target="{target.replace("&", "&amp;")}"'
        + (' TargetMode="External"/>' if kind == "hyperlink" else "/>")
        for id_, kind, target in relations
    )
    text = f'<Relationships xmlns="{books.PACKAGE}/relationships">{rels}</Relationships>'
    tail = (
        f'<hyperlinks>{elements}</hyperlinks><pageMargins left="0" right="0" top="0" bottom="0" header="0" footer="0"/>'
    )
    return books.write(path, books.sheet(ROW, after=tail + after), parts={RELS: text})


def found(path):
    """Cell to target of every link, by openpyxl."""
    sheet = openpyxl.load_workbook(path)["Data"]
    return {
        cell.coordinate: cell.hyperlink.target or f"#{cell.hyperlink.location}"
        for row in sheet.iter_rows()
        for cell in row
        if cell.hyperlink
    }


def test_first_link_of_a_sheet(path):
    """A sheet without relationships gets the part; the element stands where the standard wants it."""
    books.write(
        path,
        books.sheet(ROW, after='<autoFilter ref="A1:A2"/><printOptions gridLines="1"/><tableParts count="0"/>'),
        parts={"zzz/last.txt": "last"},
    )
    checks.save(path, "Data", {"A1": Cell("a", link=ONE)}, {"B9": Cell("b", link=TWO)})

    assert found(path) == {"A1": ONE, "B9": TWO}
    text = checks.part(path, books.SHEET).decode()
    assert text.index("<autoFilter") < text.index("<hyperlinks>") < text.index("<printOptions")
    assert text.count("<hyperlinks>") == 1


def test_a_link_takes_the_place_of_another(path):
    """Another address for a cell changes its relationship and adds none; what is the same is no change."""
    linked(
        path,
        '<hyperlink ref="A1" r:id="rId5" tooltip="old"/>',
        [("rId1", "printerSettings", "../d.bin"), ("rId5", "hyperlink", TWO)],
    )
    first, second = checks.save(path, "Data", {"A1": Cell("a", link=ONE)}, {"A1": Cell("a", link=ONE)})

    assert (first.changed, second.changed) == (1, 0)
    assert found(path) == {"A1": ONE}
    relations = checks.part(path, RELS)
    assert relations.count(b"<Relationship ") == 2
    assert b"../d.bin" in relations
    assert b"tooltip" not in checks.part(path, books.SHEET)


def test_an_address_that_excel_wrote_in_its_way_is_the_same(path):
    """A slash behind a bare host, and a place within a page that stands apart, are no change."""
    linked(
        path,
        '<hyperlink ref="A1" r:id="rId1"/><hyperlink ref="A2" r:id="rId2" location="part"/>',
        [("rId1", "hyperlink", "https://example.org/"), ("rId2", "hyperlink", "https://example.org/page")],
    )
    updates = {"A1": Cell("a", link="https://example.org"), "A2": Cell(2, link="https://example.org/page#part")}
    (receipt,) = checks.save(path, "Data", updates)

    assert (receipt.changed, receipt.unchanged) == (0, 2)


def test_an_emptied_cell_loses_its_link(path):
    """As in Excel, clearing a cell takes its link away; the last one takes the whole element with it."""
    linked(path, '<hyperlink ref="A1" r:id="rId1"/>', [("rId1", "hyperlink", ONE)])
    checks.save(path, "Data", {"A1": None})

    assert found(path) == {}
    assert b"hyperlinks" not in checks.part(path, books.SHEET)
    assert b"hyperlink" not in checks.part(path, RELS)
    checks.save(path, "Data", {"A1": Cell("again", link=TWO)})
    assert found(path) == {"A1": TWO}


def test_places_in_the_workbook_give_way(path):
    """A link to a place in the workbook, which has no relationship, gives way to an address."""
    linked(path, '<hyperlink ref="A1" location="Data!A9" display="x"/><hyperlink ref="A2" location="Data!A8"/>', [])
    checks.save(path, "Data", {"A1": Cell("a", link=ONE)})

    assert found(path) == {"A1": ONE, "A2": "#Data!A8"}


def test_relationships_that_two_links_share(path):
    """Changing one of two links that share a relationship leaves the other where it led; so does clearing it."""
    linked(
        path,
        '<hyperlink ref="A1" r:id="rId1"/><hyperlink ref="A2" r:id="rId1"/><hyperlink ref="A3" r:id="rId1"/>',
        [("rId1", "hyperlink", ONE)],
    )
    checks.save(path, "Data", {"A1": Cell("a", link=TWO), "A2": None})

    assert found(path) == {"A1": TWO, "A3": ONE}


def test_links_over_areas(path):
    """A link over several cells is parted; over a merged cell that begins with the one that is written, it changes."""
    tail = '<mergeCells count="1"><mergeCell ref="E5:F6"/></mergeCells>'
    linked(
        path,
        '<hyperlink ref="A1:C3" r:id="rId1"/><hyperlink ref="E5:F6" r:id="rId2"/>',
        [("rId1", "hyperlink", ONE), ("rId2", "hyperlink", ONE)],
    )
    text = checks.part(path, books.SHEET).decode().replace("<hyperlinks>", f"{tail}<hyperlinks>")
    books.write(path, text, parts={RELS: checks.part(path, RELS).decode()})
    checks.save(path, "Data", {"B2": Cell("b", link=TWO), "E5": Cell("e", link=TWO)}, {"A3": Cell("x", link=TWO)})

    area = {f"{letter}{row}": ONE for letter in "ABC" for row in (1, 2, 3)}
    merged = dict.fromkeys(("E5",), TWO)
    seen = found(path)
    assert {ref: seen[ref] for ref in area} == {**area, "B2": TWO, "A3": TWO}
    assert seen["E5"] == merged["E5"]
    assert b'ref="E5:F6"' in checks.part(path, books.SHEET)


def test_many_links(path, monkeypatch):
    """Thousands of links in segments: some changed, some cleared, many added, in several saves of one session."""
    monkeypatch.setattr("ihacpa_plugins.save.patch.catalog._AIMED", 500)
    elements = "".join(f'<hyperlink ref="A{n}" r:id="rId{n}"/>\n' for n in range(1, 400))
    linked(path, elements, [(f"rId{n}", "hyperlink", f"https://example.org/{n}") for n in range(1, 400)])
    expected = {f"A{n}": f"https://example.org/{n}" for n in range(1, 400)}
    batches = []
    for start in (1, 2, 3):
        batch = {f"A{n}": Cell("x", link=f"{TWO}/{start}/{n}") for n in range(start, 400, 17)}
        batch |= {f"B{n}": Cell("y", link=f"{ONE}{n}") for n in range(start, 500, 3)}
        expected |= {ref: cell.link for ref, cell in batch.items()}
        batches.append(batch)
    cleared = {f"A{n}": None for n in range(50, 60)}
    checks.save(path, "Data", *batches, cleared)

    assert found(path) == {ref: link for ref, link in expected.items() if ref not in cleared}
    checks.assert_sheet_is_in_order(checks.part(path, books.SHEET))


def test_no_more_links_than_a_sheet_holds(path, monkeypatch):
    """Where a sheet has all the links that it can have, a text is written without one, and links there may change."""
    monkeypatch.setattr(module, "MAX_LINKS", 1)
    linked(path, '<hyperlink ref="A1" r:id="rId1"/>', [("rId1", "hyperlink", ONE)])
    checks.save(path, "Data", {"B1": Cell("b", link=TWO), "A1": Cell("a", link=TWO)})

    assert found(path) == {"A1": TWO}
    assert checks.seen_by_core(path, "Data")["B1"].value == "b"


def test_prefixes_of_their_own(path):
    """A sheet that does not declare the prefix of relationships at its top gets it where it is needed."""
    xml = books.sheet(
        ROW, after="<hyperlinks><hyperlink q:id='rId1' xmlns:q='" + books.RELATIONS + "' ref='A1'/></hyperlinks>"
    )
    xml = xml.replace(f' xmlns:r="{books.RELATIONS}"', "")
    rels = (
        f'<p:Relationships xmlns:p="{books.PACKAGE}/relationships"><p:Relationship Id="rId1" '
        f'Type="{books.RELATIONS}/hyperlink" Target="{ONE.replace("&", "&amp;")}" TargetMode="External"/>'
        "</p:Relationships>"
    )
    books.write(path, xml, parts={RELS: rels})
    checks.save(path, "Data", {"A1": Cell("a", link=TWO), "A2": Cell(2, link=ONE)})

    assert found(path) == {"A1": TWO, "A2": ONE}
