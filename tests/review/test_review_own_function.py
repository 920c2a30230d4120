"""A job of one's own on a sheet of one's own: the example, through the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from openpyxl import load_workbook
from review_desk import EXAMPLES, look_of, style

from ihacpa_core.errors import ExitCode
from ihacpa_core.records import CellStyle
from ihacpa_core.testing.project import Project


def test_the_example_checks_every_order(tmp_path: Path) -> None:
    """`ihacpa run orders.xlsx --processor python:check_orders.py:check`: totals, colours, and nothing else touched."""
    for name in ("orders.xlsx", "check_orders.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    before = [list(row) for row in load_workbook(tmp_path / "orders.xlsx").worksheets[0].values]

    result = Project(tmp_path).run(
        "run", "orders.xlsx", "--processor", "python:check_orders.py:check",
        "-o", "sheet.header_row=1", "-o", "sheet.key=Order", expect=ExitCode.OK,
    )  # fmt: skip

    sheet = load_workbook(tmp_path / "orders.xlsx").worksheets[0]
    after = [list(row) for row in sheet.values]
    assert [row[:3] for row in after] == [row[:3] for row in before]
    assert [row[4] for row in after[1:]] == [
        "ok", "ok", "nothing ordered", "ok", "quantity or price is no number", "ok", None,
        "quantity or price is no number", "ok",
    ]  # fmt: skip
    assert [row[3] for row in after[1:] if row[3] is not None] == pytest.approx([59.7, 51.0, 1250, 14.0, 621.0])
    assert [style(look_of(sheet[place])) for place in ("E2", "E4", "E6")] == [
        CellStyle.GOOD, CellStyle.WARN, CellStyle.BAD,
    ]  # fmt: skip
    assert "8 done" in result.stdout
