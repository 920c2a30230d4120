"""The main job on the founding case: 486 packages, reviewed by the command against an index on the loopback."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook
from packaging.version import Version
from review_desk import EXAMPLES, Desk, Look, all_looks, parts, style

from ihacpa_core.errors import ExitCode
from ihacpa_core.records import CellStyle
from ihacpa_core.testing.index import LoopbackIndex, canonical
from ihacpa_core.testing.index_facts import made_up_document, made_up_versions
from ihacpa_core.testing.project import Result, kill, wait_until
from tests.plugins.osv_sets import as_folder, record

WORKBOOK, LIST = EXAMPLES / "packages-486.xlsx", EXAMPLES / "packages-486.csv"
FORMULAS = "DGLOQSU"
UNTOUCHED = "ABCNX" + FORMULAS
CONCURRENCY = 16
SEVERE = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]
Looks = dict[tuple[str, str], Look]
ADVISORIES = [
    record("PYSEC-2024-1", "absl-py", ["introduced 0"], aliases=["CVE-2024-1"]),
    record("PYSEC-2024-2", "aiohttp", ["introduced 0", "fixed 100.0"], aliases=["CVE-2024-2"], severity=SEVERE),
    record("GHSA-xxxx-xxxx-0002", "AioHTTP", ["introduced 0", "fixed 100.0"], aliases=["CVE-2024-2"]),
    record("GHSA-xxxx-xxxx-0003", "alembic", ["introduced 0", "fixed 0.0.1"], aliases=["CVE-2024-3"]),
    record("PYSEC-2024-4", "altair", ["introduced 0", "fixed 2.0-NA-1"]),
    record("MAL-2024-5", "annotated-types", ["introduced 0"]),
]


@dataclass
class Finished:
    """A desk on which the review is done, and what the run said and asked."""

    desk: Desk
    result: Result
    index: LoopbackIndex
    requests: dict[str, int]
    looks: dict[int, dict[str, Look]]
    everything: Looks

    @property
    def rows(self) -> dict[str, dict[str, Look]]:
        return {str(row["B"].value): row for row in self.looks.values()}


@pytest.fixture(scope="module")
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex.from_csv(LIST) as running:
        yield running


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, index: LoopbackIndex) -> Finished:
    folder = tmp_path_factory.mktemp("review")
    desk = Desk(folder, index.url)
    desk.take(WORKBOOK)
    desk.advise(as_folder(folder / "records", ADVISORIES))
    result = desk.run(expect=ExitCode.OK)
    return Finished(desk, result, index, dict(index.requests), desk.looks(), all_looks(desk.workbook))


@pytest.fixture(scope="module")
def original() -> Looks:
    """Every cell of the workbook before its review."""
    return all_looks(WORKBOOK)


@pytest.fixture(scope="module")
def packages() -> dict[str, str]:
    """The 486 names and their installed versions."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return {row["package"]: row["version"] for row in csv.DictReader(file)}


