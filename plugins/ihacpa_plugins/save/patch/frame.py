"""What stands round the rows of a sheet: its dimension, columns, protection, merged cells, and the place of its links.

ECMA-376 part 1, 18.3.1.99: the elements of a worksheet and their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ihacpa_plugins.save.patch.book import is_true
from ihacpa_plugins.save.patch.markup import attributes, element, mask, splice, with_attribute
from ihacpa_plugins.save.patch.outline import Node, outline
from ihacpa_plugins.save.patch.refs import Area, area, areas
from ihacpa_plugins.save.patch.refusals import beyond
from ihacpa_plugins.save.patch.rows import ColumnFormats
from ihacpa_plugins.save.patch.scan import Scanned

_BEFORE_LINKS: Final = frozenset(
    ["sheetData", "sheetCalcPr", "sheetProtection", "protectedRanges", "scenarios", "autoFilter", "sortState",
     "dataConsolidate", "customSheetViews", "mergeCells", "phoneticPr", "conditionalFormatting", "dataValidations"]
)  # fmt: skip


class Frame:
    """A sheet without its rows.

    :raises WorkbookError: it is not well-formed, or its links are where they cannot be changed.
    """

    def __init__(self, found: Scanned, book: str, part: str) -> None:
        self.head, self.tail, self._prefix = found.head, found.tail, found.prefix
        self._root = outline(found.head + found.tail, book, part, 1)
        self.namespaces = attributes(found.head[self._root.start : self._root.inside])
        self.columns = ColumnFormats(self._columns())
        self.merged = self._areas(b"mergeCell", "mergeCells", b"ref")
        protection = self._root.child("sheetProtection")
        self.is_protected = protection is not None and is_true(protection.attrs.get("sheet"))
        self.open_ranges = self._areas(b"protectedRange", "protectedRanges", b"sqref")
        self.has_tables = self._root.child("tableParts") is not None
        self.links = self._links(book, part)

    @property
    def dimension(self) -> Area | None:
        """The area that the sheet says it uses (18.3.1.35); None if it says nothing that can be understood."""
        node = self._root.child("dimension")
        if node is None or node.end > len(self.head):
            return None
        try:
            return area(node.attrs.get("ref", ""))
        except ValueError:
            return None

    def head_with(self, dimension: Area) -> bytes:
        """The head, with another dimension."""
        node = self._root.child("dimension")
        assert node is not None
        tag = with_attribute(self.head[node.start : node.inside], b"ref", str(dimension).encode())
        return splice(self.head, [(node.start, node.inside, tag)])

    def _text(self, node: Node | None) -> bytes:
        if node is None:
            return b""
        if node.start < len(self.head):
            return self.head[node.inside : node.close]
        return self.tail[node.inside - len(self.head) : node.close - len(self.head)]

    def _columns(self) -> list[tuple[int, int, int]]:
        found = []
        for attrs in self._each(b"col", "cols"):
            numbers = [attrs.get(name, b"0") for name in (b"min", b"max", b"style")]
            if all(number.isdigit() for number in numbers):
                found.append((int(numbers[0]), int(numbers[1]), int(numbers[2])))
        return found

    def _areas(self, name: bytes, inside: str, attribute: bytes) -> list[Area]:
        refs = [attrs.get(attribute, b"").decode("ascii", "replace") for attrs in self._each(name, inside)]
        return [found for ref in refs for found in areas(ref)]

    def _each(self, name: bytes, inside: str) -> Iterator[dict[bytes, bytes]]:
        """The attributes of each element `name` in the child `inside`."""
        for match in element(self._prefix + name).finditer(mask(self._text(self._root.child(inside)))):
            yield attributes(match[1])

    def _links(self, book: str, part: str) -> tuple[int, int, Node | None]:
        """Where in the tail the links stand or would have to, and their element, if there is one."""
        shift = len(self.head)
        for node in self._root.children:
            if node.name == "AlternateContent" and b"hyperlink" in self._text(node):
                raise beyond(book, f"{part} has links within alternatives (mc:AlternateContent)")
        there = self._root.child("hyperlinks")
        if there is not None:
            return there.start - shift, there.end - shift, there
        before = [child for child in self._root.children if child.name in _BEFORE_LINKS]
        at = before[-1].end - shift
        return at, at, None
