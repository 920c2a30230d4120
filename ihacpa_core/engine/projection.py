"""Draws the workbook from the journal: outcomes and the rows as they stand now become cell updates.

Idempotent, and three-way for each cell: what stood there when the record was read, what stands there now, what the
outcome says. A cell that a person changed in between is kept and told, never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ihacpa_core.engine.identity import value_token
from ihacpa_core.records import Cell, CellUpdate, CellValue, Outcome, Record, RecordId


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
    """

    updates: tuple[CellUpdate, ...]
    formulas_kept: int = 0
    edits_kept: tuple[KeptEdit, ...] = ()
    homeless: tuple[RecordId, ...] = ()


def project(
    outcomes: Iterable[Outcome],
    rows: Mapping[RecordId, Record],
    *,
    overwrite_formulas: bool = False,
    edited: bool = False,
) -> Projection:
    """The updates that bring `outcomes` into a sheet whose records are `rows` now.

    :param edited: somebody else changed the workbook since the records were read; only then can a cell hold anything
        but what stood there before or what the run itself wrote.
    """
    updates: list[CellUpdate] = []
    kept: list[KeptEdit] = []
    homeless: list[RecordId] = []
    formulas = 0
    for outcome in outcomes:
        record = rows.get(outcome.id)
        if record is None:
            homeless.append(outcome.id)
            continue
        for letter, cell in outcome.cells.items():
            if letter in record.formulas and not overwrite_formulas:
                formulas += 1
            elif edited and _is_edit(record.contents.get(letter), outcome.before.get(letter), cell):
                kept.append(KeptEdit(f"{letter}{record.row}", record.contents.get(letter), cell.value))
            else:
                updates.append(CellUpdate(record.row, letter, cell))
    return Projection(tuple(updates), formulas, tuple(kept), tuple(homeless))


def _is_edit(current: CellValue, before: CellValue, ours: Cell) -> bool:
    return value_token(current) not in (value_token(before), value_token(ours.value))
