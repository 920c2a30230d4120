"""Writing one cell: its value as what it is, its look changed where it must be and nowhere else."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from copy import copy
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from ihacpa_core import CellStyle, CellUpdate, CellValue, WorkbookError

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

MAX_TEXT: Final = 32_767
MAX_LINKS: Final = 65_530
"""UTF-16 units of a cell, links of a sheet. Beyond them Excel calls the file damaged."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel reads _x0041_ as "A" (ECMA-376 part 1, 22.9.2.19), and XML readers turn a bare carriage return into a line feed.
_NEEDS_ESCAPE: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|\r")
# Typed again by a person, a text that begins so would become a formula; the prefix tells Excel that it is text.
_LOOKS_LIKE_FORMULA: Final = ("=", "+", "-", "@")
_DATE_FORMAT: Final = "yyyy-mm-dd"
_MOMENT_FORMAT: Final = "yyyy-mm-dd hh:mm:ss"
_NUMBER_FORMAT: Final = "General"

LookKey = tuple[tuple[int, ...], CellStyle | None, str, bool]


class Colours(Protocol):
    """What a style looks like, as RRGGBB."""

    @property
    def fill(self) -> str: ...

    @property
    def font(self) -> str: ...


class CellWriter:
    """Applies updates to one worksheet.

    It goes past openpyxl's properties: they take text that begins with "=" for a formula, and copy styles a cell.
    """

    def __init__(self, sheet: Worksheet, palette: Mapping[CellStyle, Colours]) -> None:
        self._sheet = sheet
        self._palette = palette
        self._looks: dict[LookKey, Any] = {}
        self._links: int | None = None

    def apply(self, update: CellUpdate) -> bool:
        """Let the sheet hold `update`; False if it did already, and was not touched.

        :raises WorkbookError: the cell cannot hold the value.
        """
        value, kind = _stored(update)
        cell = self._cell(update)
        look = self._look(cell, update.cell.style, value)
        same_value = _holds(cell, value, kind)
        link = self._link(cell, update.cell.link, value)
        if same_value and look == cell._style and link is cell.hyperlink:
            return False
        if not same_value:
            cell._value, cell.data_type = value, kind
        cell._style = copy(look)
        cell._hyperlink = link  # past the property, which gives an empty cell the address as its text
        return True

    def _cell(self, update: CellUpdate) -> Any:
        from openpyxl.cell import Cell

        found: Any = self._sheet[update.ref]
        if isinstance(found, Cell):
            return found
        # Inside a merged range only the first cell shows; Excel keeps what the others hold, and so do we.
        cell: Any = Cell(self._sheet, row=found.row, column=found.column, style_array=found._style)
        self._sheet._cells[(found.row, found.column)] = cell
        return cell

    def _look(self, cell: Any, style: CellStyle | None, value: CellValue) -> Any:
        """The cell's style with the update's colours, and a format that shows a date as one and a number as none."""
        if cell._style is None:
            from openpyxl.styles.cell_style import StyleArray

            cell._style = StyleArray()
        quoted = isinstance(value, str) and value.startswith(_LOOKS_LIKE_FORMULA)
        key = (tuple(cell._style), style, _format(value), quoted)
        if key not in self._looks:
            self._looks[key] = self._make_look(cell, style, _format(value), quoted)
        return self._looks[key]

    def _make_look(self, cell: Any, style: CellStyle | None, number_format: str, quoted: bool) -> Any:
        from openpyxl.cell import Cell
        from openpyxl.styles.numbers import is_date_format

        probe: Any = Cell(self._sheet, row=cell.row, column=cell.column, style_array=cell._style)
        if style is not None:
            _colour(probe, self._palette[style])
        wants_date = number_format in (_DATE_FORMAT, _MOMENT_FORMAT)
        if number_format and wants_date is not is_date_format(probe.number_format):
            probe.number_format = number_format
        if quoted:
            probe._style.quotePrefix = 1
        return probe._style

    def _link(self, cell: Any, link: str | None, value: CellValue) -> Any:
        """The link that `cell` is to have: the one that it has, unless `link` leads elsewhere and one more has room.

        An empty cell has none: on loading it again, openpyxl would give it the address as its text.
        """
        from openpyxl.worksheet.hyperlink import Hyperlink

        there = cell.hyperlink
        if value is None:
            return None
        if link is None or (there is not None and there.target == link):
            return there
        if there is None:
            if self._links is None:
                self._links = sum(1 for other in self._sheet._cells.values() if other.hyperlink is not None)
            if self._links >= MAX_LINKS:
                return None
            self._links += 1
        return Hyperlink(ref=cell.coordinate, target=link)


def _colour(probe: Any, colours: Colours) -> None:
    """Give `probe` these colours, unless it shows them already: Excel writes the same fill in more than one way."""
    from openpyxl.styles import PatternFill

    if probe.fill.fill_type != "solid" or _rgb(probe.fill.fgColor) != colours.fill:
        probe.fill = PatternFill("solid", fgColor=f"FF{colours.fill}")
    if _rgb(probe.font.color) != colours.font:
        changed = copy(probe.font)
        changed.color = f"FF{colours.font}"
        probe.font = changed


def _rgb(colour: Any) -> str | None:
    return colour.rgb[-6:].upper() if colour is not None and colour.type == "rgb" else None


def _format(value: CellValue) -> str:
    """The format that the value needs if its cell has none of its kind; empty if any will do."""
    if isinstance(value, datetime):
        return _MOMENT_FORMAT if value.time() != datetime.min.time() else _DATE_FORMAT
    if isinstance(value, date):
        return _DATE_FORMAT
    return _NUMBER_FORMAT if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _stored(update: CellUpdate) -> tuple[Any, str]:
    """The value as openpyxl holds it, and its type; text is text, whatever it begins with."""
    value = update.cell.value
    if value is None or value == "":
        return None, "n"
    if isinstance(value, bool):
        return value, "b"
    if isinstance(value, str):
        return _text(value, update.ref), "s"
    if isinstance(value, date):
        if isinstance(value, datetime) and value.tzinfo is not None:
            raise _unfit(update.ref, "a time with a time zone")
        return value, "d"
    if not math.isfinite(value):
        raise _unfit(update.ref, str(value))
    return value, "n"


def _text(text: str, ref: str) -> str:
    if len(text.encode("utf-16-le", "surrogatepass")) > 2 * MAX_TEXT:
        raise _unfit(ref, f"a text of {len(text)} characters")
    if found := _FORBIDDEN.search(text):
        raise _unfit(ref, f"the character U+{ord(found[0]):04X}")
    return _NEEDS_ESCAPE.sub(lambda match: "_x000D_" if match[0] == "\r" else "_x005F_", text)


def _unfit(ref: str, what: str) -> WorkbookError:
    return WorkbookError(f"cell {ref} cannot hold {what}", hint="report the processor that made it")


def _holds(cell: Any, value: Any, kind: str) -> bool:
    """Whether `cell` holds `value` already, as Excel would show it."""
    there = cell._value
    if there is None or value is None:
        return there is value
    if kind != cell.data_type:
        return False
    if kind == "n":
        return f"{there:.15g}" == f"{value:.15g}"
    if kind == "d":
        return abs(_moment(there) - _moment(value)) < timedelta(milliseconds=1)
    return bool(there == value)


def _moment(value: Any) -> datetime:
    """A date as the moment at which it begins; a time or a duration, which no update is, as none of our days."""
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else datetime.min
