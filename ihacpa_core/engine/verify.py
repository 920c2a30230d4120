"""Reading back what a save backend wrote, with a reader that shares no code with it."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ihacpa_core.engine.save_errors import VerificationFailed
from ihacpa_core.errors import WorkbookError
from ihacpa_core.records import CellUpdate
from ihacpa_core.workbook.sheet_reader import CellContent, iter_rows, read_cells
from ihacpa_core.workbook.values import same_value

_SHOWN = 3


def verify(path: Path, sheet: str, updates: Sequence[CellUpdate], *, full: bool) -> None:
    """Make sure that `path` is a whole workbook whose `sheet` holds `updates`.

    Every member of the zip file is unpacked and its checksum compared; every cell of `updates` is read.

    :param full: read the sheet to its end, and not only as far as the last cell of `updates`.
    :raises VerificationFailed: it is not so; the message says what was found.
    :raises OSError: the file cannot be read.
    """
    _check_archive(path)
    wanted = {update.ref: update for update in updates}
    try:
        found = _read_all(path, sheet, wanted) if full else read_cells(path, sheet, wanted.keys())
    except WorkbookError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise _failed(str(error)) from error
    _compare(wanted, found)


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _failed(str(error)) from error
    if broken is not None:
        raise _failed(f"the checksum of {broken} is wrong")
    if len({name.casefold() for name in names}) != len(names):
        raise _failed("a part is there twice")
    if "[Content_Types].xml" not in names:
        raise _failed("the list of its parts is missing")


def _read_all(path: Path, sheet: str, wanted: Mapping[str, CellUpdate]) -> dict[str, CellContent]:
    return {
        ref: content
        for number, cells in iter_rows(path, sheet)
        for letter, content in cells.items()
        if (ref := f"{letter}{number}") in wanted
    }


def _compare(wanted: Mapping[str, CellUpdate], found: Mapping[str, CellContent]) -> None:
    empty = CellContent(None)
    wrong = [
        f"{ref} holds {_shown(found.get(ref, empty))} where {update.cell.value!r:.80} was written"
        for ref, update in wanted.items()
        if not _is_right(update, found.get(ref, empty))
    ]
    if wrong:
        more = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise _failed("; ".join(wrong[:_SHOWN]) + more)


def _is_right(update: CellUpdate, content: CellContent) -> bool:
    return content.formula is None and same_value(update.cell.value, content.value)


def _shown(content: CellContent) -> str:
    return f"the formula {content.formula:.80}" if content.formula is not None else f"{content.value!r:.80}"


def _failed(why: str) -> VerificationFailed:
    return VerificationFailed(
        "the new workbook was not put in place, since it does not read back as it was written",
        why=why,
        hint="the workbook is as it was; try another backend with --save, and report this",
    )
