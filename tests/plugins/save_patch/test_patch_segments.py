"""Text in segments: one deflate stream, its checksum put together from those of its pieces."""

from __future__ import annotations

import random
import zlib

from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.save.patch.checksum import multiply, shift_by
from ihacpa_plugins.save.patch.segments import Content, Segments, Total, content_of, pack, pack_stream

PIECES = st.lists(st.binary(max_size=300), max_size=80)


def unpacked(content):
    unpacker = zlib.decompressobj(-15)
    text = unpacker.decompress(b"".join(content.packed())) + unpacker.flush()
    assert unpacker.eof
    return text


@given(st.binary(), st.binary())
def test_checksum_of_two_pieces(left, right):
    """The checksum of two texts together follows from those of each and the length of the second."""
    assert multiply(zlib.crc32(left), shift_by(len(right))) ^ zlib.crc32(right) == zlib.crc32(left + right)


@given(PIECES)
def test_segments_are_one_stream(pieces):
    """Whatever the pieces, what is packed is one whole deflate stream of all of them, with the right totals."""
    content = Content(Segments([pack(piece) for piece in pieces]))
    whole = b"".join(pieces)

    assert unpacked(content) == whole
    assert (content.total.crc, content.total.size) == (zlib.crc32(whole), len(whole))
    assert content.packed_size == len(b"".join(content.packed()))


@given(PIECES.filter(bool), st.data())
def test_any_segment_may_be_replaced(pieces, data):
    """A segment gives way to none, one or several others, again and again, and totals and text follow."""
    segments = Segments([pack(piece) for piece in pieces])
    segments.total()
    for _ in range(3):
        if not len(segments):
            break
        at = data.draw(st.integers(0, len(segments) - 1))
        new = data.draw(st.lists(st.binary(max_size=40), max_size=3))
        segments.replace(at, [pack(piece) for piece in new])
        pieces[at : at + 1] = new
        content = Content(segments)

        assert unpacked(content) == b"".join(pieces)
        assert content.total.crc == zlib.crc32(b"".join(pieces))


def test_a_copy_changes_by_itself():
    """What is changed in a copy stays as it was in the original, also after blocks were put together."""
    segments = Segments([pack(b"%d" % number) for number in range(100)])
    Content(segments)
    copy = segments.copy()
    copy.replace(50, [pack(b"new")])
    copy.append(pack(b"end"))

    assert unpacked(Content(segments)) == b"".join(b"%d" % number for number in range(100))
    assert unpacked(Content(copy)).endswith(b"99end")


def test_packing_in_threads_keeps_the_order():
    """Many texts at once come out in their order."""
    rng = random.Random(1)
    texts = [rng.randbytes(rng.randint(0, 5000)) for _ in range(100)]

    assert [segment.text() for segment in pack_stream(iter(texts))] == texts


def test_totals_add_up_from_nothing():
    """The total of nothing is neutral on both sides."""
    total = pack(b"text").total

    assert Total() + total == total == total + Total()
    assert unpacked(content_of(b"")) == b""
