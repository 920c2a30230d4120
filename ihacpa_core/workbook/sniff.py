"""What a file is, by its content: whether it can be worked on, and if not, why not. And who has it open."""

from __future__ import annotations

import difflib
import stat
from pathlib import Path

from ihacpa_core.errors import WorkbookError
from ihacpa_core.workbook.book import read_book
from ihacpa_core.workbook.package import Package

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The stream that holds a workbook encrypted with a password (MS-OFFCRYPTO 2.3.4.4)."""
_SCAN = 1 << 20
_SCAN_AT_MOST = 256 << 20
_OWNER_FILE_SIZE = 1024


def check_workbook(path: Path) -> None:
    """See whether `path` is a whole workbook that can be worked on. What its sheets hold is not looked at.

    :raises WorkbookError: it is not; the error says what it is instead and what to do.
    """
    _check_is_file(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not head:
        raise WorkbookError(f"{path.name} is empty", why="it has 0 bytes", hint="take an older copy of it")
    if head.startswith(_OLE):
        raise _about_ole(path)
    if not head.startswith(_ZIP):
        raise WorkbookError(
            f"{path.name} is not an Excel workbook", why=_what_it_is(head), hint="save it in Excel as .xlsx"
        )
    with Package(path) as package:
        read_book(package).sheet()
        package.check_whole()


def owner_of_open_file(path: Path) -> str | None:
    """Who has the workbook open, as the owner files beside it say; None if there is none.

    Excel keeps ``~$NAME``, LibreOffice ``.~lock.NAME#``. Either stays behind after a crash: it is a hint, not a lock.
    """
    for place in dict.fromkeys((path, path.resolve())):
        for name, describe in ((f"~${place.name}", _excel_owner), (f".~lock.{place.name}#", _libreoffice_owner)):
            data = _read_owner_file(place.with_name(name))
            if data is not None:
                return describe(data)
    return None


def _check_is_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise WorkbookError(f"{path} does not exist", why=_neighbours(path), hint="give its path") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        raise WorkbookError(f"{path} is a folder", why="a workbook is one file", hint="give the file in it")
    if not stat.S_ISREG(mode):
        raise WorkbookError(f"{path} is no regular file", why="it is a device, pipe or socket")


def _neighbours(path: Path) -> str:
    try:
        names = sorted(child.name for child in path.parent.iterdir() if child.suffix.lower() in (".xlsx", ".xlsm"))
    except OSError:
        return f"there is no folder {path.parent} that can be read"
    names = [name for name in names if not name.startswith("~$")]
    close = difflib.get_close_matches(path.name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"the folder has {', '.join(names[:5])}" if names else "the folder has no workbook"


def _unreadable(path: Path, error: OSError) -> WorkbookError:
    why = error.strerror or str(error)
    return WorkbookError(f"{path} cannot be read", why=why, hint=f"check its permissions: ls -l {path.parent}")


def _about_ole(path: Path) -> WorkbookError:
    if _contains(path, _ENCRYPTED):
        return WorkbookError(
            f"{path.name} is encrypted / password-protected",
            why="it cannot be read without its password",
            hint="in Excel: File, Info, Protect Workbook, Encrypt with Password; empty the password and save",
        )
    return WorkbookError(
        f"{path.name} is an .xls workbook; save it as .xlsx",
        why="it has the format of Excel 97-2003, whatever its name says",
        hint="open it in Excel, File, Save As, Excel Workbook (.xlsx)",
    )


def _contains(path: Path, wanted: bytes) -> bool:
    try:
        with path.open("rb") as stream:
            before = b""
            while (block := stream.read(_SCAN)) and stream.tell() <= _SCAN_AT_MOST:
                if wanted in before + block:
                    return True
                before = block[-len(wanted) :]
    except OSError as error:
        raise _unreadable(path, error) from error
    return False


def _what_it_is(head: bytes) -> str:
    if not head.strip(b"\0"):
        return "it begins with nothing but zero bytes"
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n").lower()
    if text.startswith(("<!doctype html", "<html", "<table")):
        return "it is a web page with a workbook's name"
    if text.startswith("<?xml"):
        return "it is an XML file"
    if "\ufffd" not in text[:-4] and "\0" not in text:
        return "it is plain text, perhaps CSV"
    return "its content is unknown"


def _read_owner_file(path: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as stream:
            return stream.read(_OWNER_FILE_SIZE)
    except FileNotFoundError:
        return None
    except OSError:
        return b""  # it is there: Excel on Windows lets nobody read it


def _excel_owner(data: bytes) -> str:
    """Byte 0 is the name's length, then the name in the old code page; at 55 its length, at 57 the name in UTF-16."""
    name = ""
    if len(data) > 57:
        name = data[57 : 57 + 2 * data[55]].decode("utf-16-le", "replace")
    if not name.strip("\0 ") and data:
        name = data[1 : 1 + data[0]].decode("latin-1")
    return f"{_clean(name) or 'somebody'}, in Excel"


def _libreoffice_owner(data: bytes) -> str:
    """``name,login,host,time,profile;`` with commas and semicolons of a name behind a backslash."""
    text = data.decode("utf-8", "replace").replace("\\,", "\0").rstrip(";\n")
    fields = [_clean(field.replace("\0", ",")) for field in text.split(",")]
    fields += [""] * (4 - len(fields))
    who = fields[0] or fields[1] or "somebody"
    host = f" on {fields[2]}" if fields[2] else ""
    since = f" since {fields[3]}" if fields[3] else ""
    return f"{who}{host}, in LibreOffice{since}"


def _clean(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()[:80]
