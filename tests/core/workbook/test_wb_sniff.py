from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ihacpa_core.errors import ExitCode, WorkbookError
from ihacpa_core.workbook.sniff import check_workbook, owner_of_open_file

OLE = bytes.fromhex("D0CF11E0A1B11AE1")


def refusal(path: Path) -> WorkbookError:
    with pytest.raises(WorkbookError) as caught:
        check_workbook(path)
    assert caught.value.exit_code is ExitCode.WORKBOOK
    return caught.value


def test_a_workbook_is_accepted_whatever_its_name(make_book):
    """The content counts, not the name."""
    check_workbook(make_book(name="book.tmp"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\0" * 5000, "nothing but zero bytes"),
        (b"name,version\nrequests,2.31.0\n", "plain text"),
        (b"<!DOCTYPE html><html><table></table></html>", "web page"),
        (b"<?xml version='1.0'?><Workbook/>", "an XML file"),
        (bytes(range(256)), "unknown"),
        (OLE + b"\0" * 3000, "is an .xls workbook; save it as .xlsx"),
        (OLE + b"\0" * 3000 + "EncryptedPackage".encode("utf-16-le"), "encrypted / password-protected"),
        (b"PK\x03\x04" + b"\0" * 5000, "its end is missing"),
    ],
)
def test_what_is_no_workbook_is_named(tmp_path, content, says):
    """Each kind of file that is often taken for a workbook has its own message, and is left as it is."""
    path = tmp_path / "book.xlsx"
    path.write_bytes(content)

    error = refusal(path)

    assert says in str(error)
    assert error.hint
    assert path.read_bytes() == content


def test_a_missing_file_brings_the_name_that_was_meant(make_book):
    """A typing mistake in the name is answered with the name of the file that is there."""
    path = make_book(name="packages.xlsx")

    error = refusal(path.with_name("package.xlsx"))

    assert "does not exist" in str(error)
    assert "did you mean packages.xlsx?" in error.why


def test_a_missing_folder_is_named(tmp_path):
    """A path into a folder that is not there says so."""
    assert "no folder" in str(refusal(tmp_path / "nowhere" / "book.xlsx"))


def test_a_folder_is_no_workbook(tmp_path):
    """A folder is refused as one."""
    assert "is a folder" in str(refusal(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    """A named pipe that nobody writes to would hold a reader for ever."""
    os.mkfifo(tmp_path / "book.xlsx")

    assert "no regular file" in str(refusal(tmp_path / "book.xlsx"))


def test_a_file_cut_short_is_damaged(make_book):
    """A download that broke off is told from a file that never was a workbook."""
    path = make_book()
    path.write_bytes(path.read_bytes()[:-40])

    assert "cut short" in str(refusal(path))


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (["xl/workbook.bin"], "is an .xlsb workbook"),
        (["word/document.xml"], "a Word document"),
        (["ppt/presentation.xml"], "a PowerPoint presentation"),
        (["mimetype", "content.xml"], "OpenDocument"),
        (["readme.txt"], "without xl/workbook.xml"),
        ([], "without xl/workbook.xml"),
    ],
)
def test_other_zip_files_are_named(tmp_path, parts, says):
    """A zip file of another kind is told by what is in it."""
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as target:
        for part in parts:
            target.writestr(part, "x")

    assert says in str(refusal(path))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_file_that_may_not_be_read_says_so(make_book):
    """Missing permission is told as such, with the system's own words."""
    path = make_book()
    path.chmod(0)
    if os.geteuid() != 0:
        assert "ermission denied" in str(refusal(path))
        return
    code = (
        "import os, sys, pathlib\n"
        "from ihacpa_core.workbook.sniff import check_workbook\n"
        "from ihacpa_core.errors import WorkbookError\n"
        "import ihacpa_core.workbook.sniff\n"
        "os.chdir(pathlib.Path(sys.argv[1]).parent); os.setuid(65534)\n"
        "try: check_workbook(pathlib.Path('book.xlsx'))\n"
        "except WorkbookError as error: print(error)\n"
    )
    path.parent.chmod(0o755)

    answer = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=30)

    assert "cannot be read: Permission denied" in answer.stdout, answer.stderr


def test_excels_owner_file_says_who(tmp_path):
    """The name in the file that Excel keeps beside an open workbook is read from its UTF-16 half."""
    name = "Zoë Ada"
    data = bytes([len(name)]) + name.encode("latin-1").ljust(54) + bytes([len(name), 0]) + name.encode("utf-16-le")
    (tmp_path / "~$book.xlsx").write_bytes(data.ljust(165, b" "))

    assert owner_of_open_file(tmp_path / "book.xlsx") == "Zoë Ada, in Excel"


def test_libreoffices_owner_file_says_who_where_and_since_when(tmp_path):
    """Without a name the login stands for the person."""
    text = ",root,vm,23.11.2026 14:18,file:///home/root/.config/libreoffice/4;"
    (tmp_path / ".~lock.book.xlsx#").write_text(text)

    assert owner_of_open_file(tmp_path / "book.xlsx") == "root on vm, in LibreOffice since 23.11.2026 14:18"


@pytest.mark.parametrize("data", [b"", b"\xff" * 300, b"\x1b[2J,\x07;", b"\x05"])
@pytest.mark.parametrize("name", ["~$book.xlsx", ".~lock.book.xlsx#"])
def test_an_odd_owner_file_still_says_that_somebody_has_it(tmp_path, name, data):
    """Whatever stands in an owner file, the answer is a name fit for a terminal."""
    (tmp_path / name).write_bytes(data)

    owner = owner_of_open_file(tmp_path / "book.xlsx")

    assert owner
    assert owner.isprintable()


def test_the_owner_file_is_beside_the_file_that_a_link_leads_to(tmp_path, make_book):
    """Who opened the workbook through another path is found."""
    make_book()
    (tmp_path / "~$book.xlsx").write_bytes(b"\x03Ada")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "mine.xlsx").symlink_to(tmp_path / "book.xlsx")

    assert owner_of_open_file(tmp_path / "links" / "mine.xlsx") == "Ada, in Excel"


def test_nobody_has_a_file_open_that_no_owner_file_stands_beside(make_book):
    """No owner file, no owner."""
    assert owner_of_open_file(make_book()) is None
