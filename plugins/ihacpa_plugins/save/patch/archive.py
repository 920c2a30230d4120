"""The zip file that a workbook is, for reading: its directory, its members, and copies of them as they are.

Layout: PKWARE APPNOTE 6.3.10, 4.3 and 4.4. Sizes and places are taken from the central directory alone; what a local
header repeats of them is not trusted, since programs that write to a stream leave it zero.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ihacpa_core import WorkbookError
from ihacpa_plugins.save.patch.refusals import damaged
from ihacpa_plugins.save.patch.source import SourceFile

END: Final = struct.Struct("<4s4H2LH")
END64: Final = struct.Struct("<4sQ2H2L4Q")
LOCATOR64: Final = struct.Struct("<4sLQL")
CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
LOCAL: Final = struct.Struct("<4s5H3L2H")
FULL32: Final = 0xFFFFFFFF
"""In a field of four bytes: the value stands in the zip64 extra field."""
ZIP64_FIELD: Final = 0x0001

MAX_MEMBERS: Final = 10_000
MAX_DIRECTORY: Final = 4 << 20
MAX_PART: Final = 1 << 30
MAX_RATIO: Final = 250
RATIO_FROM: Final = 32 << 20
"""Bounds of what is unpacked: no workbook meets them, and every zip bomb does (deflate ends at a ratio of 1,032)."""
CHUNK: Final = 1 << 18

_OLE: Final = bytes.fromhex("D0CF11E0A1B11AE1")


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the directory describes it.

    :param fields: the fixed part of its directory entry, unpacked.
    :param extra: its extra field without the zip64 field; `zip64` says whether there was one.
    :param start: where its local header begins; `data` where its packed bytes do; `end` where the next member begins.
    """

    name: str
    raw_name: bytes
    fields: tuple[Any, ...]
    extra: bytes
    comment: bytes
    zip64: bool
    size: int
    packed_size: int
    start: int
    data: int = 0
    end: int = 0

    @property
    def flags(self) -> int:
        return int(self.fields[3])

    @property
    def method(self) -> int:
        return int(self.fields[4])

    @property
    def crc(self) -> int:
        return int(self.fields[7])


