"""The links of a sheet: an element each in the sheet, and a relationship each in the part beside it.

ECMA-376 part 1, 18.3.1.47 and 18.3.1.48, part 2, 9.3. A link is found by its cell; one over an area of several cells
is parted, so that the other cells keep it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

from ihacpa_plugins.save.patch.catalog import Catalog
from ihacpa_plugins.save.patch.frame import Frame
from ihacpa_plugins.save.patch.markup import attributes, element, mask, quote, unescape, with_attribute
from ihacpa_plugins.save.patch.outline import outline
from ihacpa_plugins.save.patch.refs import Area, area, cell
from ihacpa_plugins.save.patch.segments import Content, Segments, pack

MAX_LINKS: Final = 65_530
"""Links of a sheet; with more, Excel calls the file damaged."""
NO_RELATIONS: Final = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
)
_NUMBERED: Final = re.compile(r"rId([0-9]{1,9})")

KeyT = TypeVar("KeyT", bound=int | str)
Key = int | str
"""Of a link of one cell: row and column as ``row << 14 | column - 1``; of an area: its text."""


@dataclass(slots=True)
class _Known:
    """What is known of all links, beside their elements."""

    areas: dict[str, Area] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    last_id: int = 0

    def copy(self) -> _Known:
        return _Known(dict(self.areas), set(self.shared), self.last_id)


class Links:
    """The links of one sheet. Changes are kept by `commit`, or undone by `rollback`.

    :param relations: the text of the sheet's relationships part.
    :param uri: the namespace of relationships that the workbook uses.
    """

    def __init__(self, frame: Frame, prefix: bytes, relations: bytes, uri: str, where: tuple[str, str]) -> None:
        self._tag, self._uri = prefix + b"hyperlink", uri
        self._merged = set(frame.merged)
        self._attribute = _relation_attribute(frame.namespaces, uri)
        self._now = _Known()
        self._open_relations(relations, where)
        self._open_elements(frame)
        self._saved = self._now.copy()

    def set(self, column: int, row: int, link: str) -> bool:
        """Let a cell lead to `link`; False if it does already, or if there is no room for one more."""
        key = self._key_of(column, row)
        there = self._elements.get(key) if key is not None else None
        if there is not None and _same(self._target(there), link):
            return False
        if there is None and len(self._elements) >= MAX_LINKS:
            return False
        if key is None:
            self._part_areas(column, row)
            key = row << 14 | (column - 1)
        relation = self._relation_of(there) if there is not None else None
        if relation is None:
            relation = self._new_id()
        self._relations.put(relation, self._relationship(relation, link))
        ref = key if isinstance(key, str) else str(Area(column, row, column, row))
        self._elements.put(key, b'<%s ref="%s" %s="%s"/>' % (self._tag, ref.encode(), self._attribute, quote(relation)))
        return True

    def clear(self, column: int, row: int) -> bool:
        """Take the link of a cell away; False if it has none of its own."""
        key = self._key_of(column, row)
        there = self._elements.get(key) if key is not None else None
        if key is None or there is None:
            return False
        relation = self._relation_of(there)
        if relation is not None:
            self._relations.remove(relation)
        self._elements.remove(key)
        self._now.areas.pop(str(key), None)
        return True

    def commit(self) -> None:
        self._elements.commit()
        self._relations.commit()
        self._saved = self._now.copy()

    def rollback(self) -> None:
        self._elements.rollback()
        self._relations.rollback()
        self._now = self._saved.copy()

    def tail(self) -> list[Segments]:
        """What stands behind the rows of the sheet, links included."""
        if not len(self._elements):
            return self._bare
        return [self._around[0], self._elements.packed(), self._around[1]]

    def relations(self) -> Content:
        """The relationships part."""
        return Content(self._relations_around[0], self._relations.packed(), self._relations_around[1])

    # --- taking apart -------------------------------------------------------------------------------------------------

    def _open_relations(self, text: bytes, where: tuple[str, str]) -> None:
        root = outline(text, *where, 0)
        tag = root.tag.removesuffix(b"s")
        items = _Items(text, tag, _relation_key, root.inside, root.close)
        self._relations: Catalog[str] = Catalog(self._counted(items), lambda text: _Items(text, tag, _relation_key))
        self._relation_tag = tag
        head = text[: root.inside]
        head = head[:-2].rstrip() + b">" if head.endswith(b"/>") else head
        self._relations_around = Segments([pack(head)]), Segments([pack(items.rest + b"</" + root.tag + b">")])

    def _counted(self, items: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """The relationships, of which the last of those that are numbered is noted."""
        for key, raw in items:
            match = _NUMBERED.fullmatch(key)
            if match:
                self._now.last_id = max(self._now.last_id, int(match[1]))
            yield key, raw

    def _open_elements(self, frame: Frame) -> None:
        start, end, node = frame.links
        before, after = frame.tail[:start], frame.tail[end:]
        name, shift = self._tag + b"s", len(frame.head)
        opening, closing = b"<" + name + b">", b"</" + name + b">"
        place = (node.inside - shift, node.close - shift) if node is not None else (0, 0)
        items = _Items(frame.tail, self._tag, _link_key, *place)
        self._elements: Catalog[Key] = Catalog(self._noted(items), lambda text: _Items(text, self._tag, _link_key))
        if node is not None:
            opened = frame.tail[start : place[0]]
            opening = opened[:-2].rstrip() + b">" if opened.endswith(b"/>") else opened
            closing = items.rest + closing
        self._bare = [Segments([pack(before)]), Segments([pack(after)])]
        self._around = Segments([pack(before + opening)]), Segments([pack(closing + after)])

    def _noted(self, items: Iterable[tuple[Key, bytes]]) -> Iterator[tuple[Key, bytes]]:
        """The links; those over areas, and the relationships that several of them name, are noted."""
        seen: set[str] = set()
        for key, raw in items:
            if isinstance(key, str) and (found := _area(key)) is not None:
                self._now.areas[key] = found
            if (relation := _relation_in(raw)) is not None:
                (self._now.shared if relation in seen else seen).add(relation)
            yield key, raw

    # --- one link -----------------------------------------------------------------------------------------------------

    def _key_of(self, column: int, row: int) -> Key | None:
        """The key of the link that is the cell's own: one of this cell, or of the merged cell that it begins."""
        key = row << 14 | (column - 1)
        if key in self._elements:
            return key
        for text, found in self._now.areas.items():
            if found.left == column and found.top == row and found in self._merged:
                return text
        return None

    def _part_areas(self, column: int, row: int) -> None:
        """Take a cell out of every area that has a link and holds it."""
        for text, found in list(self._now.areas.items()):
            if not found.holds(column, row):
                continue
            raw = self._elements.get(text) or b""
            self._elements.remove(text)
            del self._now.areas[text]
            if (relation := _relation_in(raw)) is not None:
                self._now.shared.add(relation)
            for piece in found.without_cell(column, row):
                key: Key = piece.top << 14 | (piece.left - 1) if piece.is_cell else str(piece)
                if not piece.is_cell:
                    self._now.areas[str(piece)] = piece
                if key not in self._elements:
                    self._elements.put(key, _with_ref(raw, str(piece)))

    def _relation_of(self, raw: bytes) -> str | None:
        """The relationship of a link, if it is a link's, and no other link's."""
        relation = _relation_in(raw)
        if relation is None or relation in self._now.shared:
            return None
        found = self._relations.get(relation)
        return relation if found is not None and _attributes(found).get(b"Type", b"").endswith(b"/hyperlink") else None

    def _target(self, raw: bytes) -> str | None:
        """Where a link leads; None if not outside the workbook."""
        relation = _relation_in(raw)
        found = self._relations.get(relation) if relation is not None else None
        if found is None:
            return None
        target = unescape(_attributes(found).get(b"Target", b""))
        location = unescape(_attributes(raw).get(b"location", b""))
        return f"{target}#{location}" if location else target

    def _relationship(self, relation: str, link: str) -> bytes:
        return b'<%s Id="%s" Type="%s/hyperlink" Target="%s" TargetMode="External"/>' % (
            self._relation_tag, quote(relation), self._uri.encode(), quote(link),
        )  # fmt: skip

    def _new_id(self) -> str:
        while True:
            self._now.last_id += 1
            relation = f"rId{self._now.last_id}"
            if relation not in self._relations:
                return relation


