"""A private folder for what openpyxl writes aside: the text of every sheet, in the clear, where `tempfile` says."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PREFIX: Final = "openpyxl-"
_SWAP: Final = threading.Lock()


class Scratch:
    """A folder with mode 0700, removed by `close`.

    :param parent: where it is made; the system's folder for temporary files if that does not exist. What dead runs left
        in `parent` is removed first: the caller holds the workbook's lock.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent if parent is not None and parent.is_dir() else None
        if parent is not None:
            for leftover in parent.glob(f"{_PREFIX}*"):
                shutil.rmtree(leftover, ignore_errors=True)
        prefix = _PREFIX if parent is not None else f"ihacpa-{_PREFIX}"
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))

    @contextmanager
    def used_by_tempfile(self) -> Iterator[None]:
        """Let temporary files of this process be made here.

        openpyxl offers no way to say where; the module-wide setting is the only one. The lock keeps two sessions from
        taking each other's folder for the setting to go back to.
        """
        with _SWAP:
            before, tempfile.tempdir = tempfile.tempdir, str(self.path)
            try:
                yield
            finally:
                tempfile.tempdir = before

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
