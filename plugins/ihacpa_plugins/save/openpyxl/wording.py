"""What was lost, as a person calls it: how many, what, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final

from ihacpa_core import Loss
from ihacpa_plugins.save.openpyxl.tally import Node

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Lost:
    """`times` of `what`, from parts of `kind`."""

    kind: str
    what: str
    times: int
    parts: Sequence[str] = field(default_factory=list)


_REMADE: Final = {
    "calcChain": ("the order of calculation", "the order of calculation"),
    "cached value": ("the calculated value of 1 formula", "the calculated values of {n} formulas"),
}
"""What Excel makes again by itself when it opens the file."""

_NAMES: Final = {
    # elements
    "xdr:sp": ("1 shape or text box", "{n} shapes or text boxes"),
    "xdr:cxnSp": ("1 connecting line", "{n} connecting lines"),
    "xdr:grpSp": ("1 group of shapes", "{n} groups of shapes"),
    "xdr:pic": ("1 picture", "{n} pictures"),
    "xdr:graphicFrame": ("1 chart or diagram", "{n} charts or diagrams"),
    "x14:sparkline": ("1 sparkline", "{n} sparklines"),
    "x14:cfRule": ("1 conditional format of Excel 2010 or later", "{n} conditional formats of Excel 2010 or later"),
    "x14:dataValidation": ("1 validation list on another sheet", "{n} validation lists on another sheet"),
    "x14:slicer": ("1 slicer", "{n} slicers"),
    "protectedRange": ("1 range that may be edited in a protected sheet", "{n} ranges that may be edited"),
    "ignoredError": ("1 range without error marks", "{n} ranges without error marks"),
    "picture": ("1 background picture of a sheet", "{n} background pictures of sheets"),
    "legacyDrawingHF": ("the header pictures of 1 sheet", "the header pictures of {n} sheets"),
    "control": ("1 form control", "{n} form controls"),
    "oleObject": ("1 embedded object", "{n} embedded objects"),
    "customSheetView": ("1 custom view", "{n} custom views"),
    "customWorkbookView": ("1 custom view", "{n} custom views"),
    "definedName": ("1 defined name or print area", "{n} defined names or print areas"),
    "fileSharing": ("the password or advice against writing", "the password or advice against writing"),
    "xfComplement": ("check boxes in cells", "check boxes in cells"),
    "sheet": ("1 sheet", "{n} sheets"),
    "cfRule": ("1 conditional format", "{n} conditional formats"),
    "dataValidation": ("1 validation", "{n} validations"),
    "hyperlink": ("1 link", "{n} links"),
    # what is counted across kinds
    "rich": ("1 text with several formats", "{n} texts with several formats"),
    "furigana": ("furigana in 1 text", "furigana in {n} texts"),
    "rich comment": ("several formats in 1 comment", "several formats in {n} comments"),
    "comment box": ("the size of 1 comment's box", "the sizes of {n} comments' boxes"),
    "shown comment": ("1 comment that is always shown", "{n} comments that are always shown"),
    "header picture": ("1 picture in a header or footer", "{n} pictures in headers or footers"),
    "cm": ("1 dynamic array formula", "{n} dynamic array formulas"),
    "vm": ("1 picture or linked data in a cell", "{n} pictures or linked data in cells"),
    "styled": ("the format of 1 empty cell", "the formats of {n} empty cells"),
    "empty link": ("the emptiness of 1 cell with a link", "the emptiness of {n} cells with links"),
    # whole parts
    "printerSettings": ("printer settings (1 part)", "printer settings ({n} parts)"),
    "image": ("1 picture file", "{n} picture files"),
    "thumbnail": ("the preview picture", "the preview pictures"),
    "chart": ("1 chart", "{n} charts"),
    "worksheet": ("1 worksheet", "{n} worksheets"),
    "chartsheet": ("1 chart sheet", "{n} chart sheets"),
    "dialogsheet": ("1 dialog sheet", "{n} dialog sheets"),
    "threadedcomments": ("1 conversation of comments", "{n} conversations of comments"),
    "person": ("the list of people who commented", "the lists of people who commented"),
    "queryTable": ("1 query", "{n} queries"),
    "connections": ("the data connections", "the data connections"),
    "slicer": ("slicers of 1 sheet", "slicers of {n} sheets"),
    "slicerCache": ("the selection of 1 slicer", "the selections of {n} slicers"),
    "timeline": ("time lines of 1 sheet", "time lines of {n} sheets"),
    "vbaProject": ("the macros", "the macros"),
    "pivotTable": ("1 pivot table", "{n} pivot tables"),
    "chartstyle": ("the style of 1 chart", "the styles of {n} charts"),
    "chartcolorstyle": ("the colour scheme of 1 chart", "the colour schemes of {n} charts"),
    "customXmlProperties": ("1 piece of custom XML data", "{n} pieces of custom XML data"),
    "sheetMetadata": ("what makes formulas dynamic arrays", "what makes formulas dynamic arrays"),
    "featurepropertybag": ("features of new versions of Excel", "features of new versions of Excel"),
    "rdrichvalue": ("pictures or linked data in cells", "pictures or linked data in cells"),
}

_TOLD_BY: Final[dict[str, set[str]]] = {
    # Parts and elements that only carry what another loss tells already.
    "rdrichvaluetypes": {"vm"}, "rdrichvaluestructure": {"vm"}, "richvaluerel": {"vm"}, "rdrichvalue": {"vm"},
    "sheetMetadata": {"vm", "cm"}, "legacyDrawingHF": {"header picture"}, "featurepropertybag": {"xfComplement"},
    "image": {"xdr:pic", "picture", "header picture", "vm"},
}  # fmt: skip
_KINDS: Final = {
    "cells": "cells", "styles": "formats", "workbook": "workbook", "worksheet": "sheets", "drawing": "drawings",
    "chart": "charts", "table": "tables", "properties": "properties of the document",
}  # fmt: skip


def name(before: Node, after: Node, kind: str, gone: int) -> Iterator[Lost]:
    """The losses in an element that is gone: itself if it has a name, else what has one in it, else itself."""
    if before.tag in _NAMES or before.tag in _REMADE:
        yield Lost(kind, before.tag, gone, before.parts)
        return
    named = list(_named(before, after, kind))
    yield from named or [Lost(kind, before.tag, gone, before.parts)]


def _named(before: Node, after: Node, kind: str) -> Iterator[Lost]:
    for tag, child in before.children.items():
        other = after.child(tag)
        if tag in _NAMES and child.count > other.count:
            yield Lost(kind, tag, child.count - other.count, child.parts)
        else:
            yield from _named(child, other, kind)


def in_words(lost: Sequence[Lost]) -> list[Loss]:
    """One sentence for each thing that has a name, and one for each kind of part with all that has none."""
    told = {item.what for item in lost}
    lost = [item for item in lost if not told & _TOLD_BY.get(item.what, set())]
    named = [Loss(_phrase(item)) for item in lost if item.what in _NAMES]
    remade = [Loss(_phrase(item), remade=True) for item in lost if item.what in _REMADE]
    return named + _details([item for item in lost if item.what not in _NAMES and item.what not in _REMADE]) + remade


def _phrase(item: Lost) -> str:
    one, many = _NAMES.get(item.what) or _REMADE[item.what]
    phrase = one if item.times == 1 else many.format(n=f"{item.times:,}")
    if item.what in ("calcChain", "printerSettings"):
        return phrase
    hint = "; openpyxl keeps pictures if pillow is installed" if item.what == "xdr:pic" and not _has_pillow() else ""
    return f"{phrase} ({_listed(item.parts)}{hint})"


def _has_pillow() -> bool:
    return find_spec("PIL") is not None


def _details(lost: Sequence[Lost]) -> list[Loss]:
    by_kind: dict[str, list[Lost]] = {}
    for item in lost:
        by_kind.setdefault(item.kind, []).append(item)
    return [Loss(_detail(kind, items)) for kind, items in by_kind.items()]


def _detail(kind: str, items: Sequence[Lost]) -> str:
    whats = list(dict.fromkeys(item.what for item in items))
    parts = list(dict.fromkeys(part for item in items for part in item.parts))
    if whats == [kind]:
        return f"{sum(item.times for item in items):,} × {kind} ({_listed(parts)})"
    return f"details of {_KINDS.get(kind, kind)}: {_listed(whats)} ({_listed(parts)})"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
