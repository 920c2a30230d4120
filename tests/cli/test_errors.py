from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import zipfile

import pytest

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import kill, wait_until

OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def untouched(project, path, act):
    """`act`, after which `path` holds what it held before."""
    before = path.read_bytes() if path.is_file() else None
    result = act()
    assert (path.read_bytes() if path.is_file() else None) == before
    assert "Traceback" not in result.stderr
    assert "hint:" in result.stderr
    return result


def test_a_missing_workbook(project):
    """A name that leads nowhere ends with 4 and names the path."""
    result = untouched(project, project.workbook, lambda: project.run("nowhere.xlsx", expect=ExitCode.WORKBOOK))

    assert "nowhere.xlsx" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.xlsx", b"name,version\nrequests,2.31.0\n", "not"),
        ("empty.xlsx", b"", "empty"),
        ("old.xlsx", OLE + b"\0" * 4096, ".xls"),
        ("secret.xlsx", OLE + b"\0" * 1024 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 2048, "encrypted"),
    ],
)
def test_a_file_that_is_no_workbook(project, name, content, said):
    """Each kind of file that is no workbook has its own message, ends with 4, and stays as it is."""
    path = project.folder / name
    path.write_bytes(content)

    result = untouched(project, path, lambda: project.run(name, expect=ExitCode.WORKBOOK))

    assert name in result.stderr
    assert said in result.stderr


def test_a_truncated_workbook(project):
    """Half a workbook is told as damaged and left as it is."""
    whole = project.workbook.read_bytes()
    project.workbook.write_bytes(whole[: len(whole) // 2])

    untouched(project, project.workbook, lambda: project.run(expect=ExitCode.WORKBOOK))


def test_a_zip_that_is_no_workbook(project):
    """A zip file with other things in it is no workbook."""
    path = project.folder / "things.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")

    untouched(project, path, lambda: project.run("things.xlsx", expect=ExitCode.WORKBOOK))


def test_no_such_sheet(project):
    """A sheet that is not there: the message lists those that are."""
    result = untouched(project, project.workbook, lambda: project.run("--sheet", "Dta", expect=ExitCode.WORKBOOK))

    assert "Data" in result.stderr


def test_no_header(project):
    """A header row without text: the message says which row was looked at and which setting names another."""
    result = untouched(
        project, project.workbook, lambda: project.run("-o", "sheet.header_row=500", expect=ExitCode.WORKBOOK)
    )

    assert "500" in result.stderr
    assert "header_row" in result.stderr


def test_no_key_column(project):
    """A key that is neither a header nor a letter: the message lists the headers."""
    result = untouched(
        project, project.workbook, lambda: project.run("-o", "sheet.key=Package Name", expect=ExitCode.WORKBOOK)
    )

    assert "Amount" in result.stderr


def mind_permissions():
    """In a child process of root: give up the right to write where modes forbid it (CAP_DAC_OVERRIDE, on exec)."""
    pr_capbset_drop, cap_dac_override = 24, 1
    ctypes.CDLL(None).prctl(pr_capbset_drop, cap_dac_override, 0, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_a_read_only_folder(project):
    """A folder that cannot be written ends with 4 before anything is processed."""
    before = project.workbook.read_bytes()
    as_root = sys.platform == "linux" and os.geteuid() == 0
    project.folder.chmod(0o500)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ihacpa_core"],
            cwd=project.folder,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=mind_permissions if as_root else None,
        )
    finally:
        project.folder.chmod(0o700)

    assert done.returncode == ExitCode.WORKBOOK, done.stderr
    assert "may write to" in done.stderr
    assert project.workbook.read_bytes() == before


def test_six_mistakes_are_shown_at_once(project):
    """All mistakes of a settings file, each with file, line, key, what was expected and what was found."""
    project.write(
        "ihacpa.toml",
        "[ihacpa]\n"
        'workbook = "book.xlsx"\n'
        'stratgy = "size"\n'
        "checkpoint_every = 0\n"
        'save = "openpyxll"\n'
        'grace = "soon"\n'
        "[sheet]\n"
        'header_row = "one"\n'
        "[strategy.size]\n"
        "batch_size = 500\n",
    )

    result = project.run(expect=ExitCode.USAGE)

    for line in (3, 4, 5, 6, 8, 10):
        assert f"ihacpa.toml:{line}:" in result.stderr
    assert "did you mean" in result.stderr
    assert not (project.folder / ".ihacpa").exists()


def test_an_unknown_command(project):
    """A word without a dot or slash is a command; an unknown one ends with 2 and a hint."""
    result = project.run("plugin", expect=ExitCode.USAGE)

    assert "did you mean 'plugins'" in result.stderr


def test_a_command_behind_its_options(project):
    """Options before a command: the message says where the command goes."""
    result = project.run("-p", "./work.py", "plugins", expect=ExitCode.USAGE)

    assert "ihacpa plugins ..." in result.stderr


def test_an_unknown_option(project):
    """A misspelt option ends with 2 and names the one that was meant."""
    result = project.run("--strateg", "size", expect=ExitCode.USAGE)

    assert "--strategy" in result.stderr


def test_an_unknown_strategy(project):
    """A misspelt offer ends with 2 and lists what there is."""
    result = project.run("--strategy", "sise", expect=ExitCode.USAGE)

    assert "did you mean 'size'" in result.stderr


def test_no_workbook_is_named(project):
    """Without a workbook the message says which ones lie here."""
    (project.folder / "ihacpa.toml").unlink()

    result = project.run(expect=ExitCode.USAGE)

    assert "ihacpa book.xlsx" in result.stderr


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("python:nowhere.py:f", "nowhere.py"),
        ("python:work.py:nothing", "nothing"),
        ("python:work.py", "FUNCTION"),
        ("python:broken.py:f", "broken.py:2"),
    ],
)
def test_a_function_that_cannot_be_loaded(project, word, said):
    """A processor that does not exist or cannot be loaded ends with 2 before the workbook is touched."""
    project.write("broken.py", "x = 1\ny = 1 / 0\n")

    result = untouched(project, project.workbook, lambda: project.run("--processor", word, expect=ExitCode.USAGE))

    assert said in result.stderr


def test_a_workbook_that_another_run_holds(project, calls, slow_from):
    """The second run is refused, and says who holds the workbook and since when."""
    slow_from(row=1)
    process = project.start()
    wait_until(lambda: len(calls()) >= 1, what="a call")

    result = project.run(expect=ExitCode.LOCKED, timeout=10)
    kill(process)

    assert f"process {process.pid}" in result.stderr


def test_no_settings_can_write_outside_the_workbook_without_a_word(project):
    """An output in a folder that is not there ends with 4 and the command that makes the folder."""
    result = project.run("--output", "new folder/out.xlsx", expect=ExitCode.WORKBOOK)

    assert "mkdir" in result.stderr