def test_every_row_is_reviewed(finished: Finished, packages: dict[str, str]) -> None:
    """486 rows have what the index says: latest version, dates, requirements, status and repository."""
    wrong = []
    for name, installed in packages.items():
        versions = made_up_versions(name, installed)
        document = made_up_document(canonical(name), versions)
        latest = max((v for v in versions if not Version(v).is_prerelease), key=Version)
        first_files = {version: document["releases"][version][0]["upload_time"][:10] for version in versions}
        row = finished.rows[name]
        found = [row[letter].value for letter in "EFHK"]
        wanted = [
            day(first_files[installed]),
            latest,
            day(first_files[latest]),
            f"https://github.com/made-up/{canonical(name)}",
        ]
        if found != wanted or not all(row[letter].value for letter in "IJMPRTVW"):
            wrong.append((name, found, wanted))

    assert len(finished.rows) == len(packages) == 486
    assert wrong == []
    assert finished.requests == dict.fromkeys(map(canonical, packages), 1)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_what_the_advisories_say_is_told(finished: Finished, packages: dict[str, str]) -> None:
    """Affected, not affected, uncertain, malicious and without a record: each row says its own."""
    rows = finished.rows
    told = {name: [rows[name][letter].value for letter in "MPRW"] for name in ("absl-py", "alembic", "aiofile")}
    hit, bad, unsure = rows["aiohttp"], rows["annotated-types"], rows["altair"]
    advised = {item["affected"][0]["package"]["name"].lower() for item in ADVISORIES}
    others = [row for name, row in rows.items() if name not in advised]

    assert told["absl-py"] == [
        "None found",
        "VULNERABLE - 1 affect 2.1.0: CVE-2024-1 (UNKNOWN); no fix named",
        "VULNERABLE - 1 affect 2.1.0: CVE-2024-1 (UNKNOWN); no fix named",
        "SECURITY RISK - 1 affect 2.1.0, worst UNKNOWN, no fix",
    ]
    installed = packages["aiohttp"]
    assert hit["M"].value == f"VULNERABLE - 1 affect {installed}: GHSA-xxxx-xxxx-0002 (HIGH 7.5); fixed in 100.0"
    assert hit["P"].value == f"VULNERABLE - 1 affect {installed}: CVE-2024-2 (HIGH 7.5); fixed in 100.0"
    assert told["alembic"][:3] == [f"SAFE - 1 known, {packages['alembic']} not affected"] * 3
    assert str(unsure["M"].value).startswith("UNCERTAIN - 1 may affect")
    assert str(unsure["W"].value).startswith("MANUAL REVIEW - uncertain: PYSEC-2024-4")
    assert bad["W"].value == "SECURITY RISK - remove: known malicious (MAL-2024-5)"
    assert {row[letter].value for row in others for letter in "MPR"} == {"None found"}
    assert {str(row["W"].value).split(" -")[0] for row in others} == {"UPDATE", "PROCEED"}


def test_formulas_and_a_persons_columns_stay(finished: Finished, original: Looks) -> None:
    """Link formulas, inputs, notes and the column to the right of the table are what they were, in every row."""
    before, after = original, finished.everything

    kept = {place: look for place, look in before.items() if place[0] == "Packages" and place[1][0] in UNTOUCHED}
    assert {place: after[place] for place in kept} == kept
    rows = finished.looks.values()
    assert all(row[letter].kind == "f" for row in rows for letter in FORMULAS)
    assert sum(row["N"].value is not None for row in rows) == 8
    assert any(row["X"].value for row in rows)


def test_the_workbook_keeps_its_looks(finished: Finished, original: Looks) -> None:
    """Panes, filter, widths, heights, print titles, page, second sheet and chart are those of before."""
    before, after = load_workbook(WORKBOOK), load_workbook(finished.desk.workbook)
    old, new = before.worksheets[0], after.worksheets[0]
    kept = ("number_format", "wrap", "horizontal", "border")

    assert after.sheetnames == before.sheetnames
    for name in ("freeze_panes", "print_title_rows", "dimensions"):
        assert getattr(new, name) == getattr(old, name)
    assert new.auto_filter.ref == old.auto_filter.ref
    assert new.page_setup.orientation == old.page_setup.orientation
    assert new.sheet_properties.pageSetUpPr.fitToPage
    assert {key: size.width for key, size in new.column_dimensions.items()} == {
        key: size.width for key, size in old.column_dimensions.items()
    }
    assert {key: size.height for key, size in new.row_dimensions.items()} == {
        key: size.height for key, size in old.row_dimensions.items()
    }
    assert [[getattr(finished.everything[place], name) for name in kept] for place in original] == [
        [getattr(look, name) for name in kept] for look in original.values()
    ]


def test_every_other_part_of_the_file_is_the_same(finished: Finished) -> None:
    """The second sheet, its chart and drawing, the theme: byte for byte what they were."""
    before, after = parts(WORKBOOK), parts(finished.desk.workbook)
    may_change = {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "docProps/core.xml"}
    added = {"xl/worksheets/_rels/sheet1.xml.rels"}  # the links of the repositories

    assert after.keys() - before.keys() <= added
    assert {name for name in before if before[name] != after.get(name)} <= may_change
    assert "xl/charts/chart1.xml" in before


def test_colours_say_what_the_text_says(finished: Finished) -> None:
    """Red, green, orange, purple and blue, fill and font, in every cell that the review wrote."""
    wrong = []
    for name, row in finished.rows.items():
        newer = Version(str(row["F"].value)) > Version(str(row["C"].value))
        wanted = {letter: colour(str(row[letter].value)) for letter in "MPRTVW"}
        wanted |= dict.fromkeys("FH", CellStyle.WARN if newer else CellStyle.INFO)
        wanted |= {"E": CellStyle.INFO, "I": CellStyle.INFO, "J": CellStyle.INFO, "K": CellStyle.ACCENT}
        found = {letter: style(row[letter]) for letter in wanted}
        wrong += [(name, letter, found[letter]) for letter in wanted if found[letter] is not wanted[letter]]

    assert wrong == []
    assert all(row["K"].link == row["K"].value for row in finished.rows.values())


