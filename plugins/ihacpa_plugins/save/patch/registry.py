"""Entries of parts in the lists that a package keeps: content types and relationships (ECMA-376 part 2, 9.3, 10.1)."""

from __future__ import annotations

import posixpath

from ihacpa_plugins.save.patch.archive import plain
from ihacpa_plugins.save.patch.book import resolve
from ihacpa_plugins.save.patch.markup import quote, splice
from ihacpa_plugins.save.patch.outline import Node, outline, within

RELATIONS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
STYLES_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"


def with_type(types: bytes, part: str, kind: str, book: str) -> bytes:
    """The list of content types, with that of `part`, unless it is there already."""
    root = outline(types, book, "[Content_Types].xml", 1)
    extension = posixpath.splitext(part)[1][1:].lower()
    for node in root.children:
        is_default = node.name == "Default" and node.attrs.get("Extension", "").lower() == extension
        if is_default and node.attrs.get("ContentType") == kind:
            return types
        if node.name == "Override" and plain(node.attrs.get("PartName", "")) == plain(part):
            return types
    new = b'<%sOverride PartName="/%s" ContentType="%s"/>' % (_prefix(root), quote(part), quote(kind))
    return splice(types, [within(root, new, types)])


def without_type(types: bytes, part: str, book: str) -> bytes:
    """The list of content types, without what it says of `part` alone."""
    root = outline(types, book, "[Content_Types].xml", 1)
    return splice(
        types,
        [
            (node.start, node.end, b"")
            for node in root.children
            if node.name == "Override" and plain(node.attrs.get("PartName", "")) == plain(part)
        ],
    )


def with_relation(relations: bytes, kind: str, target: str, book: str) -> bytes:
    """A list of relationships, with one of the type `kind` to `target`."""
    root = outline(relations, book, "its relationships", 1)
    ids = {node.attrs.get("Id") for node in root.children}
    number = next(number for number in range(1, len(ids) + 2) if f"rId{number}" not in ids)
    new = b'<%sRelationship Id="rId%d" Type="%s" Target="%s"/>' % (_prefix(root), number, quote(kind), quote(target))
    return splice(relations, [within(root, new, relations)])


def without_relation(relations: bytes, owner: str, part: str, book: str) -> bytes:
    """The list of relationships of `owner`, without those to `part`."""
    root = outline(relations, book, "its relationships", 1)
    return splice(
        relations,
        [
            (node.start, node.end, b"")
            for node in root.children
            if node.attrs.get("TargetMode") != "External"
            and plain(resolve(owner, node.attrs.get("Target", ""))) == plain(part)
        ],
    )


def _prefix(root: Node) -> bytes:
    prefix, colon, _ = root.tag.rpartition(b":")
    return prefix + colon
