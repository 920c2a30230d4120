"""A private folder for what openpyxl writes aside: the text of every sheet, in the clear, where `tempfile` says."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PREFIX: Final = "ihacpa-openpyxl-"
_SWAP: Final = threading.Lock()


class Scratch:
    """A folder with mode 0700, removed by `close`.

    :param parent: where it is made; the system's folder for temporary files if that does not exist. What processes that
        are dead left there is removed first.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent if parent is not None and parent.is_dir() else Path(tempfile.gettempdir())
        _sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))

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

        handle, path = tempfile.mkstemp(suffix=suffix, prefix="sheet-", dir=self.path)
        os.close(handle)
        _writer.ALL_TEMP_FILES.append(path)  # openpyxl takes it out of its list when it removes the file
        return path

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what dead processes left; their number stands in the name."""
    import psutil

    for leftover in folder.glob(f"{_PREFIX}*"):
        number = leftover.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(leftover, ignore_errors=True)
