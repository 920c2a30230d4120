"""Hostile and broken workbooks through the real command line, in a small room: a word on what is wrong, exit code 4
within seconds, and no byte of the file changed. What is odd but honest is worked on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
import zipfile

import hostile_books as hostile
import pytest
from hostile_books import BOOK, BOOK_RELS, MAIN, ROOT_RELS, SHEET, STRINGS, STYLES, TYPES

from ihacpa_core.errors import ExitCode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures memory in /proc")

SECONDS = 2.0
"""Of processor time that a refusal may take, beyond the start of Python."""
PEAK = 300 << 20
"""Bytes of memory that it may take."""
ROOM = 2 << 30
"""Bytes of address space that the child has: the threads' stacks are part of it."""

CHILD = """
import resource, sys
before = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv.pop(1)), before[1]))
from ihacpa_core.__main__ import main
code = main()
resource.setrlimit(resource.RLIMIT_AS, before)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.stdout.flush()
sys.stderr.write(f"\\npeak {peak.split()[1]} kB, {sum(resource.getrusage(resource.RUSAGE_SELF)[:2]):.2f} s\\n")
sys.exit(code)
"""


@pytest.fixture
def book(project):
    """The project's workbook, changed: `book(change of its parts)` or `book(as_bytes=change of its bytes)`."""

    def change(*changes, as_bytes=None):
        parts = hostile.parts_of(project.workbook)
        for one in (hostile.with_shared_strings, *changes):
            one(parts)
        hostile.write(project.workbook, parts)
        if as_bytes is not None:
            with warnings.catch_warnings(action="ignore"):
                project.workbook.write_bytes(as_bytes(project.workbook.read_bytes()))
        return project.workbook

    return change


@pytest.fixture
def run(project):
    """Runs ihacpa on the workbook in a small room; returns exit code, what it said, seconds, and peak memory."""

    def run(*args, room=ROOM):
        env = {name: value for name, value in os.environ.items() if not name.startswith("IHACPA_")}
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(room), "--save", "openpyxl", *args],
            cwd=project.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        found = re.search(r"\npeak (\d+) kB, ([\d.]+) s\n$", done.stderr)
        assert found, f"the process ended by itself with {done.returncode}: {done.stderr[-2000:]}"
        return done.returncode, done.stderr[: found.start()], float(found[2]), int(found[1]) << 10

    return run


@pytest.fixture
def refused(project, run, calls):
    """Runs ihacpa, which has to refuse the workbook, quickly and cheaply, and to leave it alone; returns its words."""

    def refused(*args):
        before, things = project.workbook.read_bytes(), set(project.folder.iterdir())
        code, said, seconds, peak = run(*args)
        assert code == ExitCode.WORKBOOK, said
        assert "error:" in said and "hint:" in said
        assert "Traceback" not in said and "internal error" not in said
        assert project.workbook.read_bytes() == before
        assert {path for path in project.folder.iterdir() if path.name not in (".ihacpa", "__pycache__")} <= things
        assert calls() == []
        assert seconds < SECONDS and peak < PEAK, f"{seconds} s, {peak >> 20} MB"
        return said

    return refused


# --- what unpacks to more than it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [SHEET, STRINGS, STYLES, BOOK, BOOK_RELS, "xl/theme/theme1.xml", "docProps/app.xml"])
def test_a_part_that_unpacks_to_a_thousand_times_its_size(book, refused, part):
    """A zip bomb in any part, also in one that nobody would read, is refused by what the directory says."""
    book(hostile.blown_up(part, 64))

    assert "as zip bombs do" in refused()


@pytest.mark.parametrize("claimed", [10, 10 << 20])
def test_a_directory_that_lies_about_a_size(book, refused, claimed):
    """A part that unpacks to more than its entry says is damaged."""
    book(hostile.blown_up(SHEET, 40), as_bytes=hostile.claiming(SHEET, claimed))

    assert "damaged" in refused()


def test_many_parts_that_are_large_together(book, refused):
    """Parts below every bound, by their entries, that are together beyond one."""
    names = [f"xl/media/{at}.bin" for at in range(80)]

    def claim_all(data):
        for name in names:
            data = hostile.claiming(name, 31 << 20)(data)
        return data

    book(lambda parts: parts.update(dict.fromkeys(names, b"x")), as_bytes=claim_all)

    assert "too large" in refused()


