"""A private folder for what openpyxl writes aside: the text of every sheet, in the clear, where `tempfile` says."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ihacpa_core import FileOps

_PREFIX: Final = "ihacpa-openpyxl-"
_SWAP: Final = threading.Lock()
_IN_USE: Final[set[Path]] = set()
"""The folders of this process that are not closed yet."""


class Scratch:
    """A folder with mode 0700, removed by `close`.

    :param files: what it is made and removed with; what is written into its files, openpyxl writes.
    :param parent: a folder that no other process uses now, where it is made; the system's folder for temporary files if
        that does not exist. What dead processes left there is removed first.
    """

    def __init__(self, files: FileOps, parent: Path | None = None) -> None:
        alone = parent is not None and parent.is_dir()
        folder = parent if parent is not None and alone else Path(tempfile.gettempdir())
        self._files = files
        _sweep(files, folder, alone=alone)
        self.path = folder / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
        files.make_folder(self.path)
        _IN_USE.add(self.path)

    @contextmanager
    def used_by_openpyxl(self) -> Iterator[None]:
        """Let openpyxl make its temporary files here.

        It offers no way to say where. `tempfile.tempdir` would move those of the whole process, a person's function
        among them; so the one function that openpyxl makes them with is exchanged while it saves.
        """
        from openpyxl.worksheet import _writer

        with _SWAP:
            before, _writer.create_temporary_file = _writer.create_temporary_file, self._create
            try:
                yield
            finally:
                _writer.create_temporary_file = before

    def _create(self, suffix: str = "") -> str:
        from openpyxl.worksheet import _writer

        path = str(self.path / f"sheet-{secrets.token_hex(8)}{suffix}")
        self._files.create_exclusive(Path(path)).close()
        _writer.ALL_TEMP_FILES.append(path)  # openpyxl takes it out of its list when it removes the file
        return path

    def close(self) -> None:
        _IN_USE.discard(self.path)
        with suppress(OSError):  # what cannot be removed now, a later start removes
            self._files.remove_folder(self.path)


def _sweep(files: FileOps, folder: Path, *, alone: bool) -> None:
    """Remove what dead processes left: all that this one does not use, or, in a shared folder, what is of no live one.

    Where processes have few numbers, as in a container, a dead one's number is soon another's, or this one's.
    """
    for leftover in set(folder.glob(f"{_PREFIX}*")) - _IN_USE:
        if alone or _is_dead(leftover.name.removeprefix(_PREFIX).partition("-")[0]):
            with suppress(OSError):  # another person's, or it is in use: the disk has room for it
                files.remove_folder(leftover)


def _is_dead(number: str) -> bool:
    """Whether no other process has the number that stands in a leftover's name."""
    import psutil

    return number.isdigit() and (int(number) == os.getpid() or not psutil.pid_exists(int(number)))
