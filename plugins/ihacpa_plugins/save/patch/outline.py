"""Where the elements of an XML part stand, as byte offsets: enough to splice changes in. Parsed by expat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from ihacpa_plugins.save.patch.markup import Edit, opening
from ihacpa_plugins.save.patch.refusals import damaged

MAX_DEPTH = 200


@dataclass(slots=True)
class Node:
    """An element.

    :param name: without its prefix; `tag` is the qualified name as it is written.
    :param attrs: ``name``, or ``namespace name`` for those with a prefix, to value.
    :param inside: where its start tag ends; `close` where its end tag begins, the same for an empty element.
    """

    name: str
    uri: str
    tag: bytes
    attrs: dict[str, str]
    start: int
    inside: int = 0
    close: int = 0
    end: int = 0
    children: list[Node] = field(default_factory=list)

    def child(self, name: str) -> Node | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def walk(self) -> Iterator[Node]:
        """This node and all in it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()


def outline(text: bytes, book: str, part: str, depth: int = 99) -> Node:
    """The root of a part in UTF-8, with what is in it down to `depth` levels.

    :raises WorkbookError: it is not well-formed, or has a document type.
    """
    builder = _Builder(text, depth, book, part)
    try:
        builder.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise damaged(book, f"its part {part} is not well-formed XML: {error}") from error
    return builder.root


def within(node: Node, new: bytes, text: bytes) -> Edit:
    """The edit that adds `new` as the last children of `node`; an empty element gets an end tag."""
    if node.close != node.inside or text[node.inside - 2 : node.inside] != b"/>":
        return node.close, node.close, new
    return node.inside - 2, node.inside, b">" + new + b"</" + node.tag + b">"


class _Builder:
    def __init__(self, text: bytes, depth: int, book: str, part: str) -> None:
        self.parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.root: Node
        self._text, self._limit, self._where = text, depth, (book, part)
        self._depth = 0
        self._open: list[Node] = []

    def _start(self, name: str, attrs: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise damaged(self._where[0], f"{self._where[1]} has more than {MAX_DEPTH} elements inside each other")
        if self._depth > self._limit + 1:
            return
        uri, local, prefix = split_name(name)
        tag = f"{prefix}:{local}".encode() if prefix else local.encode()
        named = {_attribute(key): value for key, value in attrs.items()} if attrs else {}
        node = Node(local, uri, tag, named, self.parser.CurrentByteIndex)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def _end(self, _: str) -> None:
        self._depth -= 1
        if self._depth > self._limit:
            return
        node = self._open.pop()
        at = self.parser.CurrentByteIndex
        match = opening(node.tag).match(self._text, node.start)
        if match is None:
            raise damaged(self._where[0], f"{self._where[1]} has a tag that is none")
        node.inside = match.end()
        node.close = node.inside if match[2] else at
        node.end = node.inside if match[2] else self._text.index(b">", at) + 1

    def _refuse(self, *_: Any) -> None:
        raise damaged(self._where[0], f"{self._where[1]} has a DOCTYPE, which no workbook has")


def split_name(name: str) -> tuple[str, str, str]:
    """Namespace, local name and prefix of a name as expat gives it."""
    parts = name.split(" ")
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def _attribute(name: str) -> str:
    uri, local, _ = split_name(name)
    return f"{uri} {local}" if uri else local
