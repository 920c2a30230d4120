"""Files that are made to exhaust whoever opens them: a typed error, in bounded time and memory, and no byte changed."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from wb_parts import MAIN, whole_book

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_AS")

MEMORY = 256 << 20
"""Bytes of address space that the child may have: the interpreter has 30 MB of them."""
SECONDS = 20
"""Far more than any of them takes, for a busy machine; without bounds they take minutes or all memory."""

CHILD = """
import resource, sys
from pathlib import Path
from ihacpa_core.errors import WorkbookError
from ihacpa_core.workbook.records import read_sheet
from ihacpa_core.workbook.sniff import check_workbook
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
for path in map(Path, sys.argv[2:]):
    try:
        check_workbook(path)
        sheet = read_sheet(path, header_row=1, key="A")
        print("read", len(sheet.records))
    except WorkbookError as error:
        print("refused", error)
"""


def read_in_a_small_room(path: Path, memory: int = MEMORY) -> str:
    before = (path.stat().st_size, path.stat().st_mtime_ns)
    start = time.monotonic()
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(memory), str(path)], capture_output=True, text=True, timeout=120
    )
    assert child.returncode == 0, child.stderr[-2000:]
    assert time.monotonic() - start < SECONDS
    assert (path.stat().st_size, path.stat().st_mtime_ns) == before
    return child.stdout.strip()


def pieces(before: str, piece: str, times: int, after: str = "") -> Iterator[bytes]:
    yield before.encode()
    for _ in range(times):
        yield piece.encode()
    yield after.encode()


@pytest.fixture
def write(tmp_path):
    """Writes a workbook of which one part comes in pieces, so that it need not fit into the test's memory."""

    def write(part: str, content: Iterator[bytes], rows: str = "") -> Path:
        path = tmp_path / "book.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
            for name, text in whole_book(rows).items():
                if name != part:
                    target.writestr(name, text)
            with target.open(part, "w", force_zip64=True) as stream:
                for piece in content:
                    stream.write(piece)
        return path

    return write


SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
MEGABYTE = "a" * (1 << 20)
HEAD = f'<worksheet xmlns="{MAIN}"><sheetData><row><c t="inlineStr"><is><t>Key</t></is></c></row>'
SST = f'<sst xmlns="{MAIN}"><si><t>'
ONE_SHARED = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'


@pytest.mark.parametrize("megabytes", [40, pytest.param(1500, marks=pytest.mark.slow)])
def test_a_zip_bomb_is_refused_by_its_ratio(write, megabytes):
    """1.5 GB in 1.5 MB: the directory says so, and nothing is unpacked."""
    path = write(STRINGS, pieces(SST, MEGABYTE, megabytes, "</t></si></sst>"), ONE_SHARED)

    assert "as zip bombs do" in read_in_a_small_room(path)


@pytest.mark.parametrize("claimed", [1000, 10 << 20])
def test_a_directory_that_lies_is_found_out(write, claimed):
    """A part that claims fewer bytes than it unpacks to is damaged; no more than the claim is unpacked."""
    path = write(SHEET, pieces(HEAD, "<row/>" * 170_000, 60, "</sheetData></worksheet>"))
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    struct.pack_into("<L", data, at + 24, claimed)
    path.write_bytes(data)

    assert read_in_a_small_room(path).startswith("refused book.xlsx is damaged")


@pytest.mark.parametrize(
    ("part", "before", "after"),
    [
        (SHEET, HEAD + '<row><c t="inlineStr"><is><t>', "</t></is></c></row></sheetData></worksheet>"),
        (SHEET, HEAD + "<row><c><f>", "</f></c></row></sheetData></worksheet>"),
        (SHEET, HEAD, "</sheetData></worksheet>"),
        (SHEET, HEAD + "<!--", "--></sheetData></worksheet>"),
        (SHEET, HEAD + '<row x="', '"/></sheetData></worksheet>'),
        (STRINGS, SST, "</t></si></sst>"),
        ("xl/workbook.xml", f'<workbook xmlns="{MAIN}"><x a="', '"/></workbook>'),
    ],
)
def test_one_endless_text_is_refused_where_it_passes_the_bound(write, part, before, after):
    """30 MB of one text, formula, comment or attribute, less than a ratio would tell."""
    path = write(part, pieces(before, MEGABYTE, 30, after), ONE_SHARED)

    assert read_in_a_small_room(path, 128 << 20).startswith("refused")


