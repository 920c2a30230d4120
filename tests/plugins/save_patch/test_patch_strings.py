"""Shared strings, looked up one by one."""

from __future__ import annotations

import random
import zipfile

import patch_books as books
import patch_checks as checks
import pytest
from ihacpa_plugins.save.patch import strings as module
from ihacpa_plugins.save.patch.archive import Archive
from ihacpa_plugins.save.patch.strings import SharedStrings, rich_text

from ihacpa_core import WorkbookError

PART = "xl/sharedStrings.xml"


def shared(path, entries, *, head="", method=zipfile.ZIP_DEFLATED, coding="utf-8"):
    text = f'<?xml version="1.0"?>\n<sst xmlns="{books.MAIN}">{head}{"".join(entries)}</sst>'
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(PART, text.encode(coding))
    opened = Archive(path)
    return SharedStrings(opened, opened.find(PART))


@pytest.mark.parametrize("window", [16, 100, 4096, 1 << 20])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_every_string_is_found(tmp_path, monkeypatch, window, method):
    """Whatever the windows, each string is found by its number, in any order, however long."""
    monkeypatch.setattr(module, "WINDOW", window)
    monkeypatch.setattr(module, "MARKS", 10_000)
    rng = random.Random(3)
    texts = ["".join(rng.choice("si<>&é😀 ") for _ in range(rng.choice([0, 1, 5, 300]))) for _ in range(80)]
    escaped = [text.replace("&", "&amp;").replace("<", "&lt;") for text in texts]
    entries = [f"<si><t xml:space='preserve'>{text}</t></si>" if text else "<si/>" for text in escaped]
    found = shared(tmp_path / "x.zip", entries, method=method)
    order = list(range(80))
    rng.shuffle(order)

    assert {number: found[number] for number in order} == dict(enumerate(texts))
    for beyond in (80, 10_000):
        with pytest.raises(WorkbookError, match="shared text"):
            found[beyond]


@pytest.mark.parametrize("coding", ["utf-16", "utf-8-sig"])
def test_unusual_parts(tmp_path, coding):
    """Parts with comments or in UTF-16 are read as well."""
    entries = ["<si><t>one</t></si>", "<!-- <si/> --><si><t><![CDATA[<si>]]></t></si>", "<si><t>three</t></si>"]
    found = shared(tmp_path / "x.zip", entries, coding=coding)

    assert [found[number] for number in range(3)] == ["one", "<si>", "three"]


def test_a_workbook_without_shared_strings(tmp_path):
    """Where there are none, asking for one is damage."""
    books.write(tmp_path / "book.xlsx", books.sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>'))

    with pytest.raises(WorkbookError, match="shared text 0"):
        checks.save(tmp_path / "book.xlsx", "Data", {"A1": "x"})


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (b"<si><t>a</t></si>", "a"),
        (b"<si><r><rPr><b/></rPr><t>a</t></r><r><t> b</t></r></si>", "a b"),
        (b"<x:si><x:t>a</x:t><x:rPh sb='0' eb='1'><x:t>hint</x:t></x:rPh><x:phoneticPr fontId='1'/></x:si>", "a"),
        (b"<si><t>a_x000D_&#10;_x005F_x0041_&amp;</t></si></sst>", "a\r\n_x0041_&"),
        (b"<is><t xml:space='preserve'> a </t></is>", " a "),
        (b"<si/>", ""),
    ],
)
def test_text_of_a_string(entry, text):
    """Runs are joined, phonetic hints left out, both kinds of escapes undone."""
    assert rich_text(entry) == text


def test_the_same_text_is_no_change(tmp_path):
    """A cell that shares the text that is to be written is left as it is, formats of single words included."""
    path = tmp_path / "book.xlsx"
    text = f'<sst xmlns="{books.MAIN}"><si><t>plain</t></si><si><r><t>ri</t></r><r><t>ch</t></r></si></sst>'
    books.write(
        path,
        books.sheet('<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'),
        parts={PART: text},
        relations=f'<Relationship Id="rId8" Type="{books.RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>',
    )
    before = checks.member_bytes(path)
    (receipt,) = checks.save(path, "Data", {"A1": "plain", "B1": "rich"})

    assert (receipt.changed, checks.member_bytes(path)) == (0, before)
    (receipt,) = checks.save(path, "Data", {"A1": "plain!", "B1": "rich"})
    assert receipt.changed == 1
    assert checks.member_bytes(path)[PART] == before[PART]
