"""Loading and saving with openpyxl, with its faults worked around and its errors turned into words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from ihacpa_core import WorkbookError
from ihacpa_plugins.save.openpyxl.bounds import check_bounds
from ihacpa_plugins.save.openpyxl.scratch import Scratch

if TYPE_CHECKING:
    from openpyxl import Workbook


def load(source: Path) -> Workbook:
    """The workbook in `source`, macros kept.

    :raises WorkbookError: openpyxl cannot load it, not in bounded memory, or finds no sheet in it.
    :raises OSError: the file cannot be opened.
    """
    from openpyxl import load_workbook

    check_bounds(source)
    book: Workbook | None = None
    # By content, not by name: openpyxl looks at the extension when it is given a path.
    with source.open("rb") as file, _quietly():
        try:
            book = load_workbook(file, keep_vba=source.suffix.lower() in (".xlsm", ".xltm"))
        except MemoryError:
            book = None  # told below, when what was loaded is gone: here there may be no room for words
        except Exception as error:  # openpyxl raises whatever its parsers stumbled over
            raise _cannot("load", source.name, error) from error
    if book is None:
        raise _no_room("load", source.name)
    if not book.worksheets:
        raise WorkbookError(
            f"openpyxl cannot load {source.name}",
            why='it finds no worksheet; the file may be a "Strict Open XML" workbook',
            hint="in Excel, save it as an ordinary Excel workbook (.xlsx)",
        )
    return book


def save(book: Workbook, target: BinaryIO, name: str, scratch: Scratch) -> None:
    """Write `book` to an empty open file.

    :raises WorkbookError: openpyxl cannot write this workbook.
    :raises OSError: the file cannot be written.
    """
    from openpyxl.writer.excel import ExcelWriter

    _rebuffer_images(book)
    book.properties.modified = datetime.now(UTC).replace(tzinfo=None)
    with scratch.used_by_openpyxl(), _quietly(), _archive(target) as archive:
        try:
            ExcelWriter(book, archive).save()
        except MemoryError as error:
            raise _no_room("save", name) from error
        except OSError:
            raise
        except Exception as error:  # openpyxl raises whatever its writers stumbled over
            raise _cannot("save", name, error) from error


@contextmanager
def _archive(target: BinaryIO) -> Iterator[ZipFile]:
    """An archive that openpyxl closes; one that it could not finish writes no farewell to a file that may be closed."""
    archive = ZipFile(target, "w", ZIP_DEFLATED)
    try:
        yield archive
    except BaseException:  # whatever it was, the directory of a broken archive is not to be written
        archive.fp = None
        raise


def _rebuffer_images(book: Workbook) -> None:
    """Give each picture a buffer of its own again: writing one closes it, and a second save would fail."""
    for sheet in [*book.worksheets, *book.chartsheets]:
        for image in getattr(sheet, "_images", ()):
            if not hasattr(image, "ihacpa_bytes"):
                image.ref.seek(0)
                image.ihacpa_bytes = image.ref.read()
            image.ref = BytesIO(image.ihacpa_bytes)


def _quietly() -> warnings.catch_warnings[None]:
    """Without openpyxl's warnings about what it drops: `inspect` says it better."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def _cannot(verb: str, name: str, error: Exception) -> WorkbookError:
    return WorkbookError(
        f"openpyxl cannot {verb} {name}",
        why=f"{type(error).__name__}: {error}",
        hint='try save = "patch", which leaves everything else in the file as it is',
    )


def _no_room(verb: str, name: str) -> WorkbookError:
    return WorkbookError(
        f"openpyxl cannot {verb} {name}",
        why="it holds the whole workbook in memory, and there is not enough",
        hint='try save = "patch", which does not, or raise the limit that this process runs under',
    )