def test_endless_runs_of_one_text_are_refused(write):
    """A cell in a million pieces is as long as one in one piece."""
    before = HEAD + '<row><c t="inlineStr"><is>'
    path = write(SHEET, pieces(before, "<r><t>a</t></r>" * 1000, 1000, "</is></c></row></sheetData></worksheet>"))

    assert "a text of more than" in read_in_a_small_room(path)


def test_elements_inside_each_other_are_bounded(write):
    """A million open elements are refused at the first few hundred."""
    path = write(SHEET, pieces(HEAD, "<a>" * 1000, 1000))

    assert "elements inside each other" in read_in_a_small_room(path)


def test_a_million_names_are_refused(write):
    """Names of elements are kept by the parser for good, so their number is bounded."""
    path = write(SHEET, (f"<n{at}/>".encode() if at else HEAD.encode() for at in range(1_000_000)))

    assert "different names" in read_in_a_small_room(path)


@pytest.mark.parametrize("part", [SHEET, STRINGS, "xl/workbook.xml", "_rels/.rels"])
def test_entities_are_refused_before_they_expand(write, part):
    """Billion laughs: no DOCTYPE is accepted in any part."""
    laughs = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    text = f'<!DOCTYPE a [<!ENTITY l0 "lol">{laughs}]><a xmlns="{MAIN}">&l9;</a>'
    path = write(part, iter([text.encode()]), ONE_SHARED)

    assert "has a DOCTYPE" in read_in_a_small_room(path)


def test_a_file_of_the_system_is_not_read(write, tmp_path):
    """An external entity leads nowhere."""
    (tmp_path / "secret.txt").write_text("canary")
    text = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{tmp_path}/secret.txt">]>{HEAD}<row><c><v>&x;</v></c></row>'
    path = write(SHEET, iter([text.encode()]))

    answer = read_in_a_small_room(path)

    assert "has a DOCTYPE" in answer
    assert "canary" not in answer


def test_ghost_rows_cost_nothing(write):
    """Rows without content, as a format over whole columns makes them, are passed over."""
    ghosts = (f'<row r="{row}" s="1" customFormat="1"/>'.encode() for row in range(3, 300_000))

    def content() -> Iterator[bytes]:
        yield (HEAD + '<row r="2"><c r="A2"><v>7</v></c></row>').encode()
        yield from ghosts
        yield b"</sheetData></worksheet>"

    assert read_in_a_small_room(write(SHEET, content())) == "read 1"


def test_one_far_cell_is_one_cell(write):
    """A cell in the last column of the last row makes no room for those between."""
    row = '<row r="1048576"><c r="A1048576"><v>1</v></c><c r="XFD1048576"><v>2</v></c></row>'
    path = write(SHEET, iter([(HEAD + row + "</sheetData></worksheet>").encode()]))

    assert read_in_a_small_room(path) == "read 1"


@pytest.mark.slow
def test_a_million_rows_are_refused_in_time(write):
    """More records than a run can hold are refused while they are read."""
    rows = (
        f'<row r="{row}"><c r="A{row}"><v>{row}</v></c><c r="B{row}"><v>1</v></c><c><v>1</v></c></row>'.encode()
        for row in range(2, 1_000_001)
    )

    def content() -> Iterator[bytes]:
        yield HEAD.encode()
        yield from rows
        yield b"</sheetData></worksheet>"

    assert "too large" in read_in_a_small_room(write(SHEET, content()), 1 << 30)


@pytest.mark.parametrize("seed", range(12))
def test_no_damage_escapes_as_anything_else(write, tmp_path, seed):
    """Any bytes of a workbook changed, cut or doubled: it is read, or refused with the one error."""
    chance = random.Random(seed)
    rows = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>{row % 2}</v></c></row>' for row in range(1, 200))
    data = write("docProps/app.xml", iter([b"<a/>"]), rows).read_bytes()
    paths = []
    for number in range(40):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.choice([1, 1, 1, 4, 40])] = chance.randbytes(chance.choice([0, 1, 1, 4]))
        paths.append(tmp_path / f"{number}.xlsx")
        paths[-1].write_bytes(damaged)

    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(MEMORY), *map(str, paths)], capture_output=True, text=True, timeout=60
    )

    assert child.returncode == 0, child.stderr[-2000:]
    assert len(child.stdout.splitlines()) >= 40
