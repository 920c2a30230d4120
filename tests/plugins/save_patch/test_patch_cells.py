"""`patch_cells` and ``ihacpa cells``: cells of any sheet, in one step, without a run."""

from __future__ import annotations

import stat
from datetime import date

import openpyxl
import patch_checks as checks
import pytest
from ihacpa_plugins.save.patch import patch_cells

from ihacpa_core import Cell, ExitCode, UsageError, WorkbookError
from ihacpa_core.cli.main import main


@pytest.fixture
def path(tmp_path):
    """Three sheets, of which the second is shown on opening."""
    book = openpyxl.Workbook()
    book.active.title = "First"
    book.create_sheet("It's second")["C3"] = "=1+1"
    book.create_sheet("Third")["A1"] = "a"
    book.active = 1
    book.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def values(path):
    book = openpyxl.load_workbook(path)
    return {f"{sheet.title}!{ref.coordinate}": ref.value for sheet in book for row in sheet for ref in row if ref.value}


def test_cells_of_several_sheets(path):
    """Sheets by name, in quotes or not, or the one that is shown; the source stays as it was."""
    before, target = path.read_bytes(), path.with_name("out.xlsx")
    cells = {"First!B7": "text", "'It''s second'!C7": date(2026, 1, 2), "b8": 1.5, "third!$A$1": Cell("=x", "good")}
    done = patch_cells(path, target, cells)

    assert (done.changed, done.unchanged) == (4, 0)
    assert path.read_bytes() == before
    found = checks.seen_by_core(target, "It's second")
    assert {ref: content.value for ref, content in found.items()} == {"C3": None, "C7": date(2026, 1, 2), "B8": 1.5}
    assert values(target)["First!B7"] == "text"
    assert checks.seen_by_core(target, "Third")["A1"].value == "=x"


def test_in_place(path):
    """Source and target may be one file; its mode stays, and nothing is left beside it."""
    path.chmod(0o640)
    link = path.with_name("link.xlsx")
    link.symlink_to(path)
    patch_cells(link, link, {"A1": "x"})

    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(other.name for other in path.parent.iterdir()) == ["book.xlsx", "link.xlsx"]
    assert values(path)["It's second!A1"] == "x"


def test_formulas_are_kept_unless_told(path):
    """A formula is only overwritten where that was asked for."""
    before = path.read_bytes()
    with pytest.raises(WorkbookError, match="C3 holds a formula"):
        patch_cells(path, path, {"C3": 1})
    assert path.read_bytes() == before

    patch_cells(path, path, {"C3": 1}, overwrite_formulas=True)
    assert values(path)["It's second!C3"] == 1


@pytest.mark.parametrize("ref", ["", "7B", "Sheet!", "A0", "A1048577", "XFE1", "A1:B2"])
def test_what_is_no_reference(path, ref):
    """A reference that names no cell is a mistake of the caller."""
    with pytest.raises(UsageError):
        patch_cells(path, path, {ref: 1})


def test_a_failure_leaves_nothing(path):
    """When the second of two sheets refuses, the target is not there, and nothing else is."""
    target = path.with_name("out.xlsx")
    with pytest.raises(WorkbookError):
        patch_cells(path, target, {"First!A1": 1, "Nowhere!A1": 2})

    assert [other.name for other in path.parent.iterdir()] == ["book.xlsx"]


def test_nothing_to_write_is_a_copy(path):
    """Without cells the target is the source."""
    patch_cells(path, path.with_name("out.xlsx"), {})

    assert path.with_name("out.xlsx").read_bytes() == path.read_bytes()


def test_the_command(path, capsys):
    """``ihacpa cells set``: text, typed values, an emptied cell, a colour; what was done is printed."""
    out = path.with_name("out.xlsx")
    words = ["'It''s second'!A1==text = more", "B2:=12.5", "B3:=2026-01-02", "B4:=true", "Third!A1=", "B5=007"]
    code = main(["cells", "set", str(path), *words, "--output", str(out), "--style", "warn"])

    assert code == ExitCode.OK
    assert "6 cells changed" in capsys.readouterr().out
    found = {ref: content.value for ref, content in checks.seen_by_core(out, "It's second").items()}
    assert found == {"A1": "=text = more", "B2": 12.5, "B3": date(2026, 1, 2), "B4": True, "B5": "007", "C3": None}
    assert checks.seen_by_core(out, "Third") == {}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["C3=x"], ExitCode.WORKBOOK),
        (["Nowhere!A1=x"], ExitCode.WORKBOOK),
        (["A1"], ExitCode.USAGE),
        (["A1:=nonsense"], ExitCode.USAGE),
        (["A1:=[1]"], ExitCode.USAGE),
    ],
)
def test_the_command_refuses(path, capsys, words, code):
    """What cannot be done is told, with its exit code, and nothing is written."""
    before = path.read_bytes()

    assert main(["cells", "set", str(path), *words]) == code
    assert path.read_bytes() == before
    assert "ihacpa: error:" in capsys.readouterr().err
