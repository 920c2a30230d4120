"""Keeping a workbook's calculation right: the chain without overwritten formulas, and a full calculation on opening.

The values that formulas had are kept in the file, and stand there until Excel calculates; since cells changed that
they may depend on, the workbook asks for it (ECMA-376 part 1, 18.2.2, `fullCalcOnLoad`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from ihacpa_plugins.save.patch.book import CONTENT_TYPES, Book, Sheet, is_true, relations_part
from ihacpa_plugins.save.patch.formulas import formula_refs, without_cells
from ihacpa_plugins.save.patch.markup import is_utf16, splice, with_attribute
from ihacpa_plugins.save.patch.outline import outline
from ihacpa_plugins.save.patch.registry import without_relation, without_type

_FORMULA: Final = re.compile(rb"<(?:[\w.-]+:)?f[\s/>]")
_BEFORE: Final = frozenset(
    ["fileVersion", "fileSharing", "workbookPr", "workbookProtection", "bookViews", "sheets", "functionGroups",
     "externalReferences", "definedNames"]
)  # fmt: skip
"""What stands before `calcPr` in a workbook (18.2.27)."""


Texts = Callable[[str], bytes | None]
"""Reads a part as it is now, by name; None for one that was removed."""


def has_formulas(book: Book, sheet: Sheet, *, in_sheet: bool) -> bool:
    """Whether there is a formula in any sheet; of `sheet` that is known."""
    if in_sheet or book.part_of("calcChain") is not None:
        return True
    return any(_has_formula(book, other.part) for other in book.sheets if other.part != sheet.part)


def _has_formula(book: Book, part: str) -> bool:
    edge = b""
    for chunk in book.archive.chunks(book.archive.member(part)):
        if not edge and is_utf16(chunk):
            return True  # it may have one, and to calculate once too often does no harm
        if _FORMULA.search(edge + chunk):
            return True
        edge = chunk[-64:]
    return False


def asking_to_calculate(text: bytes, book: Book) -> bytes:
    """The workbook part, asking Excel to calculate everything on opening."""
    root = outline(text, book.name, book.part, 1)
    node = root.child("calcPr")
    if node is not None:
        if is_true(node.attrs.get("fullCalcOnLoad")):
            return text
        tag = with_attribute(text[node.start : node.inside], b"fullCalcOnLoad", b"1")
        return splice(text, [(node.start, node.inside, tag)])
    before = [child.end for child in root.children if child.name in _BEFORE]
    at = before[-1] if before else root.inside
    new = b'<%s fullCalcOnLoad="1"/>' % root.tag.replace(b"workbook", b"calcPr")
    return splice(text, [(at, at, new)])


def chain_without(
    parts: Texts, book: Book, sheet: Sheet, removed: Sequence[tuple[int, int]]
) -> dict[str, bytes | None]:
    """The parts that change when formulas of `sheet` are gone: the chain, or what named it when it is empty.

    :param parts: reads a part as it is now.
    """
    chain = book.part_of("calcChain")
    if chain is None or not removed:
        return {}
    text = parts(chain)
    if text is None:
        return {}
    prefix = outline(text, book.name, chain, 0).tag.removesuffix(b"calcChain")
    left = without_cells(text, sheet.id, formula_refs(removed), prefix)
    if left is not None:
        return {chain: left} if left != text else {}
    relations = relations_part(book.part)
    return {
        chain: None,
        relations: without_relation(parts(relations) or b"", book.part, chain, book.name),
        CONTENT_TYPES: without_type(parts(CONTENT_TYPES) or b"", chain, book.name),
    }