def test_a_zip_inside_a_zip_is_a_part_like_others(book, project, run):
    """A nested archive is never unpacked: the run neither hangs nor fails by it."""

    def change(parts):
        parts["xl/media/inner.zip"] = parts_of_bomb()

    book(change, hostile.replaced(TYPES, "</Types>", '<Default Extension="zip" ContentType="a/b"/></Types>'))
    code, said, seconds, peak = run("-o", "save.openpyxl.accept_loss=true")

    assert code == ExitCode.OK, said
    assert seconds < 10 and peak < PEAK


def parts_of_bomb():
    import io

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * (64 << 20))
    return stream.getvalue()


# --- entities ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("doctype", [hostile.LAUGHS, hostile.OUTSIDE, hostile.PARAMETER], ids=["laughs", "file", "url"])
@pytest.mark.parametrize("part", [SHEET, STRINGS, STYLES, BOOK, BOOK_RELS, ROOT_RELS])
def test_a_doctype_is_refused_in_every_part(book, refused, part, doctype):
    """Entities are neither expanded nor fetched: a DOCTYPE is enough to be refused, and the part is named."""
    book(hostile.with_doctype(part, doctype))

    said = refused()

    assert "DOCTYPE" in said
    assert part in said


@pytest.mark.parametrize("part", [TYPES, "xl/theme/theme1.xml", "docProps/core.xml", "xl/worksheets/other.xml"])
def test_a_doctype_is_refused_in_parts_that_only_a_backend_reads(book, refused, part):
    """What the save backend loads beyond the sheet is looked at before it is loaded."""
    book(hostile.another_sheet("<sheetData/>"), hostile.with_doctype(part, hostile.LAUGHS))

    assert "DOCTYPE" in refused()


# --- places that no sheet has -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>', "ends at row 1,048,576"),
        ('<row r="1048577"><c r="A1048577"><v>1</v></c></row>', "ends at row 1,048,576"),
        ('<row r="40"><c r="XFE40"><v>1</v></c></row>', "XFE"),
        ('<row r="40"><c r="A7"><v>1</v></c></row>', "stands in row 40"),
        ('<row r="2"><c r="A2"><v>1</v></c></row>', "comes after row"),
        ('<row r="-1"><c><v>1</v></c></row>', "numbered"),
        ('<row r="1e9"><c><v>1</v></c></row>', "numbered"),
        ('<row r="40"><c r="A40" t="s"><v>99999</v></c></row>', "shared text"),
        ('<row r="40"><c r="A40" t="s"><v>-1</v></c></row>', "shared text"),
        ('<row r="40"><c r="A40" t="s"><v>x</v></c></row>', "shared text"),
        ('<row r="40"><c r="A40"><v>twelve</v></c></row>', "number"),
        ('<row r="40"><c r="A40"><v>1</v></c>', "not well-formed"),
    ],
)
def test_a_cell_that_cannot_be(book, refused, row, said):
    """A row, column, text or number that no sheet has: the message says where it stands."""
    book(hostile.more_rows(row))

    assert said in refused()


@pytest.mark.parametrize("ref", ["A1", "A1:XFD1048576", "nonsense", "A1:ZZZ99999999999"])
def test_what_a_sheet_says_about_its_size_is_not_believed(book, project, run, ref):
    """Rows are counted and not believed: whatever the dimension says, every row is processed."""
    parts = hostile.parts_of(project.workbook)
    old = re.search(rb'<dimension ref="[^"]*" ?/>', parts[SHEET])[0].decode()
    if ref in ("nonsense", "A1:ZZZ99999999999"):
        old, ref = old, ref
    book(hostile.replaced(SHEET, old, f'<dimension ref="{ref}"/>'))

    code, said, seconds, peak = run()

    assert code == ExitCode.OK, said
    assert project.cells()["C31"] == 60
    assert peak < PEAK and seconds < 10


