"""The file system as the core uses it, and the one that fails on purpose."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from ihacpa_core.fileops import FileOps
from ihacpa_core.testing.faults import Crash, FaultyOps


def test_created_file_is_private_and_seekable(tmp_path):
    """A new file is for its owner only, and does what a zip archive needs of a file."""
    path = tmp_path / "new"

    with FileOps().create_exclusive(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a", "text")
        assert file.fileno() >= 0
        file.seek(0)
        assert file.read(2) == b"PK"

    assert path.stat().st_mode & 0o777 == 0o600
    assert zipfile.ZipFile(path).read("a") == b"text"


def test_planted_link_is_not_followed(tmp_path):
    """A link that somebody put where a file is to be made is an error, and what it leads to is untouched."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "new").symlink_to(victim)

    with pytest.raises(FileExistsError):
        FileOps().create_exclusive(tmp_path / "new")

    assert victim.read_text() == "precious"


def test_copy_is_whole_private_and_never_over_something(tmp_path):
    """A copy has the same bytes, and does not replace what is there."""
    content = os.urandom(300_000)
    (tmp_path / "a").write_bytes(content)

    FileOps().copy(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FileExistsError):
        FileOps().copy(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").read_bytes() == content
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600


def test_copy_without_the_kernels_help(tmp_path, monkeypatch):
    """Where the system cannot copy by itself, the bytes are read and written."""
    (tmp_path / "a").write_bytes(b"x" * 300_000)

    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)

    FileOps().copy(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").read_bytes() == b"x" * 300_000


@pytest.mark.parametrize("error", [Crash(), OSError(28, "No space left on device")])
def test_atomic_write_leaves_the_old_or_the_new_content(tmp_path, error):
    """Whatever effect fails, a reader finds the old content or the new one."""
    path = tmp_path / "run.json"
    counting = FaultyOps()
    counting.write_atomic(tmp_path / "other", b"new")
    seen = set()

    for number in range(1, len(counting.calls) + 1):
        path.write_bytes(b"old")
        with pytest.raises(type(error)):
            FaultyOps(number, error).write_atomic(path, b"new")
        seen.add(path.read_bytes())

    assert seen == {b"old", b"new"}
    if isinstance(error, OSError):
        assert {entry.name for entry in tmp_path.iterdir()} == {"run.json", "other"}


def test_folders_are_private(tmp_path):
    """Folders for state are their owner's, the missing ones above them as well."""
    FileOps().make_folder(tmp_path / "a" / "b")
    FileOps().make_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_busy_target_is_tried_again_as_on_windows(tmp_path, monkeypatch):
    """A replacement that a scanner holds up for a moment succeeds; other errors are not tried again."""
    from pathlib import Path

    (tmp_path / "a").write_text("new")
    real, attempts = Path.replace, []

    def busy(self, target):
        attempts.append(target)
        if len(attempts) < 3:
            error = PermissionError(13, "The process cannot access the file")
            error.winerror = 32
            raise error
        return real(self, target)

    monkeypatch.setattr(Path, "replace", busy)

    FileOps().replace(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").read_text() == "new"
    assert len(attempts) == 3


def test_error_that_is_not_a_busy_file_is_raised_at_once(tmp_path):
    """Only what a scanner causes is waited for."""
    with pytest.raises(FileNotFoundError):
        FileOps().replace(tmp_path / "missing", tmp_path / "b")


def test_fault_comes_at_the_chosen_effect(tmp_path):
    """The Nth effect fails and does not happen; the ones before it and, unless it is sticky, after it do."""
    ops = FaultyOps(2, OSError(5, "Input/output error"))

    ops.make_folder(tmp_path / "a")
    with pytest.raises(OSError, match="Input/output"):
        ops.make_folder(tmp_path / "b")
    ops.make_folder(tmp_path / "c")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]
    assert [name for name, _ in ops.calls] == ["mkdir", "mkdir", "mkdir"]
    assert ops.reached


def test_dead_process_touches_nothing_more(tmp_path):
    """After a crash nothing reaches the disk, not even what a buffer still held."""
    ops = FaultyOps(2, Crash())
    file = ops.create_exclusive(tmp_path / "a")
    file.write(b"held in the buffer")

    with pytest.raises(Crash):
        ops.unlink(tmp_path / "a")
    with pytest.raises(Crash):
        file.close()

    assert (tmp_path / "a").read_bytes() == b""


def test_writes_and_truncations_of_a_file_are_effects(tmp_path):
    """What a file does to the disk counts like everything else."""
    ops = FaultyOps()

    with ops.create_exclusive(tmp_path / "a") as file:
        file.write(b"abc")
        file.seek(0, io.SEEK_SET)
        file.truncate(1)
        ops.fsync(file)

    assert [name for name, _ in ops.calls] == ["create", "write", "truncate", "fsync"]


def test_lines_go_to_the_end_of_whatever_a_person_named(tmp_path):
    """A file is made private, gone on with, or emptied; a link and a pipe are followed; each flush is one effect."""
    ops = FaultyOps()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for anew, text in ((False, "one"), (False, "two\ud800"), (True, "three")):
        with ops.open_lines(tmp_path / "link", anew=anew) as file:
            file.write(f"{text}\n")
        if text == "two\ud800":
            assert (tmp_path / "a").read_bytes() == b"one\ntwo?\n"
    reading, writing = os.pipe()
    with ops.open_lines(tmp_path.joinpath(f"/dev/fd/{writing}")) as file:
        file.write("through\n")

    assert (tmp_path / "a").read_bytes() == b"three\n"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert os.read(reading, 100) == b"through\n"
    assert [name for name, _ in ops.calls] == ["open", "write"] * 4
    os.close(reading)
    os.close(writing)


def test_folder_is_removed_with_all_that_is_in_it(tmp_path):
    """One effect, whatever it holds; a folder that is not there is no error, and a dead process removes none."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    ops = FaultyOps(1)
    with pytest.raises(Crash):
        ops.remove_folder(tmp_path / "a")
    assert (tmp_path / "a" / "b" / "file").exists()

    FileOps().remove_folder(tmp_path / "a")
    FileOps().remove_folder(tmp_path / "a")

    assert list(tmp_path.iterdir()) == []


def test_sweep_removes_only_what_died_while_it_was_written(tmp_path):
    """Of all files beside it, only those that `write_atomic` names so for this one; a full disk is no error."""
    for number in (2, 3):  # at the write, and at the fsync
        with pytest.raises(Crash):
            FaultyOps(number).write_atomic(tmp_path / "run.json", b"new")
    for other in (".run.json.tmp", ".run.json.0123456789ab.tmp~", ".other.json.0123456789ab.tmp"):
        (tmp_path / other).touch()
    assert len(list(tmp_path.iterdir())) == 5

    FaultyOps(1, OSError(28, "No space left on device")).sweep_temporaries(tmp_path / "run.json")
    FileOps().sweep_temporaries(tmp_path / "run.json")
    FileOps().sweep_temporaries(tmp_path / "nowhere" / "run.json")

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".other.json.0123456789ab.tmp",
        ".run.json.0123456789ab.tmp~",
        ".run.json.tmp",
    ]
