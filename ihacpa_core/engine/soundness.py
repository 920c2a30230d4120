"""Whether a file opens as a workbook, and whether there is a backup to put in the place of one that does not."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ihacpa_core.engine.backups import list_backups
from ihacpa_core.engine.save_errors import VerificationFailed
from ihacpa_core.engine.state_folder import state_folder
from ihacpa_core.engine.verify import verify
from ihacpa_core.errors import WorkbookError
from ihacpa_core.text import counted
from ihacpa_core.workbook.book import read_book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.sniff import check_workbook


def flaw(path: Path) -> str:
    """Why `path` does not open as a workbook; empty if it does. Every part is unpacked, the active sheet is read."""
    try:
        check_workbook(path)
        with Package(path) as package:
            package.check_sizes()
            sheet = read_book(package).sheet().name
        verify(path, sheet, (), full=True)
    except VerificationFailed as error:
        return error.why
    except WorkbookError as error:
        return error.why or error.what
    except OSError as error:
        return error.strerror or str(error)
    return ""


@contextmanager
def naming_backups(workbook: Path, state_dir: str) -> Iterator[None]:
    """Let an error about a workbook that does not open say which command puts a backup in its place.

    :param state_dir: as the settings name it.
    :raises WorkbookError: what was raised inside.
    """
    try:
        yield
    except WorkbookError as error:
        backups = list_backups(state_folder(workbook, state_dir).backups)
        if not backups or (workbook.exists() and not flaw(workbook)):
            raise
        command = f"ihacpa restore {shlex.quote(os.path.relpath(workbook))}"
        offer = f"{command} puts back one of {counted(len(backups), 'backup')}"
        hint = f"{offer}; or {error.hint}" if error.hint else offer
        raise WorkbookError(error.what, why=error.why, hint=hint) from error