def test_one_cell_in_the_last_corner(book, project, run):
    """A cell at XFD1048576 costs one cell: no room is made for those between, when reading and when saving."""
    book(hostile.more_rows('<row r="1048576"><c r="XFD1048576"><v>7</v></c></row>'))

    code, said, seconds, peak = run()
    corner = re.search(rb'<c r="XFD1048576"[^>]*><v>7</v>', hostile.parts_of(project.workbook)[SHEET])

    assert code == ExitCode.OK, said
    assert corner
    assert seconds < 10 and peak < PEAK


def test_a_key_in_the_last_row(book, project, run):
    """A record in the last row that a sheet has is a record like any other."""
    row = '<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>last</t></is></c><c r="B1048576"><v>21</v></c></row>'
    book(hostile.more_rows(row))

    code, said, _, peak = run("--packages", "last")
    cell = re.search(rb'<c r="C1048576"[^>]*><v>42</v>', hostile.parts_of(project.workbook)[SHEET])

    assert code == ExitCode.OK, said
    assert cell
    assert peak < PEAK


# --- what a backend would make more of than there is ------------------------------------------------------------------


@pytest.mark.parametrize(
    "after",
    [
        '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        '<mergeCells xmlns:x="urn:x"><x:mergeCell ref="$A$1:$XFD$1048576"/></mergeCells>',
        '<hyperlinks><hyperlink ref="A1:XFD1048576" location="A1"/></hyperlinks>',
        '<hyperlinks><hyperlink ref="A:XFD" location="A1"/></hyperlinks>',
    ],
)
@pytest.mark.parametrize("where", ["the sheet", "another sheet"])
def test_a_range_over_a_whole_sheet(book, refused, where, after):
    """A merged range or a link over billions of cells would become billions of objects: refused before they are."""
    cell = '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
    book(hostile.after_rows(after) if where == "the sheet" else hostile.another_sheet(cell + after))

    assert "too large for openpyxl" in refused()


def test_one_part_that_is_a_thousand_sheets(book, refused):
    """A sheet of a few thousand cells to which a thousand sheets refer counts a thousand times."""
    rows = "".join(f"<row>{'<c><v>1</v></c>' * 20}</row>" for _ in range(200))

    book(hostile.another_sheet(f"<sheetData>{rows}</sheetData>", times=1000))

    assert "too large for openpyxl" in refused()


def test_a_long_formula_that_every_cell_shares(book, refused):
    """A formula of some kilobytes that thousands of cells share would be spelt out for each of them."""
    formula = "+".join(["A1"] * 2500)
    master = f'<c r="A1"><f t="shared" ref="A1:A9999" si="0">{formula}</f><v>1</v></c>'
    rows = "".join(f'<row r="{at}"><c r="A{at}"><f t="shared" si="0"/></c></row>' for at in range(2, 9000))

    book(hostile.another_sheet(f'<sheetData><row r="1">{master}</row>{rows}</sheetData>'))

    assert "spell out" in refused()


@pytest.mark.slow
@pytest.mark.parametrize("cells", ["<c/>", '<c r="{ref}"><v>1</v></c>'])
def test_a_million_rows(project, book, run, cells):
    """More than a backend can hold is refused while it is counted, in memory that does not depend on it."""
    head = f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'

    def change(parts):
        hostile.another_sheet("<sheetData/>")(parts)
        rows = (f'<row r="{at}">{cells.replace("{ref}", f"A{at}") + "<c/>" * 4}</row>' for at in range(2, 1_000_001))
        parts["xl/worksheets/other.xml"] = (head + "".join(rows) + "</sheetData></worksheet>").encode()

    before = book(change).read_bytes()

    code, said, seconds, peak = run()

    assert code == ExitCode.WORKBOOK, said
    assert "too large for openpyxl" in said
    assert project.workbook.read_bytes() == before
    assert seconds < 10 and peak < PEAK


@pytest.mark.slow
def test_a_million_records(project, run):
    """A million rows with a key are refused while they are read."""
    parts = hostile.parts_of(project.workbook)
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c><c r="B{0}"><v>1</v></c></row>'
    hostile.more_rows("".join(row.format(at) for at in range(32, 1_000_001)))(parts)
    hostile.write(project.workbook, parts)
    before = project.workbook.read_bytes()

    code, said, seconds, peak = run()

    assert code == ExitCode.WORKBOOK, said
    assert "too large" in said
    assert project.workbook.read_bytes() == before
    assert seconds < 20 and peak < 1 << 30


