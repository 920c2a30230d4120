"""The parts of a workbook that its sheets hang on: workbook.xml, relationships, content types.

ECMA-376 part 1, 12.3 and 18.2 (workbook), part 2, 9 and 10 (relationships and content types of the package).
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from ihacpa_core import WorkbookError
from ihacpa_plugins.save.patch.archive import Archive
from ihacpa_plugins.save.patch.markup import attributes, element, mask, to_utf8, unescape
from ihacpa_plugins.save.patch.outline import outline
from ihacpa_plugins.save.patch.refusals import damaged, locked

TRANSITIONAL: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT: Final = "http://purl.oclc.org/ooxml/officeDocument/relationships"
MAIN: Final = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
CONTENT_TYPES: Final = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship of a part: `kind` is the last word of its type, `target` the part that it leads to."""

    id: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A worksheet: its name, its part, and its number in the workbook (`sheetId`), which calcChain goes by."""

    name: str
    part: str
    id: int


class Book:
    """The workbook in `archive`, read but for its sheets.

    :raises WorkbookError: it is no workbook that can be worked on.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.name = archive.name
        self._refuse_signed()
        self.part = self._workbook_part()
        self.text = self.read(self.part)
        self.outline = outline(self.text, self.name, self.part, 3)
        if self.outline.uri not in MAIN or self.outline.name != "workbook":
            raise damaged(self.name, f"{self.part} holds no workbook")
        self.strict = self.outline.uri == MAIN[1]
        self.relationships: Final = STRICT if self.strict else TRANSITIONAL
        self.relations = self.relations_of(self.part)
        self.sheets = self._sheets()

    @property
    def date1904(self) -> bool:
        """Whether day 0 is 1904-01-01 (18.2.28)."""
        settings = self.outline.child("workbookPr")
        return settings is not None and is_true(settings.attrs.get("date1904"))

    def sheet(self, name: str | None) -> Sheet:
        """The worksheet called `name`, case ignored as in Excel; without a name the one that is shown on opening.

        :raises WorkbookError: there is none.
        """
        if name is None:
            return self._active()
        for sheet in self.sheets:
            if sheet.name == name:
                return sheet
        for sheet in self.sheets:
            if sheet.name.casefold() == name.casefold():
                return sheet
        names = ", ".join(f'"{sheet.name}"' for sheet in self.sheets[:20])
        raise WorkbookError(f'{self.name} has no worksheet "{name}"', why=f"it has {names}", hint="name one of these")

    def part_of(self, kind: str) -> str | None:
        """The part that the workbook names for a kind: ``styles``, ``sharedStrings``, ``calcChain``."""
        for relation in self.relations:
            if relation.kind == kind:
                member = self.archive.find(relation.target)
                return member.name if member else None
        return None

    def read(self, part: str) -> bytes:
        """The whole text of a part, in UTF-8."""
        return to_utf8(self.archive.read(self.archive.member(part)), self.name, part)

    def relations_of(self, part: str) -> list[Relation]:
        """The relationships of a part that lead to other parts; none if it has none."""
        member = self.archive.find(relations_part(part))
        if member is None:
            return []
        text = self.read(member.name)
        root = outline(text, self.name, member.name, 0)
        found = []
        # Not a node for each: a sheet may have sixty thousand links.
        for match in element(root.tag.removesuffix(b"s")).finditer(mask(text)):
            attrs = attributes(match[1])
            if attrs.get(b"TargetMode") != b"External":
                kind = unescape(attrs.get(b"Type", b"")).rpartition("/")[2]
                target = resolve(part, unescape(attrs.get(b"Target", b"")))
                found.append(Relation(unescape(attrs.get(b"Id", b"")), kind, target))
        return found

    # ------------------------------------------------------------------------------------------------------------------

    def _refuse_signed(self) -> None:
        """A signature is over the bytes of the parts: whatever is changed, it would not hold (part 2, 13)."""
        for relation in self.relations_of(""):
            if relation.kind == "origin" and self.archive.find(relation.target):
                hint = 'remove the signature in Excel and sign again afterwards; save = "openpyxl" drops it'
                raise locked(self.name, "it is digitally signed, and any change would break the signature", hint)

    def _workbook_part(self) -> str:
        for relation in [*self.relations_of(""), Relation("", "officeDocument", "xl/workbook.xml")]:
            member = self.archive.find(relation.target) if relation.kind == "officeDocument" else None
            if member is not None and member.name.lower().endswith(".xml"):
                return member.name
        raise WorkbookError(
            f"{self.name} is not an Excel workbook", why="it has no xl/workbook.xml", hint="give an .xlsx or .xlsm file"
        )

    def _sheets(self) -> list[Sheet]:
        listed = self.outline.child("sheets")
        by_id = {relation.id: relation for relation in self.relations}
        found = []
        self._tabs: list[tuple[str, bool]] = []
        for node in listed.children if listed else ():
            relation = by_id.get(node.attrs.get(f"{TRANSITIONAL} id") or node.attrs.get(f"{STRICT} id", ""))
            name = node.attrs.get("name", "")
            self._tabs.append((name, node.attrs.get("state", "visible") == "visible"))
            if relation is None or relation.kind != "worksheet":
                continue
            member = self.archive.find(relation.target)
            if member is None:
                raise damaged(self.name, f'the part of its sheet "{name}" is missing')
            found.append(Sheet(name=name, part=member.name, id=_whole(node.attrs.get("sheetId"))))
        if not found:
            raise WorkbookError(f"{self.name} has no worksheet", hint="is it the file that you meant?")
        return found

    def _active(self) -> Sheet:
        views = self.outline.child("bookViews")
        tab = _whole(views.children[0].attrs.get("activeTab")) if views and views.children else 0
        name = self._tabs[tab][0] if tab < len(self._tabs) else ""
        visible = [name for name, is_visible in self._tabs if is_visible]
        for wanted in (name, *visible):
            for sheet in self.sheets:
                if sheet.name == wanted:
                    return sheet
        return self.sheets[0]


def relations_part(part: str) -> str:
    """Where the relationships of a part stand; of the package itself for an empty name."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def resolve(part: str, target: str) -> str:
    """The name of the part that `target`, as `part` writes it, leads to."""
    target = unquote(target)
    if target.startswith("/"):
        return target[1:]
    return posixpath.normpath(posixpath.join(posixpath.dirname(part), target))


def is_true(value: str | None) -> bool:
    """A truth value of a schema (XML Schema part 2, 3.2.2)."""
    return value in ("1", "true", "on")


def _whole(value: str | None) -> int:
    return int(value) if value and value.isdecimal() and len(value) < 10 else 0
