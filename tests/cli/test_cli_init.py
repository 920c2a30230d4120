"""``ihacpa init``: a settings file that is right, for a workbook that it looked at."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from ihacpa_core import ExitCode

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def fresh(project):
    """The project without its settings."""
    (project.folder / "ihacpa.toml").unlink()
    return project


def settings(project):
    return tomllib.loads((project.folder / "ihacpa.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "sheet", "header_row", "key", "records"),
    [
        ("packages.xlsx", "Packages", 3, "Package Name", "40 records"),
        ("packages-486.xlsx", "Packages", 3, "Package Name", "486 records"),
        ("orders.xlsx", "Orders", 1, "Order", "8 records"),
    ],
)
def test_the_example_workbooks(fresh, name, sheet, header_row, key, records):
    """Sheet, header and key are found, written and told; the file has no mistake, not even in what is not selected."""
    fresh.workbook.unlink()
    shutil.copy(EXAMPLES / name, fresh.folder / name)

    done = fresh.run("init", name, expect=ExitCode.OK)

    assert settings(fresh)["ihacpa"] == {"workbook": name}
    assert settings(fresh)["sheet"] == {"name": sheet, "header_row": header_row, "key": key}
    assert records in done.stdout
    assert "ihacpa --dry-run" in done.stdout
    fresh.run("config", "check", "--all", expect=ExitCode.OK)
    told = fresh.run("--dry-run", *([] if "packages" in name else ["--processor", "python:work.py:double"]))
    assert records.split()[0] in told.stdout


def test_every_default_is_there_and_can_be_uncommented(fresh):
    """Every option of every built-in stands in the file as a comment; taken in, all of them are right."""
    fresh.run("init", expect=ExitCode.OK)
    path = fresh.folder / "ihacpa.toml"
    text = re.sub(r"^# (?=[a-z_]+ = \S)", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")

    fresh.run("config", "check", "--all", expect=ExitCode.OK)

    read = settings(fresh)
    assert read["strategy"]["size"] == {"batch_size": 10}
    assert read["source"]["pypi"]["url"] == "https://pypi.org"
    assert read["ihacpa"]["progress"] == ["auto"]
    assert text.count("checkpoint_every") == 1


def test_a_file_that_is_there_stays(project):
    """Nothing is overwritten without --force; --output writes another file, and the hint names it."""
    before = (project.folder / "ihacpa.toml").read_bytes()

    refused = project.run("init", expect=ExitCode.USAGE)
    other = project.run("init", "--output", "other.toml", expect=ExitCode.OK)

    assert "--force replaces it" in refused.stderr
    assert (project.folder / "ihacpa.toml").read_bytes() == before
    assert "ihacpa --config other.toml" in other.stdout
    project.run("init", "--force", expect=ExitCode.OK)
    assert (project.folder / "ihacpa.toml").read_bytes() != before


def test_a_sheet_that_is_not_the_first(fresh):
    """The sheet whose header names packages is taken, wherever it is; a title above the header is no header."""
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Notes", "Who"])
    page = book.create_sheet("Libraries 2026")
    for row in (["Our libraries"], [], ["No.", "ID", "PACKAGE ", "Version"], [1, "a", "attrs", "1.0"]):
        page.append(row)
    book.save(fresh.workbook)

    done = fresh.run("init", expect=ExitCode.OK)

    assert settings(fresh)["sheet"] == {"name": "Libraries 2026", "header_row": 3, "key": "PACKAGE"}
    assert "not the active one of 2" in done.stdout
    assert 'the first is "attrs"' in done.stdout


def test_a_header_that_would_mean_another_column(fresh):
    """A header that stands over two columns would mean the first of them: the letter is written."""
    fresh.write_workbook(["Name", "Package", "package"], [["x", "", "attrs"], ["y", "", "cvss"]])

    fresh.run("init", expect=ExitCode.OK)

    assert settings(fresh)["sheet"]["key"] in ("Package", "C")
    fresh.run("config", "check", expect=ExitCode.OK)


def test_no_header_says_package(fresh):
    """The column that tells rows apart is taken, and that it was a guess is said."""
    fresh.write_workbook(["No.", "Colour", "Part"], [[n, "red", f"part {n}"] for n in range(20)])

    done = fresh.run("init", expect=ExitCode.OK)

    assert settings(fresh)["sheet"]["key"] == "Part"
    assert "look at key and header_row" in done.stdout


def test_without_a_workbook_and_with_several(fresh):
    """With none the file has the defaults alone, with several one has to be named."""
    shutil.copy(fresh.workbook, fresh.folder / "second.xlsx")

    several = fresh.run("init", expect=ExitCode.USAGE)
    fresh.workbook.unlink()
    (fresh.folder / "second.xlsx").unlink()
    none = fresh.run("init", expect=ExitCode.OK)

    assert "ihacpa init book.xlsx" in several.stderr
    assert "ihacpa config set workbook" in none.stdout
    assert "workbook" not in settings(fresh)["ihacpa"]


@pytest.mark.parametrize(("content", "told"), [(b"a,b\n1,2\n", "not an Excel workbook"), (None, "does not exist")])
def test_what_is_no_workbook(fresh, content, told):
    """A file that is no workbook, or is not there, is an error, and no settings are written."""
    if content:
        (fresh.folder / "bad.xlsx").write_bytes(content)

    done = fresh.run("init", "bad.xlsx", expect=ExitCode.WORKBOOK)

    assert told in done.stderr
    assert not (fresh.folder / "ihacpa.toml").exists()


def test_a_sheet_of_numbers_has_no_header(fresh):
    """Where there is no text there is no header, and that is said."""
    fresh.write_workbook([1, 2], [[3, 4]])

    assert "no header" in fresh.run("init", expect=ExitCode.WORKBOOK).stderr