def test_the_colours_are_found_right(finished: Finished) -> None:
    """`format check` has nothing to say about a sheet that was just reviewed, formulas and notes and all."""
    done = finished.desk.run("format", "check", expect=ExitCode.OK)

    assert done.stdout.endswith(": 0 cells whose colour does not match the text\n")


def colour(text: str) -> CellStyle:
    """The colour of a result or recommendation: red, green, blue where nothing was asked for, else orange."""
    if text.startswith(("VULNERABLE", "SECURITY RISK", "Not Available")):
        return CellStyle.BAD
    if text.startswith(("SAFE", "None found", "PROCEED")):
        return CellStyle.GOOD
    return CellStyle.INFO if text == "NOT CHECKED - not configured" else CellStyle.WARN


def test_the_summary_says_what_was_done(finished: Finished) -> None:
    """486 records, how many with what was found, and how many formulas were kept."""
    assert "486: 486 done, 0 failed, 0 skipped" in finished.result.stdout
    assert "3,402 cells kept because they hold a formula" in " ".join(finished.result.stdout.split())
    assert re.search(r"found +1 critical, 1 high, 1 medium", finished.result.stdout)


def test_a_second_run_changes_no_byte(finished: Finished) -> None:
    """The same data over a finished sheet: nothing is written, and the index is not asked again."""
    before, asked = finished.desk.workbook.read_bytes(), dict(finished.index.requests)

    finished.desk.run(expect=ExitCode.OK)

    assert finished.desk.workbook.read_bytes() == before
    assert dict(finished.index.requests) == asked


def test_killed_again_and_again_it_ends_as_if_undisturbed(
    finished: Finished, index: LoopbackIndex, tmp_path: Path
) -> None:
    """kill -9 early, late and during a save, each time the same command again: it goes on, and repeats no answer."""
    desk = Desk(tmp_path, index.url)
    desk.take(WORKBOOK)
    shutil.copy(finished.desk.folder / "advisories.sqlite", tmp_path)
    before = index.requests.copy()
    command = ["--save-every", "batch", "--batch-size", "60"]

    def asked() -> int:
        return index.requests.total() - before.total()

    places = [
        lambda: asked() >= 40,
        lambda: asked() >= 230,
        lambda: asked() >= 350 and bool(desk.leftovers()),
        lambda: asked() >= 470,
    ]
    for there in places:
        process = desk.start(*command)
        wait_until(lambda there=there, run=process: there() or run.poll() is not None, what="the place to kill at")
        assert process.poll() is None, process.communicate()
        kill(process)
    names_before = len(index.requests - before)
    result = desk.run(*command, "--json", expect=ExitCode.OK)

    asked_each = index.requests - before
    assert "is resumed" in result.stderr
    assert all_looks(desk.workbook) == finished.everything
    assert len(asked_each) == 486
    assert asked_each.total() - 486 <= len(places) * CONCURRENCY
    assert json.loads(result.stdout)["metrics"]["resumed"] >= names_before - 2 * CONCURRENCY
    assert desk.leftovers() == []


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed")
def test_libreoffice_opens_the_result(finished: Finished, tmp_path: Path) -> None:
    """An office program other than the one that wrote it reads every row, text, date and formula."""
    convert = ["soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", "--convert-to"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(
        [*convert, "csv", "--outdir", str(tmp_path), str(finished.desk.workbook)],
        check=True, capture_output=True, env=environment, timeout=120,
    )  # fmt: skip
    with (tmp_path / "book.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))

    rows = {line[1]: line for line in lines[3:] if line[1]}
    assert len(rows) == 486
    wrong = [
        name
        for name, row in finished.rows.items()
        for place, letter in [(5, "F"), (10, "K"), (12, "M"), (15, "P"), (22, "W")]
        if rows[name][place] != row[letter].value
    ]
    assert wrong == []
    assert rows["absl-py"][3] == "PyPI 2.1.0"
    assert rows["absl-py"][4] == "2019-07-29"
