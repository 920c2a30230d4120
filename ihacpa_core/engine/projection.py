"""Draws the workbook from the journal: outcomes and the rows as they stand now become cell updates.

Idempotent, and three-way for each cell: what stood there when the record was read, what stands there now, what the
outcome says. A cell that a person changed in between is kept and told, never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from ihacpa_core.engine.identity import input_digest, value_token
from ihacpa_core.errors import WorkbookError
from ihacpa_core.records import Cell, CellUpdate, CellValue, Outcome, Record, RecordId, fold


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """A cell where a person's value was kept: where, what the person wrote, what the run would have written."""

    ref: str
    found: CellValue
    ours: CellValue


@dataclass(frozen=True, slots=True)
class Projection:
    """What a save has to write.

    :param formulas_kept: cells that hold a formula and were left alone.
    :param edits_kept: cells that a person changed while the run went on.
    :param homeless: outcomes whose row is gone from the sheet; they stay in the journal.
    :param stale: outcomes of rows that say something else now than when they were processed; nothing is written there.
    """

    updates: tuple[CellUpdate, ...]
    formulas_kept: int = 0
    edits_kept: tuple[KeptEdit, ...] = ()
    homeless: tuple[RecordId, ...] = ()
    stale: tuple[RecordId, ...] = ()


def project(
    outcomes: Iterable[Outcome],
    rows: Mapping[RecordId, Record],
    *,
    overwrite_formulas: bool = False,
    edited: bool = False,
    drawn: Set[RecordId] = frozenset(),
) -> Projection:
    """The updates that bring `outcomes` into a sheet whose records are `rows` now.

    :param edited: somebody else changed the workbook since the records were read; only then can a cell hold anything
        but what stood there before or what the run itself wrote.
    :param drawn: the records whose outcome was in the workbook before that. Where a row still shows some of it, another
        cell of the row that went back to what it was was cleared by a person; a row that shows none of it comes from a
        copy that was opened before the save, and is drawn again.
    """
    updates: list[CellUpdate] = []
    kept: list[KeptEdit] = []
    homeless: list[RecordId] = []
    stale: list[RecordId] = []
    formulas = 0
    for outcome in outcomes:
        record = rows.get(outcome.id)
        if record is None:
            homeless.append(outcome.id)
            continue
        if edited and outcome.input_digest != input_digest(record, outcome.inputs):
            stale.append(outcome.id)
            continue
        seen = outcome.id in drawn and _shows(record, outcome)
        for letter, cell in outcome.cells.items():
            base = cell.value if seen else outcome.before.get(letter)
            if letter in record.formulas and not overwrite_formulas:
                formulas += 1
            elif edited and _is_edit(record.contents.get(letter), base, cell):
                kept.append(KeptEdit(f"{letter}{record.row}", record.contents.get(letter), cell.value))
            else:
                updates.append(CellUpdate(record.row, letter, cell))
    return Projection(tuple(updates), formulas, tuple(kept), tuple(homeless), tuple(stale))


def _shows(record: Record, outcome: Outcome) -> bool:
    """Whether the row shows anything of what the outcome brought."""
    for letter, cell in outcome.cells.items():
        ours = value_token(cell.value)
        if ours != value_token(outcome.before.get(letter)) and ours == value_token(record.contents.get(letter)):
            return True
    return False


def _is_edit(current: CellValue, base: CellValue, ours: Cell) -> bool:
    return value_token(current) not in (value_token(base), value_token(ours.value))


def moved_columns(before: Mapping[str, str], now: Mapping[str, str], used: Iterable[str]) -> list[str]:
    """The columns among `used` (letters) over which another header stands now than when the run started."""
    return [letter for letter in sorted(used) if fold(before.get(letter, "")) != fold(now.get(letter, ""))]


def used_columns(outcomes: Iterable[Outcome]) -> set[str]:
    """The columns (letters) that outcomes write or were made from."""
    return {letter for outcome in outcomes for letter in (*outcome.cells, *outcome.inputs)}


def columns_moved(letters: Sequence[str]) -> WorkbookError:
    """Other headers stand over the columns that the results belong to."""
    return WorkbookError(
        f"columns of the sheet were moved or renamed since the run started: {', '.join(letters)}",
        why="results would land under the wrong header; nothing was written",
        hint="put the columns back and type the same command again, or begin anew with --start-fresh",
    )
