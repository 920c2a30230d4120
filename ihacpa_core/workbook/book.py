"""What a workbook says about itself: its sheets, in order, and the parts that they need."""

from __future__ import annotations

import difflib
import posixpath
from dataclasses import dataclass, field

from ihacpa_core.errors import WorkbookError
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.xmlstream import damaged, main_names, parse

_RELATIONSHIPS = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)
_RELATIONSHIP = "http://schemas.openxmlformats.org/package/2006/relationships Relationship"
_BOOK_NAMES = main_names("sheet", "workbookView", "workbookPr")
MAX_RELATIONS = 100_000
"""Relationships of a part that are kept; a workbook has one for each sheet and a dozen more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetInfo:
    """A sheet as the workbook lists it.

    :param kind: ``worksheet``, ``chartsheet``, ``dialogsheet`` ...: the last word of its relationship's type.
    """

    name: str
    part: str
    kind: str = "worksheet"
    visible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The sheets of a workbook, and what is needed to read them.

    :param active: the position in `sheets` of the one that is shown when the file is opened, from 0.
    :param date1904: day 0 is 1904-01-01, as in files that began on an old Mac.
    """

    name: str
    sheets: tuple[SheetInfo, ...]
    active: int = 0
    date1904: bool = False
    strings_part: str | None = None
    styles_part: str | None = None

    def sheet(self, name: str | None = None) -> SheetInfo:
        """The worksheet called `name` (case does not count); by default the active one.

        :raises WorkbookError: there is none; the names that there are stand in the message.
        """
        worksheets = [sheet for sheet in self.sheets if sheet.kind == "worksheet"]
        if not worksheets:
            raise WorkbookError(f"{self.name} has no worksheet", hint="is it the file that you meant?")
        if name is None:
            return self._active(worksheets)
        for same in (str.__eq__, lambda a, b: a.casefold() == b.casefold()):
            for sheet in worksheets:
                if same(sheet.name, name):
                    return sheet
        raise self._unknown(name, [sheet.name for sheet in worksheets])

    def _active(self, worksheets: list[SheetInfo]) -> SheetInfo:
        active = self.sheets[self.active] if 0 <= self.active < len(self.sheets) else self.sheets[0]
        if active.kind == "worksheet":
            return active
        return next((sheet for sheet in worksheets if sheet.visible), worksheets[0])

    def _unknown(self, name: str, names: list[str]) -> WorkbookError:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        listed = ", ".join(f'"{known}"' for known in names[:20])
        return WorkbookError(
            f'{self.name} has no sheet "{name}"',
            why=f"it has {listed}" + (f" and {len(names) - 20} more" if len(names) > 20 else ""),
            hint=f'{hint}choose one with --sheet NAME, or name = "..." under [sheet]',
        )


def read_book(package: Package) -> Book:
    """The sheets of the workbook in `package`.

    :raises WorkbookError: it is no workbook, or names parts that are missing.
    """
    part = workbook_part(package)
    relations = _relations(package, part)
    listener = _BookListener()
    for _ in parse(package.chunks(part), listener, book=package.name, part=part):
        pass
    sheets = tuple(_sheet_info(package, attrs, relations) for attrs in listener.sheets)
    return Book(
        name=package.name,
        sheets=sheets,
        active=listener.active,
        date1904=listener.date1904,
        strings_part=_part_of_kind(package, relations, "sharedStrings"),
        styles_part=_part_of_kind(package, relations, "styles"),
    )


def workbook_part(package: Package) -> str:
    """The name of the part that lists the sheets.

    :raises WorkbookError: the file is something else; the message says what, where it can be told.
    """
    root = _relations(package, "")
    targets = [relation.target for relation in root.values() if relation.kind == "officeDocument"]
    for target in [*targets, "xl/workbook.xml"]:
        found = package.find(target)
        if found and found.lower().endswith(".xml") and not found.lower().startswith(("word/", "ppt/", "visio/")):
            return found
    if package.find("xl/workbook.bin"):
        raise WorkbookError(
            f"{package.name} is an .xlsb workbook", why="its sheets are binary", hint="save it in Excel as .xlsx"
        )
    raise WorkbookError(
        f"{package.name} is not an Excel workbook", why=_what_it_is(package), hint="give an .xlsx or .xlsm file"
    )


def _what_it_is(package: Package) -> str:
    if package.find("word/document.xml"):
        return "it is a Word document"
    if package.find("ppt/presentation.xml"):
        return "it is a PowerPoint presentation"
    if package.find("content.xml") and package.find("mimetype"):
        return "it is an OpenDocument file; save it as .xlsx"
    return "it is a zip file without xl/workbook.xml"


@dataclass(frozen=True, slots=True)
class _Relation:
    kind: str
    target: str


def _relations(package: Package, part: str) -> dict[str, _Relation]:
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if package.find(path) is None:
        return {}
    listener = _RelationListener(folder)
    for _ in parse(package.chunks(path), listener, book=package.name, part=path):
        if len(listener.relations) > MAX_RELATIONS:
            raise damaged(package.name, f"{path} has more than {MAX_RELATIONS:,} relationships")
    return listener.relations


def _sheet_info(package: Package, attrs: dict[str, str], relations: dict[str, _Relation]) -> SheetInfo:
    name = attrs.get("name", "")
    id_ = next((attrs[f"{ns} id"] for ns in _RELATIONSHIPS if f"{ns} id" in attrs), "")
    relation = relations.get(id_)
    part = package.find(relation.target) if relation else None
    if relation is None or part is None:
        raise damaged(package.name, f'the part of its sheet "{name}" is missing')
    return SheetInfo(name=name, part=part, kind=relation.kind, visible=attrs.get("state", "visible") == "visible")


def _part_of_kind(package: Package, relations: dict[str, _Relation], kind: str) -> str | None:
    for relation in relations.values():
        if relation.kind == kind:
            part = package.find(relation.target)
            if part is None:
                raise damaged(package.name, f"its part {relation.target} is missing")
            return part
    return None


@dataclass(slots=True)
class _RelationListener:
    folder: str
    relations: dict[str, _Relation] = field(default_factory=dict)
    chunks: list[str] = field(default_factory=list)
    depth: int = 0

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        if name != _RELATIONSHIP or attrs.get("TargetMode") == "External":
            return
        target = attrs.get("Target", "")
        path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(self.folder, target))
        self.relations[attrs.get("Id", "")] = _Relation(attrs.get("Type", "").rpartition("/")[2], path)

    def end(self, name: str) -> None:
        self.depth -= 1


@dataclass(slots=True)
class _BookListener:
    sheets: list[dict[str, str]] = field(default_factory=list)
    active: int = 0
    date1904: bool = False
    chunks: list[str] = field(default_factory=list)
    depth: int = 0
    _views: int = 0

    def start(self, name: str, attrs: dict[str, str]) -> None:
        self.depth += 1
        tag = _BOOK_NAMES.get(name)
        if tag == "sheet":
            self.sheets.append(attrs)
        elif tag == "workbookPr":
            self.date1904 = attrs.get("date1904") in ("1", "true")
        elif tag == "workbookView":
            tab = attrs.get("activeTab", "0")
            self.active = int(tab) if not self._views and tab.isdecimal() and len(tab) < 6 else self.active
            self._views += 1

    def end(self, name: str) -> None:
        self.depth -= 1
