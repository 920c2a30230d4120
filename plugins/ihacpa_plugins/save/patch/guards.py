"""What may not be changed without something else going wrong: table headers, array formulas, protected cells.

ECMA-376 part 1, 18.5.1.2 (a table's columns are called what its header cells say), 18.3.1.40 (array formulas),
18.3.1.85 and 18.3.1.69 (protection of a sheet, and ranges that are open in it).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ihacpa_core import WorkbookError
from ihacpa_plugins.save.patch.book import Book, Sheet
from ihacpa_plugins.save.patch.frame import Frame
from ihacpa_plugins.save.patch.outline import outline
from ihacpa_plugins.save.patch.refs import Area, areas
from ihacpa_plugins.save.patch.refusals import locked
from ihacpa_plugins.save.patch.styles import Styles
from ihacpa_plugins.save.patch.values import Write


@dataclass(frozen=True, slots=True)
class Guards:
    """What is guarded in one sheet.

    :param headers: the header row of each table, with the table's name; `arrays` the areas that a formula fills.
    """

    book: str
    headers: tuple[tuple[Area, str], ...] = ()
    arrays: tuple[Area, ...] = ()
    is_protected: bool = False
    open_ranges: tuple[Area, ...] = field(default=())

    @property
    def is_anything(self) -> bool:
        """Whether there is something to check."""
        return bool(self.headers or self.arrays or self.is_protected)

    def check(self, write: Write, style: int, styles: Styles) -> None:
        """See whether a cell of format `style` may get another content.

        :raises WorkbookError: it may not.
        """
        for header, table in self.headers:
            if header.holds(write.column, write.row):
                raise self._locked(write, f"is a header of the table {table}", "rename the column in Excel")
        for found in self.arrays:
            if found.holds(write.column, write.row) and not found.is_cell:
                raise self._locked(write, f"is filled by the formula of {found}", "change that formula in Excel")
        if self.is_protected and styles.is_locked(style) and not self._is_open(write):
            hint = 'in Excel: Review, Unprotect Sheet; or unlock these cells; or choose save = "openpyxl"'
            raise self._locked(write, "is locked, and its sheet is protected", hint)

    def _is_open(self, write: Write) -> bool:
        return any(found.holds(write.column, write.row) for found in self.open_ranges)

    def _locked(self, write: Write, why: str, hint: str) -> WorkbookError:
        return locked(self.book, f"cell {write.ref.decode()} {why}", hint)


def guards_of(book: Book, sheet: Sheet, frame: Frame, formula_areas: list[str]) -> Guards:
    """What is guarded in a sheet.

    :raises WorkbookError: one of its tables is damaged.
    """
    headers = []
    for relation in book.relations_of(sheet.part) if frame.has_tables else ():
        member = book.archive.find(relation.target) if relation.kind == "table" else None
        if member is None:
            continue
        attrs = outline(book.read(member.name), book.name, member.name, 0).attrs
        for found in areas(attrs.get("ref", "")):
            rows = attrs.get("headerRowCount", "1")
            if rows.isdecimal() and int(rows):
                top = found._replace(bottom=found.top + int(rows) - 1)
                headers.append((top, attrs.get("displayName", attrs.get("name", ""))))
    arrays = [found for ref in formula_areas for found in areas(ref)]
    return Guards(book.name, tuple(headers), tuple(arrays), frame.is_protected, tuple(frame.open_ranges))
