"""Writing the zip file: members that did not change are copied as they stand, the others take their old places.

Order, dates, names, attributes, comments and extra fields of the members stay (APPNOTE 4.3.7, 4.3.12 to 4.3.16).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO, Final

from ihacpa_plugins.save.patch.archive import (
    CENTRAL,
    END,
    END64,
    FULL32,
    LOCAL,
    LOCATOR64,
    ZIP64_FIELD,
    Archive,
    Member,
    split_extra,
)
from ihacpa_plugins.save.patch.segments import Content

_DESCRIPTOR: Final = 0x0008
"""The flag of a member whose sizes follow its data."""
_SPEED: Final = 0x0006
"""The flags that say how hard a packer tried."""
_DEFLATED: Final = 8


def write_archive(
    target: BinaryIO,
    archive: Archive,
    changed: Mapping[str, Content],
    added: Mapping[str, Content],
    removed: Collection[str],
) -> None:
    """Write `archive` to `target`, an empty file, with new content for some members.

    :param changed: by the member's name as the directory has it; `removed` likewise.
    :param added: new members, behind all others; they take date and attributes of the first member.
    :raises OSError: `target` cannot be written.
    """
    writer = _Writer(target, archive)
    for member in sorted(archive.members, key=lambda member: member.start):
        if member.name in removed:
            writer.skip(member)
        elif member.name in changed:
            writer.put(member, changed[member.name])
        else:
            writer.keep(member)
    entries = [(member, changed.get(member.name)) for member in archive.members if member.name not in removed]
    for name, content in added.items():
        member = _new_member(archive.members[0], name)
        writer.put(member, content)
        entries.append((member, content))
    writer.finish(entries)


def _new_member(like: Member, name: str) -> Member:
    raw = name.encode()
    fields = (like.fields[0], like.fields[1], 20, 0, _DEFLATED, *like.fields[5:7], 0, 0, 0, len(raw), 0, 0, 0, 0, 0, 0)
    return Member(name, raw, fields, b"", b"", zip64=False, size=0, packed_size=0, start=-1)


class _Writer:
    """Gathers runs of members that stay as they are, so that each run is one copy."""

    def __init__(self, target: BinaryIO, archive: Archive) -> None:
        self._target = target
        self._archive = archive
        self._at = 0
        self._starts: dict[str, int] = {}
        first = min((member.start for member in archive.members), default=0)
        self._run = (0, first)  # what stands before the first member, if anything, stays there

    def keep(self, member: Member) -> None:
        start, _ = self._run
        self._starts[member.name] = self._at + member.start - start
        self._run = (start, member.end)

    def skip(self, member: Member) -> None:
        self._copy_run()
        self._run = (member.end, member.end)

    def put(self, member: Member, content: Content) -> None:
        self._copy_run()
        self._starts[member.name] = self._at
        self._write(_local_header(self._archive, member, content))
        for piece in content.packed():
            self._write(piece)
        if member.end:
            self._run = (member.end, member.end)

    def finish(self, entries: Sequence[tuple[Member, Content | None]]) -> None:
        self._copy_run()
        directory = b"".join(_entry(member, self._starts[member.name], content) for member, content in entries)
        start = self._at
        self._write(directory)
        self._write(_end(self._archive, len(entries), len(directory), start))

    def _copy_run(self) -> None:
        start, end = self._run
        if end > start:
            self._archive.source.copy(start, end - start, self._target)
            self._at += end - start
        self._run = (end, end)

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._at += len(data)


def _local_header(archive: Archive, member: Member, content: Content) -> bytes:
    """The member's own local header, its extra fields included, with the new sizes and checksum in it."""
    extra = b""
    if member.start >= 0:
        size = member.data - member.start - LOCAL.size - len(member.raw_name)
        extra = split_extra(archive.source.read(member.data - size, size))[1]
    _, _, needed, flags, _, time, date = member.fields[:7]
    total = content.total
    flags &= ~(_DESCRIPTOR | _SPEED)
    sizes = (total.crc, content.packed_size, total.size, len(member.raw_name), len(extra))
    return LOCAL.pack(b"PK\x03\x04", max(needed, 20), flags, _DEFLATED, time, date, *sizes) + member.raw_name + extra


def _entry(member: Member, start: int, content: Content | None) -> bytes:
    """The member's directory entry; what does not fit into four bytes, or did not before, goes into a zip64 field."""
    fields = list(member.fields)
    values = [member.size, member.packed_size, start]
    if content is not None:
        fields[2:5] = [max(fields[2], 20), fields[3] & ~(_DESCRIPTOR | _SPEED), _DEFLATED]
        fields[7] = content.total.crc
        values[:2] = [content.total.size, content.packed_size]
    wide = [
        value >= FULL32 or (content is None and member.zip64 and old == FULL32)
        for value, old in zip(values, (member.fields[9], member.fields[8], member.fields[16]), strict=True)
    ]
    shown = [FULL32 if is_wide else value for value, is_wide in zip(values, wide, strict=True)]
    fields[9], fields[8], fields[16] = shown
    extra = b"".join(struct.pack("<Q", value) for value, is_wide in zip(values, wide, strict=True) if is_wide)
    extra = (struct.pack("<2H", ZIP64_FIELD, len(extra)) + extra if extra else b"") + member.extra
    fields[10:13] = [len(member.raw_name), len(extra), len(member.comment)]
    return CENTRAL.pack(*fields) + member.raw_name + extra + member.comment


def _end(archive: Archive, count: int, size: int, start: int) -> bytes:
    """The end of the directory; in zip64 form if it was before, or has to be now."""
    end = b""
    if archive.zip64 or count >= 0xFFFF or start >= FULL32:
        end = END64.pack(b"PK\x06\x06", END64.size - 12, 45, 45, 0, 0, count, count, size, start)
        end += LOCATOR64.pack(b"PK\x06\x07", 0, start + size, 1)
    shown = (min(count, 0xFFFF), min(count, 0xFFFF), min(size, FULL32), min(start, FULL32))
    return end + END.pack(b"PK\x05\x06", 0, 0, *shown, len(archive.comment)) + archive.comment
