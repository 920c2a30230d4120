"""A SQLite database with its write-ahead log, put together in memory: read without one write operation.

SQLite opens a log for writing even where it only reads, and as root it changes the log's owner to what it is already.
Who only looks at a journal must not do that. Source: https://www.sqlite.org/fileformat2.html, sections 1.3 (header of
the database) and 4 (the write-ahead log).
"""

from __future__ import annotations

import struct
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

_MAGIC = 0x377F0682  # the lowest bit says whether the checksums are made of big-endian words
_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_VERSIONS = slice(18, 20)  # in the database's header: 2 2 with a log, 1 1 without
_LOOKS = 50
_PAUSE = 0.02  # seconds


class LogInMotionError(OSError):
    """The log began anew at every look: its writer is too busy to be read beside it."""


def database_image(path: Path) -> bytes:
    """What the database at `path` holds, committed transactions of its log included, as a database without a log.

    While another process writes: its checkpoints move pages into the database that the log has as well, until the log
    begins anew with another salt. So what was read is of one moment if the salt is the same before and after.

    :raises OSError: it cannot be read.
    """
    log = path.with_name(f"{path.name}-wal")
    for _ in range(_LOOKS):
        salt = _salt(log)
        image = bytearray(path.read_bytes())
        frames = log.read_bytes() if salt else b""
        if frames[16:24] == salt and _salt(log) == salt:
            _lay_over(image, frames)
            if len(image) > _VERSIONS.stop:
                image[_VERSIONS] = b"\1\1"
            return bytes(image)
        time.sleep(_PAUSE)
    raise LogInMotionError(f"{log} is being written")


def _salt(log: Path) -> bytes:
    """The two numbers that every frame of the log has to carry; empty if there is no log, or nothing in it."""
    try:
        with log.open("rb") as file:
            header = file.read(_HEADER.size)
    except FileNotFoundError:
        return b""
    return header[16:24] if len(header) == _HEADER.size else b""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A page in the log: its number from 1, where its bytes begin, and the size in pages if a transaction ends."""

    page: int
    start: int
    commit: int


def _lay_over(image: bytearray, log: bytes) -> None:
    """Bring the committed pages of `log` into `image`."""
    frames = _frames(log)
    last = next((place for place, frame in reversed(list(enumerate(frames))) if frame.commit), -1)
    if last < 0:
        return
    size = _HEADER.unpack_from(log)[2]
    length = frames[last].commit * size
    image.extend(bytes(max(length - len(image), 0)))
    for frame in frames[: last + 1]:
        at = (frame.page - 1) * size
        image[at : at + size] = log[frame.start : frame.start + size]
    del image[length:]


def _frames(log: bytes) -> list[_Frame]:
    """The frames from the first on, as far as their checksums fit: what follows was torn, or is of an older log."""
    if len(log) < _HEADER.size:
        return []
    magic, _, size, _, *rest = _HEADER.unpack_from(log)
    salt, expected = tuple(rest[:2]), tuple(rest[2:])
    if magic & ~1 != _MAGIC or size < 512:
        return []
    swap = (magic & 1 == 1) != (sys.byteorder == "big")
    sums = _checksum(log[:24], (0, 0), swap=swap)
    if sums != expected:
        return []
    frames: list[_Frame] = []
    start = _HEADER.size
    while start + _FRAME.size + size <= len(log):
        page, commit, *marks = _FRAME.unpack_from(log, start)
        begin = start + _FRAME.size
        sums = _checksum(log[start : start + 8], sums, swap=swap)
        sums = _checksum(log[begin : begin + size], sums, swap=swap)
        if tuple(marks[:2]) != salt or sums != tuple(marks[2:]) or not page:
            break
        frames.append(_Frame(page, begin, commit))
        start = begin + size
    return frames


def _checksum(data: bytes, sums: tuple[int, int], *, swap: bool) -> tuple[int, int]:
    """Section 4.2: a sum over pairs of 32-bit words, each added to the other, continued from `sums`."""
    words = array("I", data)
    if swap:
        words.byteswap()
    first, second = sums
    numbers = iter(words)
    for one, other in zip(numbers, numbers, strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
