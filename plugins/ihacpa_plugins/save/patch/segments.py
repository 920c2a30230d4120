"""A long text as a row of independently compressed segments, which together are one ordinary deflate stream.

Each segment ends with a full flush: on a byte boundary, and with no reference back across it (RFC 1951, 3.2.4; zlib's
`Z_FULL_FLUSH`). So a segment is unpacked, changed and packed again alone, and the rest is used as it is.
"""

from __future__ import annotations

import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from ihacpa_plugins.save.patch.checksum import ONE, multiply, shift_by

SEGMENT: Final = 128 * 1024
"""Bytes of text that a segment is aimed at. Larger ones pack a little better, smaller ones are changed more quickly."""
LEVEL: Final = 5
"""Of a sheet, nearly twice as quick as 6, for 1.5 % of its packed size; larger segments make up for half of that."""
_FINAL_BLOCK: Final = b"\x03\x00"
"""An empty block of fixed codes with the mark of the last one (RFC 1951, 3.2.3): the end of the stream."""
_BLOCK: Final = 32
_WAITING: Final = 4


@dataclass(frozen=True, slots=True)
class Total:
    """What a zip directory says of some text: checksum and sizes. `shift` is kept for putting totals together."""

    crc: int = 0
    size: int = 0
    packed_size: int = 0
    shift: int = ONE

    def __add__(self, after: Total) -> Total:
        return Total(
            multiply(self.crc, after.shift) ^ after.crc,
            self.size + after.size,
            self.packed_size + after.packed_size,
            multiply(self.shift, after.shift),
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text, packed."""

    packed: bytes | memoryview
    total: Total

    def text(self) -> bytes:
        """The piece, unpacked."""
        return zlib.decompressobj(-15).decompress(self.packed)


def pack(text: bytes, level: int = LEVEL) -> Segment:
    """A segment of `text`; of an empty one, nothing at all."""
    if not text:
        return Segment(b"", Total())
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    packed = packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)
    return Segment(packed, Total(zlib.crc32(text), len(text), len(packed), shift_by(len(text))))


def pack_stream(texts: Iterable[bytes]) -> Iterator[Segment]:
    """As `pack`, one text after the other, a few at once: zlib lets go of the interpreter."""
    with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        waiting: deque[Future[Segment]] = deque()
        for text in texts:
            waiting.append(pool.submit(pack, text))
            if len(waiting) > _WAITING:
                yield waiting.popleft().result()
        for packed in waiting:
            yield packed.result()


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring segments, put together."""

    packed: bytes
    total: Total


class Segments:
    """Segments in their order. Blocks of them are put together and summed up once, so that a change costs little."""

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        self._segments = list(segments)
        self._blocks: dict[int, _Block] = {}

    def __len__(self) -> int:
        return len(self._segments)

    def __getitem__(self, at: int) -> Segment:
        return self._segments[at]

    def copy(self) -> Segments:
        """Another row of the same segments, which changes by itself."""
        made = Segments(self._segments)
        made._blocks = dict(self._blocks)
        return made

    def replace(self, at: int, new: Sequence[Segment]) -> None:
        """Put `new` in the place of the segment `at`."""
        self._segments[at : at + 1] = new
        if len(new) == 1:
            self._blocks.pop(at // _BLOCK, None)
        else:
            self._forget_from(at)

    def append(self, segment: Segment) -> None:
        """Add a segment at the end."""
        last = len(self._segments) // _BLOCK
        self._blocks.pop(last, None)
        self._segments.append(segment)
        if len(self._segments) % _BLOCK == 0:
            self._block(last)

    def total(self) -> Total:
        """Of all of it."""
        whole = Total()
        for start in range(0, len(self._segments), _BLOCK):
            whole += self._block(start // _BLOCK).total
        return whole

    def packed(self) -> Iterator[bytes]:
        """The packed bytes, in pieces that are worth a write each."""
        for start in range(0, len(self._segments), _BLOCK):
            yield self._block(start // _BLOCK).packed

    def _block(self, number: int) -> _Block:
        """A block, put together if it has changed. Its segments become parts of it, so that nothing is kept twice."""
        if number not in self._blocks:
            start = number * _BLOCK
            segments = self._segments[start : start + _BLOCK]
            whole = b"".join([segment.packed for segment in segments])
            view, at, total = memoryview(whole), 0, Total()
            for place, segment in enumerate(segments, start):
                end = at + len(segment.packed)
                self._segments[place] = Segment(view[at:end], segment.total)
                total += segment.total
                at = end
            self._blocks[number] = _Block(whole, total)
        return self._blocks[number]

    def _forget_from(self, at: int) -> None:
        for number in [number for number in self._blocks if number >= at // _BLOCK]:
            del self._blocks[number]


class Content:
    """What a member of the zip file is to hold: runs of segments, one after the other."""

    def __init__(self, *runs: Segments) -> None:
        self._runs = runs
        self.total = sum((run.total() for run in runs), Total())
        self.packed_size = self.total.packed_size + len(_FINAL_BLOCK)

    def packed(self) -> Iterator[bytes]:
        """The deflate stream."""
        for run in self._runs:
            yield from run.packed()
        yield _FINAL_BLOCK


def content_of(text: bytes) -> Content:
    """A member that holds `text`."""
    return Content(Segments([pack(text)]))
