"""The zip file that a workbook is: opening it, finding parts, inflating them, all within bounds.

The directory of a zip file says how large its members are, and may lie: what is really inflated is counted as well.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast
from urllib.parse import unquote

from ihacpa_core.errors import WorkbookError
from ihacpa_core.workbook.xmlstream import damaged

MAX_MEMBERS = 10_000
"""Parts of a file. Workbooks of hundreds of sheets with charts have about two thousand."""
MAX_DIRECTORY = 4 << 20
"""Bytes of the zip directory: `MAX_MEMBERS` entries of four hundred bytes. It is read whole by `zipfile`."""
MAX_PART = 1 << 30
"""Inflated bytes of one part. A sheet of 100,000 rows and 23 columns has 0.1 GB."""
MAX_TOTAL = 2 << 30
"""Inflated bytes that are read from one opened file."""
MAX_RATIO = 250
"""Inflated to stored bytes of a large part. Sheets reach 50; deflate ends at 1,032, where zip bombs are."""
RATIO_FROM = 32 << 20
"""Inflated bytes from which the ratio counts; below, even a bomb does no harm."""
CHUNK = 1 << 16

_TYPES = "[Content_Types].xml"

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")

Source = Path | BinaryIO
"""A workbook: where it is, or the open file."""


def name_of(source: Source) -> str:
    """What messages call the workbook."""
    if isinstance(source, Path):
        return source.name
    name = getattr(source, "name", None)
    return Path(name).name if isinstance(name, str) else "the workbook"


class Package:
    """An open zip file with the parts of a workbook. Use it in a `with` statement."""

    def __init__(self, source: Source) -> None:
        """Open `source`; a file that was given open stays open afterwards.

        :raises WorkbookError: it cannot be read, is no zip file, or breaks a bound.
        """
        self.name = name_of(source)
        self._read = 0
        self._own: BinaryIO | None = None
        try:
            self._own = source.open("rb") if isinstance(source, Path) else None
            stream = self._own or cast(BinaryIO, source)
            _check_directory_size(stream, self.name)
            self._zip = zipfile.ZipFile(stream)
            self._parts = _parts_by_name(self._zip.infolist(), self.name)
        except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError) as error:
            self.close()
            raise damaged(self.name, f"its zip directory cannot be read: {error}") from error
        except OSError as error:
            self.close()
            raise WorkbookError(f"cannot read {self.name}", why=str(error)) from error
        except WorkbookError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._own is not None:
            self._own.close()

    def check_sizes(self) -> None:
        """See whether every part could be unpacked within the bounds, whoever is going to; nothing is unpacked.

        :raises WorkbookError: one of them could not, or all together.
        """
        for info in self._parts.values():
            self._check(info)
        if sum(info.file_size for info in self._parts.values()) > MAX_TOTAL:
            raise _too_large(self.name, f"its parts unpack to more than {MAX_TOTAL >> 20:,} MB")

    def check_whole(self) -> None:
        """Unpack every part, compare its checksum and forget it, once all of them are known to be within bounds.

        So damage shows before any work is done, and not when a backend comes to a part that nobody else reads.

        :raises WorkbookError: a part is damaged, encrypted or too large, or the list of parts is missing.
        """
        self.check_sizes()
        for info in self._parts.values():
            for _ in self.chunks(info.filename):
                pass
        self._read = 0
        if self.find(_TYPES) is None:
            raise damaged(self.name, f"its part {_TYPES} is missing")

    def find(self, part: str) -> str | None:
        """The name under which `part` is in the file; names are compared as Excel does, without case."""
        info = self._info(part)
        return info.filename if info else None

    def chunks(self, part: str) -> Generator[bytes, None, None]:
        """The inflated bytes of a part, in order.

        :raises WorkbookError: the part is missing, damaged, encrypted, or larger than the bounds allow.
        """
        info = self._info(part)
        if info is None:
            raise damaged(self.name, f"its part {part} is missing")
        self._check(info)
        try:
            with self._zip.open(info) as stream:
                size = 0
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    self._count(info, size, len(chunk))
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError) as error:
            raise damaged(self.name, f"its part {part} cannot be unpacked: {error}") from error
        except OSError as error:
            raise WorkbookError(f"cannot read {self.name}", why=str(error)) from error

    def _info(self, part: str) -> zipfile.ZipInfo | None:
        return self._parts.get(_plain(part)) or self._parts.get(_plain(unquote(part)))

    def _check(self, info: zipfile.ZipInfo) -> None:
        if info.flag_bits & 0x1:
            raise WorkbookError(
                f"{self.name} is encrypted", why=f"part {info.filename}", hint="save it in Excel without a password"
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise damaged(self.name, f"part {info.filename} is packed in a way that no spreadsheet program uses")
        self._count(info, info.file_size, 0)

    def _count(self, info: zipfile.ZipInfo, size: int, more: int) -> None:
        """Refuse a part of `size` inflated bytes (claimed, or so far), of which `more` are new."""
        self._read += more
        if size > RATIO_FROM and size > MAX_RATIO * max(info.compress_size, 1):
            why = f"part {info.filename} unpacks to more than {MAX_RATIO} times its size, as zip bombs do"
            raise _too_large(self.name, why)
        if size > MAX_PART or self._read > MAX_TOTAL:
            raise _too_large(self.name, f"part {info.filename} unpacks to more than {MAX_PART >> 20:,} MB")


def _too_large(name: str, why: str) -> WorkbookError:
    return WorkbookError(f"{name} is too large to be read safely", why=why, hint="is it the file that you meant?")


def _plain(part: str) -> str:
    return part.replace("\\", "/").lstrip("/").casefold()


def _parts_by_name(infos: list[zipfile.ZipInfo], name: str) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > MAX_MEMBERS:
        raise _too_large(name, f"it has {len(infos):,} parts, more than {MAX_MEMBERS:,}")
    parts: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if ".." in _plain(info.filename).split("/"):
            raise damaged(name, f"its part {info.filename} leads out of the file")
        if parts.setdefault(_plain(info.filename), info) is not info:
            raise damaged(name, f"two of its parts are called {info.filename}")
    return parts


def _check_directory_size(stream: BinaryIO, name: str) -> None:
    """Refuse a directory that would fill the memory before `zipfile` reads it. Layout: PKWARE APPNOTE 4.3.14-16."""
    size = stream.seek(0, 2)
    start = max(0, size - _END.size - 0xFFFF - _END64_LOCATOR.size)
    stream.seek(start)
    tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise damaged(name, "its end is missing: it is no zip file, or was cut short when it was copied")
    directory = _END.unpack_from(tail, at)[5]
    if directory == 0xFFFFFFFF and at >= _END64_LOCATOR.size:
        offset = _END64_LOCATOR.unpack_from(tail, at - _END64_LOCATOR.size)[2]
        with suppress(struct.error, OSError):  # `zipfile` says what is wrong with it
            stream.seek(offset)
            directory = _END64.unpack(stream.read(_END64.size))[8]
    stream.seek(0)
    if directory > MAX_DIRECTORY:
        raise _too_large(name, f"its zip directory has {directory:,} bytes")
