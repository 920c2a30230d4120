"""A line of the file store: JSON for people, with a length and a checksum for programs.

    {"length":87,"sum":"41c0b3f10f6a5d2e","run":"r1","sequence":7,"group":[7,9],"kind":"outcome","payload":{}}

`length` counts the bytes after the comma behind the checksum, up to the end of the line; `sum` is their BLAKE2b of 8
bytes in hexadecimal. BLAKE2b, since Python brings it along and anybody can make it again (``b2sum --length=64``); a
CRC32C would be shorter, and needs a package. All is ASCII: no editor and no locale changes a line by reading it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

_HEAD = re.compile(rb'\{"length":(\d{1,12}),"sum":"([0-9a-f]{16})",')


def line_of(fields: Mapping[str, Any]) -> bytes:
    """`fields`, at least one, as a line.

    :raises TypeError: JSON has no form for a value; ValueError and RecursionError say so too.
    """
    body = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii")[1:]
    return b'{"length":%d,"sum":"%s",%s\n' % (len(body), _checksum(body), body)


def read_line(line: bytes) -> dict[str, Any] | None:
    """The fields of a whole line, with its end; None if it is not one that `line_of` made."""
    head = _HEAD.match(line)
    if head is None or len(line) != head.end() + int(head[1]) + 1 or not line.endswith(b"\n"):
        return None
    body = line[head.end() : -1]
    if _checksum(body) != head[2]:
        return None
    try:
        fields: dict[str, Any] = json.loads("{" + body.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return fields


def lines_within(damaged: bytes) -> Iterator[dict[str, Any]]:
    """The fields of every whole line somewhere in `damaged`, wherever it begins.

    JSON escapes the quotation marks of a text, so that no payload can look like the head of a line.
    """
    for head in _HEAD.finditer(damaged):
        fields = read_line(damaged[head.start() : head.end() + int(head[1]) + 1])
        if fields is not None:
            yield fields


def _checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=8).hexdigest().encode()
