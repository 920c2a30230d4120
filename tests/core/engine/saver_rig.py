"""A workbook with much in it, and a saver for it: what the tests of saving share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import openpyxl
from ihacpa_plugins.save.openpyxl import OpenpyxlOptions, ihacpa_save_backends
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Side

from ihacpa_core import Cell, CellUpdate, Fingerprint, RunContext
from ihacpa_core.engine.saver import AtomicSaver
from ihacpa_core.fileops import FileOps


def make_book(path: Path, rows: int = 8) -> Path:
    """Title rows, a header on row 3, values, formulas, a comment, a second sheet, a chart, and a sheet's settings."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Packages"
    sheet["A1"] = "Packages"
    for column, text in enumerate(("No", "Name", "Version", "Result", "Sum"), 1):
        sheet.cell(3, column, text)
    for row in range(4, 4 + rows):
        for column, value in enumerate((row - 3, f"name-{row}", 1.5, "old", f"=A{row}*2"), 1):
            cell = sheet.cell(row, column, value)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.border = Border(left=Side("thin"))
    sheet["B4"].comment = Comment("mine", "me")
    sheet.freeze_panes = "C4"
    sheet.auto_filter.ref = f"A3:E{3 + rows}"
    sheet.column_dimensions["B"].width = 31
    notes = book.create_sheet("Notes")
    notes["A1"] = "a person's"
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=1, min_row=4, max_row=3 + rows))
    notes.add_chart(chart, "C3")
    book.save(path)
    return path


def facts(path: Path) -> dict[str, object]:
    """What of a person's is in the workbook, column D left out."""
    book = openpyxl.load_workbook(path)
    sheet, notes = book["Packages"], book["Notes"]
    return {
        "cells": {c.coordinate: c.value for row in sheet.iter_rows() for c in row if c.column_letter != "D"},
        "borders": {c.coordinate: c.border.left.style for row in sheet.iter_rows(min_row=4) for c in row},
        "wrap": {c.coordinate: c.alignment.wrap_text for row in sheet.iter_rows(min_row=4) for c in row},
        "comment": sheet["B4"].comment.text,
        "sheets": book.sheetnames,
        "notes": notes["A1"].value,
        "charts": len(notes._charts),
        "frozen": sheet.freeze_panes,
        "filter": sheet.auto_filter.ref,
        "width": sheet.column_dimensions["B"].width,
    }


def results(path: Path, rows: int = 8) -> list[object]:
    """Column D."""
    sheet = openpyxl.load_workbook(path)["Packages"]
    return [sheet.cell(row, 4).value for row in range(4, 4 + rows)]


def update(ref: str, value: object, **look: object) -> CellUpdate:
    return CellUpdate(int(ref[1:]), ref[0], Cell(value, **look))


def all_rows(text: str, rows: int = 8) -> list[CellUpdate]:
    return [update(f"D{row}", f"{text} {row}", style="good") for row in range(4, 4 + rows)]


def backend(state_dir: Path):
    (offer,) = ihacpa_save_backends()
    context = RunContext(run_id="r", workbook=state_dir, state_dir=state_dir, config_dir=state_dir)
    return offer.factory(OpenpyxlOptions(), context)


@dataclass
class Rig:
    """A folder with a workbook, and savers for it that note what they tell the journal."""

    folder: Path
    target: Path
    intended: list[Fingerprint] = field(default_factory=list)
    confirmed: list[Fingerprint] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def backups(self) -> Path:
        return self.folder / "state" / "backups"

    def saver(self, ops: FileOps | None = None, source: Path | None = None, **more: object) -> AtomicSaver:
        settings = {
            "backend": backend(self.folder / "state"),
            "intend": self.intended.append,
            "confirm": self.confirmed.append,
            "warn": self.warnings.append,
            "ops": ops or FileOps(),
        } | more
        return AtomicSaver(
            target=self.target, source=source or self.target, sheet="Packages", backups=self.backups, **settings
        )

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.target.parent.iterdir() if path.name.endswith(".ihacpa-tmp"))
