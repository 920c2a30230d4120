"""LibreOffice opens what was saved, and shows the cells that were written beside those that were there."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import patch_checks as checks
import pytest

from ihacpa_core import Cell
from ihacpa_core.workbook.book import read_book
from ihacpa_core.workbook.package import Package
from ihacpa_core.workbook.refs import column_letter

SAMPLE = 30
ALL_SHEETS = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
OFFICE = shutil.which("soffice")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Some files of Excel, as they are; those of protected sheets take no cells."""
    path = Path(os.environ.get("IHACPA_TEST_DATA", "/nonexistent")) / "excel-files.zip"
    if not path.is_file():
        pytest.skip("IHACPA_TEST_DATA does not lead to a folder with excel-files.zip")
    folder = tmp_path_factory.mktemp("samples")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in sorted(archive.namelist()) if name.endswith(".xlsx") and "protect" not in name]
        for name in names[:: len(names) // SAMPLE]:
            (folder / name).write_bytes(archive.read(name))
    return folder


def shown(folder, profile):
    """Every sheet of every workbook in a folder, as LibreOffice shows it: file and sheet to cell to text."""
    out = folder / "csv"
    out.mkdir()
    files = [str(path) for path in sorted(folder.glob("*.xlsx"))]
    where = f"-env:UserInstallation=file://{profile}"
    command = [OFFICE, where, "--headless", "--convert-to", ALL_SHEETS, "--outdir", str(out), *files]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    found = {}
    for path in out.iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            found[path.name] = {
                f"{column_letter(column)}{row}": text
                for row, values in enumerate(csv.reader(file), 1)
                for column, text in enumerate(values, 1)
                if text
            }
    return found


def test_libreoffice_shows_what_was_written(samples, tmp_path):
    """Text, number and link in new rows are shown, and each other cell of each sheet as before."""
    before = shown(samples, tmp_path / "profile")
    saved = tmp_path / "saved"
    saved.mkdir()
    written = {"B2001": "written by patch", "C2001": 12.5, "D2002": Cell("linked", "good", "https://example.org/a?b=c")}
    sheets = {}
    for path in sorted(samples.glob("*.xlsx")):
        shutil.copy(path, saved)
        with Package(path) as package:
            sheets[path.stem] = read_book(package).sheet().name
        checks.save(saved / path.name, sheets[path.stem], written)
    after = shown(saved, tmp_path / "profile")

    assert len(sheets) >= SAMPLE
    for stem, sheet in sheets.items():
        cells = after.pop(f"{stem}-{sheet}.csv")
        new = {ref: cells.pop(ref) for ref in written}
        assert new == {"B2001": "written by patch", "C2001": "12.5", "D2002": "linked"}, stem
        assert cells == before.pop(f"{stem}-{sheet}.csv", {}), stem
    assert after == before