class Archive:
    """An open workbook file.

    :raises WorkbookError: it cannot be read, or is not a whole zip file.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            self.source = SourceFile(path)
        except OSError as error:
            raise WorkbookError(f"cannot read {path.name}", why=error.strerror or str(error)) from error
        try:
            self._read_directory()
        except struct.error as error:
            self.close()
            raise damaged(self.name, "its zip directory is cut short") from error
        except WorkbookError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()

    def find(self, name: str) -> Member | None:
        """The member of this name; as Excel does, case and a leading slash are ignored."""
        return self._by_name.get(plain(name))

    def member(self, name: str) -> Member:
        """As `find`.

        :raises WorkbookError: there is none.
        """
        found = self.find(name)
        if found is None:
            raise damaged(self.name, f"its part {name} is missing")
        return found

    def read(self, member: Member) -> bytes:
        """The whole text of a member, its checksum compared.

        :raises WorkbookError: it is damaged, encrypted or too large.
        """
        return b"".join(self.chunks(member))

    def chunks(self, member: Member) -> Iterator[bytes]:
        """As `read`, piece by piece; an error may come after good pieces."""
        self.check(member)
        crc, size = 0, 0
        try:
            for chunk in self._inflated(member):
                crc, size = zlib.crc32(chunk, crc), size + len(chunk)
                self._bound(member, size)
                yield chunk
        except zlib.error as error:
            raise damaged(self.name, f"its part {member.name} cannot be unpacked: {error}") from error
        if crc != member.crc or size != member.size:
            raise damaged(self.name, f"the checksum of its part {member.name} is wrong")

    # --- unpacking ----------------------------------------------------------------------------------------------------

    def packed(self, member: Member, at: int, size: int = CHUNK) -> bytes:
        """Some of the packed bytes of a member, from its byte `at` on."""
        return self.source.read(member.data + at, max(0, min(size, member.packed_size - at)))

    def _inflated(self, member: Member) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-15)
        for at in range(0, member.packed_size, CHUNK):
            data = self.packed(member, at)
            if member.method == 0:
                yield data
                continue
            while data and not unpacker.eof:
                yield unpacker.decompress(data, CHUNK)
                data = unpacker.unconsumed_tail
        if member.method:
            rest = unpacker.flush()
            if not unpacker.eof:
                raise damaged(self.name, f"its part {member.name} is cut short")
            yield rest

    def check(self, member: Member) -> None:
        """See whether a member may be unpacked.

        :raises WorkbookError: it is encrypted, packed in an unknown way, or too large.
        """
        if member.flags & 0x1:
            raise WorkbookError(
                f"{self.name} is encrypted", why=f"part {member.name}", hint="save it in Excel without a password"
            )
        if member.method not in (0, 8):
            raise damaged(self.name, f"part {member.name} is packed in a way that no spreadsheet program uses")
        self._bound(member, member.size)

    def _bound(self, member: Member, size: int) -> None:
        if size > MAX_PART or (size > RATIO_FROM and size > MAX_RATIO * max(member.packed_size, 1)):
            raise WorkbookError(
                f"{self.name} is too large to be read safely",
                why=f"part {member.name} unpacks to {size:,} bytes or more",
                hint="is it the file that you meant?",
            )

    # --- the directory ------------------------------------------------------------------------------------------------

    def _read_directory(self) -> None:
        self._refuse_ole()
        at = self._end()
        count, size, offset, before = self._where(at)
        if size > MAX_DIRECTORY or count > MAX_MEMBERS:
            raise damaged(self.name, f"its zip directory claims {count:,} parts and {size:,} bytes")
        self.directory = before - size
        if self.directory < 0 or offset > self.directory:
            raise damaged(self.name, "its zip directory is not where the file says")
        members = self._entries(self.source.read(self.directory, size), count, self.directory - offset)
        self.members = self._placed(members)
        self._by_name = {plain(member.name): member for member in self.members}
        if len(self._by_name) != len(self.members):
            names = [plain(member.name) for member in self.members]
            twice = next(name for name in names if names.count(name) > 1)
            raise damaged(self.name, f"two of its parts are called {twice}")

    def _refuse_ole(self) -> None:
        if self.source.read(0, 8) == _OLE:
            raise WorkbookError(
                f"{self.name} is encrypted with a password, or an old .xls workbook",
                why="it is an OLE file, and no backend can work on that",
                hint="in Excel, take the password off, or save it as .xlsx",
            )

    def _end(self) -> int:
        """Where the end of central directory record is, and what follows it."""
        size = self.source.size
        start = max(0, size - END.size - 0xFFFF)
        tail = self.source.read(start, size - start)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or at + END.size > len(tail):
            raise damaged(self.name, "its end is missing: it is no zip file, or was cut short when it was copied")
        self.comment = tail[at + END.size : at + END.size + END.unpack_from(tail, at)[7]]
        return start + at

    def _where(self, at: int) -> tuple[int, int, int, int]:
        """Count, size and claimed place of the directory, and where it ends."""
        _, disk, first_disk, _, count, size, offset, _ = END.unpack(self.source.read(at, END.size))
        self.zip64 = False
        where = at - LOCATOR64.size
        locator = self.source.read(where, LOCATOR64.size) if where >= 0 else b""
        if locator[:4] == b"PK\x06\x07":
            place = LOCATOR64.unpack(locator)[2]
            record = self.source.read(place, END64.size)
            if record[:4] != b"PK\x06\x06":
                place = where - END64.size
                record = self.source.read(place, END64.size)
            if record[:4] != b"PK\x06\x06":
                raise damaged(self.name, "its zip64 directory is not where the file says")
            self.zip64 = True
            _, _, _, _, disk, first_disk, _, count, size, offset = END64.unpack(record)
            at = place
        if disk or first_disk:
            raise damaged(self.name, "it is one volume of a zip file of several")
        return count, size, offset, at

    def _entries(self, directory: bytes, count: int, shift: int) -> list[Member]:
        members = []
        at = 0
        for _ in range(count):
            member, at = self._entry(directory, at, shift)
            members.append(member)
        return members

    def _entry(self, directory: bytes, at: int, shift: int) -> tuple[Member, int]:
        fields = CENTRAL.unpack_from(directory, at)
        if fields[0] != b"PK\x01\x02":
            raise damaged(self.name, "its zip directory is broken")
        at += CENTRAL.size
        name, extra = directory[at : at + fields[10]], directory[at + fields[10] : at + fields[10] + fields[11]]
        at += fields[10] + fields[11]
        comment = directory[at : at + fields[12]]
        wide, rest = split_extra(extra)
        sizes = _sizes(fields, wide, self.name)
        text = name.decode("utf-8" if fields[3] & 0x800 else "cp437", "replace")
        member = Member(text, name, fields, rest, comment, bool(wide), sizes[0], sizes[1], sizes[2] + shift)
        return member, at + len(comment)

    def _placed(self, members: list[Member]) -> list[Member]:
        """The members with the place of their data, looked up in their local headers; in the order of the directory."""
        starts = sorted(member.start for member in members)
        following = dict(zip(starts, [*starts, self.directory][1:], strict=True))
        placed = []
        for member in members:
            head = LOCAL.unpack(self.source.read(member.start, LOCAL.size))
            data = member.start + LOCAL.size + head[9] + head[10]
            name = self.source.read(member.start + LOCAL.size, head[9])
            end = following[member.start]
            if head[0] != b"PK\x03\x04" or name != member.raw_name or data + member.packed_size > end:
                raise damaged(self.name, f"part {member.name} is not where the zip directory says")
            placed.append(
                Member(
                    member.name, member.raw_name, member.fields, member.extra, member.comment, member.zip64,
                    member.size, member.packed_size, member.start, data, end,
                )
            )  # fmt: skip
        return placed


def plain(name: str) -> str:
    """A part's name as it is compared."""
    return name.replace("\\", "/").lstrip("/").casefold()


def split_extra(extra: bytes) -> tuple[bytes, bytes]:
    """The content of the zip64 field, and all other fields as they stand (APPNOTE 4.5)."""
    wide, rest, at = b"", b"", 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == ZIP64_FIELD:
            wide = extra[at + 4 : at + 4 + size]
        else:
            rest += extra[at : at + 4 + size]
        at += 4 + size
    return wide, rest + extra[at:]


def _sizes(fields: tuple[Any, ...], wide: bytes, book: str) -> tuple[int, int, int]:
    """Size, packed size and place of a member; those that do not fit stand in the zip64 field, in this order."""
    values, at = [], 0
    for value in (fields[9], fields[8], fields[16]):
        if value == FULL32 and wide:
            if at + 8 > len(wide):
                raise damaged(book, "a zip64 field is cut short")
            value = int.from_bytes(wide[at : at + 8], "little")
            at += 8
        values.append(value)
    return values[0], values[1], values[2]
