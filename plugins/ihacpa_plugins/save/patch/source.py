"""The bytes of the workbook as it was opened, for as long as the session lives, whatever happens to its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 20


class SourceFile:
    """A file that is read from any place. The core replaces the workbook by name: what is open here stays as it was.

    Windows lets nobody replace a file that is open; there the bytes are read at once, and the file is closed.

    :raises OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._bytes: bytes | None = None
        self.size = os.fstat(self._file.fileno()).st_size
        if os.name == "nt":
            self._bytes = self._file.read()
            self._file.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from `at` on; fewer at the end of the file."""
        if self._bytes is not None:
            return self._bytes[at : at + size]
        return os.pread(self._file.fileno(), size, at)

    def copy(self, at: int, size: int, target: BinaryIO) -> None:
        """Write `size` bytes from `at` on to `target`; in the kernel, if `target` knows how to.

        :raises OSError: `target` cannot be written, or the file became shorter.
        """
        copy_from = getattr(target, "copy_from", None)
        if copy_from is not None and self._bytes is None:
            copy_from(self._file.fileno(), at, size)
            return
        end = at + size
        while at < end:
            data = self.read(at, min(_CHUNK, end - at))
            if not data:
                raise OSError("the workbook was cut short while it was read")
            target.write(data)
            at += len(data)