class _Items(Generic[KeyT]):
    """The elements `tag` of a text with their keys, each with what stands before it.

    :param rest: what is left behind the last of them, when all have been taken.
    """

    def __init__(
        self,
        text: bytes,
        tag: bytes,
        key_of: Callable[[dict[bytes, bytes]], KeyT],
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self._text, self._tag, self._key_of = text, tag, key_of
        self._start, self._end = start, len(text) if end is None else end
        self.rest = b""

    def __iter__(self) -> Iterator[tuple[KeyT, bytes]]:
        seen: set[KeyT] = set()
        at = self._start
        for match in element(self._tag).finditer(mask(self._text), self._start, self._end):
            raw, at = self._text[at : match.end()], match.end()
            key = self._key_of(attributes(match[1]))
            if key in seen:  # a second one of the same key is kept, and never looked up
                key = self._key_of({b"ref": b"%d again" % at, b"Id": b"%d again" % at})
            seen.add(key)
            yield key, raw
        self.rest = self._text[at : self._end]


def _link_key(attrs: dict[bytes, bytes]) -> Key:
    ref = attrs.get(b"ref", b"").decode("utf-8", "replace")
    try:
        if ":" not in ref:
            column, row = cell(ref)
            return row << 14 | (column - 1)
        found = area(ref)
    except ValueError:
        return ref
    return found.top << 14 | (found.left - 1) if found.is_cell else str(found)


def _relation_key(attrs: dict[bytes, bytes]) -> str:
    return unescape(attrs.get(b"Id", b""))


def _area(ref: str) -> Area | None:
    try:
        return area(ref)
    except ValueError:
        return None


def _attributes(raw: bytes) -> dict[bytes, bytes]:
    """The attributes of an element, before which there may be white space or comments."""
    return attributes(mask(raw))


def _relation_in(raw: bytes) -> str | None:
    """The relationship that a link names: the attribute ``id`` of another namespace, whatever its prefix."""
    return next((unescape(value) for name, value in _attributes(raw).items() if name.endswith(b":id")), None)


def _with_ref(raw: bytes, ref: str) -> bytes:
    at = mask(raw).index(b"<")
    return raw[:at] + with_attribute(raw[at:], b"ref", ref.encode())


def _relation_attribute(namespaces: dict[bytes, bytes], uri: str) -> bytes:
    """How the attribute is written that names a relationship, its prefix declared where the sheet does not."""
    for name, value in namespaces.items():
        if name.startswith(b"xmlns:") and value == uri.encode():
            return name.removeprefix(b"xmlns:") + b":id"
    return b'xmlns:r="%s" r:id' % uri.encode()


def _same(there: str | None, link: str) -> bool:
    """Whether two links lead to one place: Excel writes a slash behind a bare host."""
    if there is None or there == link:
        return there == link
    return _with_slash(there) == _with_slash(link)


def _with_slash(link: str) -> str:
    try:
        return link + "/" if not urlsplit(link).path and "?" not in link and "#" not in link else link
    except ValueError:
        return link
