"""XML as bytes: finding tags and attributes without a tree, writing texts, and bringing odd encodings into UTF-8.

What is not to change is never parsed into something else and written again: changes are spliced into the bytes. In
well-formed XML every ``<`` begins a tag, a comment, a CDATA section or an instruction (XML 1.0, 2.4); once the latter
three are blanked out (`mask`), a tag is found by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Final

from ihacpa_plugins.save.patch.refusals import beyond, damaged

Edit = tuple[int, int, bytes]
"""Start and end of what goes, and what comes in its place."""

ATTRIBUTES: Final = rb"""(?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*+"""
_PLACE: Final = itemgetter(0, 1)
_ATTRIBUTE: Final = re.compile(rb"""([^\s=<>"'/]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")
_OPAQUE: Final = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)
_DECLARED: Final = re.compile(rb"""\A(<\?xml\s[^>]*?encoding\s*=\s*["'])([A-Za-z0-9._-]+)""")
_ENTITY: Final = re.compile(r"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|(\w+));")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")


def splice(text: bytes, edits: Iterable[Edit]) -> bytes:
    """`text` with `edits` made, which do not overlap; those at one place in the order in which they were given."""
    pieces, at = [], 0
    for start, end, new in sorted(edits, key=_PLACE):
        pieces += [text[at:start], new]
        at = end
    return b"".join([*pieces, text[at:]])


def is_plain(text: bytes) -> bool:
    """Whether there is nothing to blank out."""
    return not _has(text, b"!") and not _has(text, b"?")


def _has(text: bytes, mark: bytes) -> bool:
    """Whether there is a ``<`` before a `mark`; one rare byte is found much faster than two of which one is common."""
    at = text.find(mark)
    while at >= 0:
        if text[at - 1 : at] == b"<":
            return True
        at = text.find(mark, at + 1)
    return False


def mask(text: bytes) -> bytes:
    """`text` with spaces for comments, CDATA sections and instructions, every other byte where it was."""
    return text if is_plain(text) else _OPAQUE.sub(lambda match: b" " * len(match[0]), text)


@lru_cache(maxsize=64)
def element(name: bytes) -> re.Pattern[bytes]:
    """Matches an element of this qualified name in a masked text: its attributes, and its content unless it is empty.

    Only for elements that are never inside one of the same name.
    """
    name = re.escape(name)
    inside = rb"((?:[^<]++|<(?!/" + name + rb"[\s>]))*+)"
    return re.compile(rb"<" + name + rb"(" + ATTRIBUTES + rb")\s*+(?:/>|>" + inside + rb"</" + name + rb"\s*+>)")


@lru_cache(maxsize=64)
def opening(name: bytes) -> re.Pattern[bytes]:
    """Matches the start tag of an element of this qualified name: its attributes, and ``/`` if it is empty."""
    return re.compile(rb"<" + re.escape(name) + rb"(" + ATTRIBUTES + rb")\s*+(/?)>")


def attributes(tag: bytes) -> dict[bytes, bytes]:
    """The attributes in a tag, by qualified name, as they are written."""
    return {name: one or other for name, one, other in _ATTRIBUTE.findall(tag)}


def with_attribute(tag: bytes, name: bytes, value: bytes) -> bytes:
    """A start tag in which the attribute `name` has `value`, whether it was there or not."""
    for match in _ATTRIBUTE.finditer(tag):
        if match[1] == name:
            return tag[: match.start()] + b'%s="%s"' % (name, value) + tag[match.end() :]
    at = len(tag) - 2 if tag.endswith(b"/>") else len(tag) - 1
    return tag[:at].rstrip() + b' %s="%s"' % (name, value) + tag[at:]


def escape(text: str) -> bytes:
    """`text` as the content of an element."""
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text.encode()


def quote(text: str) -> bytes:
    """`text` as the value of an attribute, without the quotes round it."""
    return escape(text).replace(b'"', b"&quot;").replace(b"\t", b"&#9;").replace(b"\n", b"&#10;")


def unescape(raw: bytes) -> str:
    """The text that stands in an element or an attribute."""
    text = raw.decode("utf-8", "replace")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    if match[1] or match[2]:
        code = int(match[1], 16) if match[1] else int(match[2])
        return chr(code) if code < 0x110000 else match[0]
    return _NAMED.get(match[3], match[0])


def is_utf16(head: bytes) -> bool:
    """Whether a part that begins so is written in UTF-16."""
    return head.startswith(_UTF16)


def to_utf8(text: bytes, book: str, part: str) -> bytes:
    """A whole part in UTF-8, without a byte order mark; ECMA-376 part 2, 8.1.4 allows UTF-16 beside it.

    :raises WorkbookError: it is in another encoding.
    """
    if is_utf16(text):
        coding = "utf-16" if text[:2] in _UTF16[:2] else ("utf-16-le" if text[:1] == b"<" else "utf-16-be")
        try:
            text = text.decode(coding).encode()
        except UnicodeDecodeError as error:
            raise damaged(book, f"its part {part} is not the UTF-16 that it begins as") from error
        return _DECLARED.sub(rb"\1UTF-8", text)
    text = text.removeprefix(_BOM)
    declared = _DECLARED.match(text)
    if declared and declared[2].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        raise beyond(book, f"its part {part} is written in {declared[2].decode()}; a workbook's are in UTF-8")
    return text
