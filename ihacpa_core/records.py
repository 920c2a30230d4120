"""Records, outcomes and cells: what flows from the workbook through a processor and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any, Self

CellValue = str | int | float | bool | date | datetime | None
"""What a cell may hold. `datetime` is naive; what Excel cannot hold is normalised before it is journaled."""


class CellStyle(StrEnum):
    """What a cell's colour means. The fill and font that go with each are in `ihacpa_core.workbook.styles`."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    INFO = "info"
    ACCENT = "accent"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value for a cell, and how it looks.

    :param style: the meaning of its colour; None leaves fill and font as they are. A plain string of the
        same name does as well.
    :param link: an http(s) address that the cell leads to; None leaves a link that is there.
    """

    value: CellValue
    style: CellStyle | None = None
    link: str | None = None

    def __post_init__(self) -> None:
        if self.style is not None:
            object.__setattr__(self, "style", CellStyle(self.style))


@dataclass(frozen=True, slots=True)
class CellUpdate:
    """A cell of the sheet that is to be written: `row` from 1, `column` a letter."""

    row: int
    column: str
    cell: Cell

    @property
    def ref(self) -> str:
        return f"{self.column}{self.row}"


def fold(text: str) -> str:
    """A header as it is compared: white space folded, case ignored."""
    return " ".join(text.split()).casefold()


def is_column(text: str) -> bool:
    """Whether `text` is a column's letter, from A to XFD."""
    return text.isascii() and text.isalpha() and (len(text) < 3 or (len(text) == 3 and text.upper() <= "XFD"))


@dataclass(frozen=True, slots=True)
class Headers:
    """The header row: column letter to text, as it stands in the sheet, in column order."""

    texts: Mapping[str, str] = field(default_factory=dict)

    def letter(self, name: str) -> str | None:
        """The column that `name` means: a header's text first (white space and case ignored), a letter second.

        A text that stands over two columns means the first of them. A letter of several is written in capitals: "AB" is
        a column, and "Sum" a header that is not there.
        """
        wanted = fold(name)
        for letter, text in self.texts.items():
            if fold(text) == wanted:
                return letter
        return name.upper() if is_column(name) and (name.isupper() or len(name) == 1) else None


@dataclass(frozen=True, slots=True, order=True)
class RecordId:
    """Who a record is, wherever its row has moved to: its key, and which of the rows with that key (from 1)."""

    key: str
    occurrence: int = 1

    def __str__(self) -> str:
        return self.key if self.occurrence == 1 else f"{self.key} (no. {self.occurrence})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Mapping[str, CellValue]):
    """One data row, read as a mapping from header text or column letter to value.

    :param row: its row in the sheet now, from 1.
    :param number: its position in the run's list of records, from 1.
    :param contents: column letter to value; a formula's value is the one that was last calculated, or None.
    :param formulas: column letter to formula text, for the cells that hold one.
    """

    row: int
    key: str
    occurrence: int = 1
    number: int = 0
    contents: Mapping[str, CellValue] = field(default_factory=dict)
    formulas: Mapping[str, str] = field(default_factory=dict)
    headers: Headers = field(default_factory=Headers)

    @property
    def id(self) -> RecordId:
        return RecordId(self.key, self.occurrence)

    def __getitem__(self, name: str) -> CellValue:
        letter = self.headers.letter(name)
        if letter is None:
            raise KeyError(name)
        return self.contents.get(letter)

    def __iter__(self) -> Iterator[str]:
        return iter(self.contents)

    def __len__(self) -> int:
        return len(self.contents)


class Status(StrEnum):
    """What became of a record."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Level(IntEnum):
    """How serious what was found is; `--fail-on` compares with it."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a record failed: the error's type, its text, a hint, and whether trying again could help."""

    kind: str
    message: str
    hint: str = ""
    transient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one record.

    :param row: the row that it had when it was processed; it may have moved since, `id` has not.
    :param cells: column letter to the cell that is to stand there.
    :param unchecked: what could not be looked up, a sentence each; such a record is done but not complete.
    :param inputs: the columns that the outcome was made from; when one of them changes, it is made again.
    :param input_digest: a digest of those columns' values, filled in by the core.
    :param before: what stood in the cells that the outcome writes, filled in by the core.
    :param detail: what the processor wants to be kept for reports; JSON values only.
    """

    id: RecordId
    row: int
    status: Status
    cells: Mapping[str, Cell] = field(default_factory=dict)
    error: Failure | None = None
    attempts: int = 1
    seconds: float = 0.0
    level: Level = Level.NONE
    unchecked: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    input_digest: str = ""
    before: Mapping[str, CellValue] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def done(cls, record: Record, cells: Mapping[str, Cell], **more: Any) -> Self:
        """`record` was processed; `cells` is what it brings, by column letter."""
        return cls(id=record.id, row=record.row, status=Status.DONE, cells=dict(cells), **more)

    @classmethod
    def skipped(cls, record: Record, reason: str = "") -> Self:
        """`record` needs nothing."""
        detail = {"reason": reason} if reason else {}
        return cls(id=record.id, row=record.row, status=Status.SKIPPED, detail=detail)

    @classmethod
    def failed(cls, record: Record, error: Failure) -> Self:
        """`record` could not be processed."""
        return cls(id=record.id, row=record.row, status=Status.FAILED, error=error)
