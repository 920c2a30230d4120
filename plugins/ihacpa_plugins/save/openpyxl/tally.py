"""What the parts of a workbook hold, counted: elements, attributes and texts, as they are nested."""

from __future__ import annotations

import posixpath
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Final
from xml.parsers import expat

from ihacpa_plugins.save.openpyxl import reencodings as rules

_CHUNK: Final = 1 << 16
_CONTENT_TYPES: Final = "http://schemas.openxmlformats.org/package/2006/content-types"


@dataclass(slots=True)
class Node:
    """All elements of one name in one place of the nesting: how many, with which attributes, how many with text."""

    tag: str
    count: int = 0
    attributes: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    children: dict[str, Node] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)

    def child(self, tag: str) -> Node:
        node = self.children.get(tag)
        if node is None:
            node = self.children[tag] = Node(tag)
        return node

    def add(self, part: str, times: int = 1) -> None:
        self.count += times
        if not self.parts or self.parts[-1] != part:
            self.parts.append(part)


class Tally:
    """The counts of one package: a root for each kind of part, and for what is counted across kinds.

    `covered` counts the cells that lie in merged ranges and are not their first.
    """

    def __init__(self) -> None:
        self.roots: dict[str, Node] = {}
        self.covered = 0

    def root(self, kind: str) -> Node:
        node = self.roots.get(kind)
        if node is None:
            node = self.roots[kind] = Node(kind)
        return node


def content_types(archive: zipfile.ZipFile) -> dict[str, str]:
    """Content types by part name (with a leading ``/``) and by extension (with its ``.``), all in lower case."""
    types: dict[str, str] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == f"{_CONTENT_TYPES} Override":
            types[attributes["PartName"].lower()] = attributes["ContentType"]
        elif tag == f"{_CONTENT_TYPES} Default":
            types["." + attributes["Extension"].lower()] = attributes["ContentType"]

    with archive.open("[Content_Types].xml") as stream:
        parse(stream, start, lambda _: None, lambda _: None)
    return types


def kind_of(name: str, types: dict[str, str]) -> str:
    """The last word of a part's content type: ``worksheet``, ``chart``; pictures of all formats are one kind."""
    type_ = types.get("/" + name.lower()) or types.get(posixpath.splitext(name)[1].lower()) or "unknown"
    if type_.startswith("image/"):
        return "thumbnail" if name.startswith("docProps/") else "image"
    word = type_.rpartition("/")[2].removesuffix("+xml").rpartition(".")[2]
    return "workbook" if word == "main" else word


def parse(
    stream: IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Let the functions hear the elements of `stream`; names are ``namespace local``.

    :raises expat.ExpatError: it is no well-formed XML.
    :raises ValueError: it declares a document type, as no part of a workbook does.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.buffer_text = True
    while chunk := stream.read(_CHUNK):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a part of a workbook has no DOCTYPE")


_short_names: dict[str, str] = {}


def short(name: str) -> str:
    """``namespace local`` with its prefix of `reencodings.PREFIXES` instead, or with none."""
    known = _short_names.get(name)
    if known is None:
        namespace, _, local = name.rpartition(" ")
        known = _short_names[name] = rules.PREFIXES.get(namespace, "") + local
    return known


class PartCounter:
    """Counts one part of any kind. `_stack` holds the node of each open element, `_open` what was said before it."""

    def __init__(self, tally: Tally, kind: str, part: str) -> None:
        self.tally, self.part = tally, part
        self._ignored = rules.IGNORED_ELEMENTS.get(kind, frozenset())
        self._stack: list[Node] = [tally.root(kind)]
        self._open: list[int] = []
        self._said = 0
        self._skipping = 0
        self._has_text = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipping or self._skips(name, attributes):
            self._skipping += 1
            return
        tag = short(name)
        node = self._stack[-1]
        if tag not in rules.TRANSPARENT:
            node = node.child(tag)
            node.add(self.part)
            self._said += tag not in rules.SAYS_NOTHING_ALONE
        self._open.append(-1 if tag in rules.TRANSPARENT else self._said)
        self._count_attributes(node, tag, attributes)
        self._stack.append(node)
        self._has_text = False

    def end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        node, before = self._stack.pop(), self._open.pop()
        node.texts += self._has_text
        self._said += self._has_text
        self._has_text = False
        if node.tag in rules.SAYS_NOTHING_ALONE and self._said == before:
            node.count -= 1

    def text(self, data: str) -> None:
        if not self._skipping and not data.isspace():
            self._has_text = True

    def _skips(self, name: str, attributes: dict[str, str]) -> bool:
        """Whether the element, with all that is in it, says nothing that could be lost."""
        if name.startswith(rules.IGNORED_NAMESPACES):
            return True
        tag = short(name)
        if tag in self._ignored or tag == "mc:Fallback":
            return True
        if tag == "definedName":
            return attributes.get("name") == rules.FILTER_NAME
        return (tag, attributes.get("val")) in rules.DEFAULT_ELEMENTS

    def _count_attributes(self, node: Node, tag: str, attributes: dict[str, str]) -> None:
        for name, value in attributes.items():
            if name.startswith(rules.IGNORED_NAMESPACES):
                continue
            attribute = short(name)
            key = (tag, attribute)
            if key in rules.IGNORED_ATTRIBUTES or ("*", attribute) in rules.IGNORED_ATTRIBUTES:
                continue
            if rules.DEFAULT_ATTRIBUTES.get(key) != rules.TRUTHS.get(value, value):
                node.attributes[attribute] += 1
                self._said += 1
