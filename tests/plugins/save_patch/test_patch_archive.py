"""The zip file: odd ones come through whole, members that stay are the same bytes, damaged ones are refused."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import closing

import patch_books as books
import patch_checks as checks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ihacpa_plugins.save.patch import PatchBackend
from ihacpa_plugins.save.patch.archive import Archive, split_extra

from ihacpa_core import WorkbookError

ROWS = '<row r="1"><c r="A1"><v>1</v></c></row>'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.xlsx"


def plain_parts(path):
    books.write(path, books.sheet(ROWS))
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class NoSeek(io.BytesIO):
    """A pipe, as far as zipfile can see: it writes data descriptors."""

    def seekable(self):
        return False

    def tell(self):
        raise OSError

    def seek(self, *_):
        raise OSError


def read_back(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    return checks.seen_by_core(path, "Data")


def test_data_descriptors(path):
    """A file that was written to a stream, whose local headers know no sizes, comes through, and twice."""
    parts = plain_parts(path)
    stream = NoSeek()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    path.write_bytes(stream.getvalue())
    before = checks.member_bytes(path)
    checks.save(path, "Data", {"A1": 2}, {"B9": "text"})

    assert [content.value for content in read_back(path).values()] == [2, "text"]
    checks.assert_other_members_stay(before, checks.member_bytes(path))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_extra_fields_comments_attributes_and_odd_names_stay(path, method):
    """Whatever else stands in the directory is there afterwards: fields, comments, attributes, dates, names."""
    parts = plain_parts(path)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.comment = b"a comment of the file"
        for number, (name, content) in enumerate([*parts.items(), ("docs/Übung \u8868.txt", b"text" * 99)]):
            info = zipfile.ZipInfo(name, (2001 + number, 2, 3, 4, 5, 6))
            info.compress_type, info.external_attr = method, 0o640 << 16
            info.comment, info.extra = b"of %d" % number, struct.pack("<2H4s", 0xCAFE, 4, b"mine")
            archive.writestr(info, content)
    before = checks.member_bytes(path)
    checks.save(path, "Data", {"A1": 2}, {"A2": "x"})

    with zipfile.ZipFile(path) as archive:
        assert archive.comment == b"a comment of the file"
        for number, info in enumerate(archive.infolist()):
            assert (info.comment, info.external_attr) == (b"of %d" % number, 0o640 << 16)
            assert split_extra(info.extra)[1] == struct.pack("<2H4s", 0xCAFE, 4, b"mine")
            assert info.date_time == (2001 + number, 2, 3, 4, 5, 6)
    assert read_back(path)["A1"].value == 2
    checks.assert_other_members_stay(before, checks.member_bytes(path))


def as_zip64(content):
    """A zip file with all its sizes and places in zip64 form, as some programs write even small ones."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos, start = archive.infolist(), archive.start_dir
    directory = b""
    for info in infos:
        raw = info.filename.encode()
        wide = struct.pack("<2H3Q", 1, 24, info.file_size, info.compress_size, info.header_offset)
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 45, 45, info.flag_bits, info.compress_type, 0, 33, info.CRC,
            0xFFFFFFFF, 0xFFFFFFFF, len(raw), len(wide), 0, 0, 0, 0, 0xFFFFFFFF,
        ) + raw + wide  # fmt: skip
    place = start + len(directory)
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, len(infos), len(infos), len(directory), start)
    end += struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
    end += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:start] + directory + end


def test_zip64(path):
    """A file in zip64 form stays one, and reads back."""
    plain_parts(path)
    path.write_bytes(as_zip64(path.read_bytes()))
    before = checks.member_bytes(path)
    checks.save(path, "Data", {"A1": 2}, {"A2": "x"})

    assert [content.value for content in read_back(path).values()] == [2, "x"]
    assert b"PK\x06\x06" in path.read_bytes()
    checks.assert_other_members_stay(before, checks.member_bytes(path))


def test_bytes_before_the_first_member_stay(path):
    """What stands before the zip file in its file, as with a program that unpacks itself, stands there afterwards."""
    plain_parts(path)
    path.write_bytes(b"#!/bin/sh\n" * 20 + path.read_bytes())
    checks.save(path, "Data", {"A1": 2})

    assert path.read_bytes().startswith(b"#!/bin/sh\n" * 20 + b"PK\x03\x04")
    assert read_back(path)["A1"].value == 2


def test_nothing_to_write_is_the_same_file(path):
    """A write without updates gives the members byte for byte."""
    plain_parts(path)
    before = checks.member_bytes(path)
    (receipt,) = checks.save(path, "Data", {})

    assert (receipt.changed, checks.member_bytes(path)) == (0, before)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_harmless(tmp_path_factory, data):
    """A file with some bytes changed, missing or doubled is refused in words, or its cells are what they should be."""
    path = tmp_path_factory.mktemp("damage") / "book.xlsx"
    plain_parts(path)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "double", "drop"]))
    if kind == "flip":
        content[at] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[at:]
    elif kind == "double":
        content[at:at] = content[at : at + 50]
    else:
        del content[at : at + 3]
    path.write_bytes(content)

    try:
        with closing(PatchBackend().open(path, "Data")) as session:
            session.write(io.BytesIO(), checks.updates({"B2": "text"}))
    except WorkbookError as error:
        assert "book.xlsx" in str(error) or "worksheet" in str(error)


def test_names_that_differ_only_in_case_are_refused(path):
    """Two members of one name, as Excel compares names, are damage."""
    parts = plain_parts(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in [*parts.items(), ("XL/Workbook.xml", b"")]:
            archive.writestr(name, content)

    with pytest.raises(WorkbookError, match="two of its parts"):
        PatchBackend().inspect(path)


def test_a_bomb_is_refused_before_it_is_unpacked(path):
    """A part that unpacks to hundreds of times its size is refused."""
    plain_parts(path)
    bomb = books.sheet('<row r="1"><c r="A1" t="str"><v>' + " " * (40 << 20) + "</v></c></row>")
    books.write(path, bomb)

    with pytest.raises(WorkbookError, match="too large"):
        PatchBackend().open(path, "Data")


def test_a_wrong_checksum_is_refused(path):
    """A sheet whose bytes are not those that the directory vouches for is refused on opening."""
    plain_parts(path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(books.SHEET)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    while content[at + 46 : at + 46 + len(books.SHEET)] != books.SHEET.encode():
        at = content.index(b"PK\x01\x02", at + 4)
    struct.pack_into("<L", content, at + 16, info.CRC ^ 1)
    path.write_bytes(content)

    with pytest.raises(WorkbookError, match="checksum"):
        PatchBackend().open(path, "Data")


def test_the_file_is_closed_when_it_is_refused(path):
    """A file that is refused is not kept open."""
    path.write_bytes(b"PK\x03\x04 no zip")

    with pytest.raises(WorkbookError):
        Archive(path)
    path.unlink()