def test_a_room_that_is_too_small_for_the_workbook(project, book, run):
    """A workbook that openpyxl cannot hold under the limit of the process: an error that says so."""
    row = "<row>" + "<c><v>1</v></c>" * 50 + "</row>"
    before = book(hostile.another_sheet(f"<sheetData>{row * 9_000}</sheetData>")).read_bytes()

    code, said, _, _ = run(room=170 << 20)

    assert code == ExitCode.WORKBOOK, said
    assert "memory" in said
    assert "hint:" in said
    assert project.workbook.read_bytes() == before


# --- what is missing, cut or damaged ----------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [BOOK, SHEET, STYLES, STRINGS, BOOK_RELS])
def test_a_part_that_is_missing(book, refused, part):
    """A part that others name and that is not there is named, and nothing is saved without it."""
    book(hostile.without(part))

    said = refused()

    assert "missing" in said or "without xl/workbook.xml" in said


def test_the_list_of_parts_is_missing(book, refused):
    """A workbook without its list of content types is none that Excel opens."""
    book(hostile.without(TYPES))

    refused()


def test_a_sheet_whose_relationship_is_missing(book, refused):
    """A sheet that refers to nothing is damage, and not one sheet fewer."""
    book(hostile.replaced(BOOK, "</sheets>", '<sheet name="ghost" sheetId="9"/></sheets>'))

    assert "ghost" in refused()


@pytest.mark.parametrize(
    "target", ["workbook.xml", "/xl/workbook.xml", "_rels/workbook.xml.rels", "../[Content_Types].xml"]
)
def test_a_relationship_that_leads_in_a_circle(book, refused, target):
    """A sheet that is the workbook itself, or no sheet at all, ends in an error and not in a loop."""
    book(hostile.replaced(BOOK_RELS, "/xl/worksheets/sheet1.xml", target))

    refused()


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut(book, refused, share):
    """Whatever is left of a workbook that was cut is told as damaged."""
    book(as_bytes=hostile.cut(share))

    assert "damaged" in refused() or share < 0.01


@pytest.mark.parametrize("part", [SHEET, STRINGS, STYLES, BOOK, BOOK_RELS, ROOT_RELS, TYPES, "xl/theme/theme1.xml"])
def test_one_bit_of_a_part_is_another(book, refused, part):
    """A flipped bit in any part is found, whoever reads it, before anything is written."""
    book(as_bytes=hostile.flipped(part))

    assert "damaged" in refused()


@pytest.mark.parametrize("part", [SHEET, SHEET.upper(), "xl\\worksheets\\sheet1.xml"])
def test_a_part_that_is_there_twice(book, refused, part):
    """Two parts of one name mean two workbooks in one: which one is read would be chance."""
    book(as_bytes=hostile.twice(part))

    assert "two of its parts" in refused()


@pytest.mark.parametrize("name", ["../outside.xml", "xl/../../outside.xml", "..\\outside.xml", "/../../outside.xml"])
def test_a_part_that_leads_out_of_the_file(project, book, refused, name):
    """A part whose name leads to another folder is refused, and nothing is written there."""

    def change(parts):
        parts[name] = b"x"

    book(change)

    assert "leads out of the file" in refused()
    assert not (project.folder.parent / "outside.xml").exists()


# --- what is no workbook at all ---------------------------------------------------------------------------------------

OLE = bytes.fromhex("d0cf11e0a1b11ae1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\0" * 100_000, "zero bytes"),
        (b"<!DOCTYPE html><html><body><table></table></body></html>", "web page"),
        (b"name,version\r\nrequests,2.31.0\r\n", "plain text"),
        (OLE + b"\0" * 5000 + "EncryptedPackage".encode("utf-16-le"), "password"),
        (OLE + b"\0" * 5000 + "Workbook".encode("utf-16-le"), ".xls workbook"),
        (b"PK\x05\x06" + b"\0" * 18, "without xl/workbook.xml"),
        (b"PK\x03\x04" + b"\xff" * 5000, "damaged"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)), "not an Excel workbook"),
    ],
)
def test_a_file_of_another_kind(project, refused, content, said):
    """Whatever stands under a workbook's name is told by its content."""
    project.workbook.write_bytes(content)

    assert said in refused()
