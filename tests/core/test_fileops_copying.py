"""Copying a part of an open file into one whose effects are counted."""

from __future__ import annotations

import os
import random

import pytest

from ihacpa_core import fileops
from ihacpa_core.fileops import FileOps


@pytest.fixture
def source(tmp_path):
    """A file of three megabytes, open for reading, and what it holds."""
    content = random.Random(5).randbytes(3_000_000)
    path = tmp_path / "source"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor, content
    os.close(descriptor)


@pytest.mark.parametrize("window", [5_000, 1 << 20])
def test_parts_of_a_file_between_other_writes(tmp_path, monkeypatch, source, window):
    """What is copied stands where it was asked for, between what is written before and after it."""
    monkeypatch.setattr(fileops, "_WINDOW", window)
    descriptor, content = source
    with FileOps().create_exclusive(tmp_path / "target") as file:
        file.write(b"before")
        file.copy_from(descriptor, 1_234, 20_000)
        file.write(b"between")
        file.copy_from(descriptor, 0, len(content))
        file.write(b"after")
        end = file.tell()

    whole = b"before" + content[1_234:21_234] + b"between" + content + b"after"
    assert (tmp_path / "target").read_bytes() == whole
    assert end == len(whole)


def test_each_piece_is_an_effect(tmp_path, source):
    """A copy is seen, and can be made to fail, as every other write."""
    seen = []

    class Watched(FileOps):
        def effect(self, name, path):
            seen.append(name)

    with Watched().create_exclusive(tmp_path / "target") as file:
        file.copy_from(source[0], 0, 1000)

    assert seen == ["create", "write"]


@pytest.mark.parametrize("size", [1, 2_000_000])
def test_a_source_that_was_cut_short(tmp_path, source, size):
    """A source that has become shorter than it was is an error, and no signal that ends the process."""
    os.truncate(tmp_path / "source", size)

    with FileOps().create_exclusive(tmp_path / "target") as file, pytest.raises(OSError, match="cut short"):
        file.copy_from(source[0], 0, 3_000_000)


def test_a_file_system_that_maps_no_files(tmp_path, monkeypatch, source):
    """Where a file cannot be mapped into memory, it is read."""

    def unmappable(*_, **__):
        raise OSError(19, "No such device")

    monkeypatch.setattr(fileops.mmap, "mmap", unmappable)
    with FileOps().create_exclusive(tmp_path / "target") as file:
        file.copy_from(source[0], 7, 2_500_000)

    assert (tmp_path / "target").read_bytes() == source[1][7:2_500_007]
