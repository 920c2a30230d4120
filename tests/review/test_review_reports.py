"""Reports, comparisons, explanations and colours of real reviews, asked for by the commands."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.styles import Font, PatternFill
from review_desk import Desk

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.index import LoopbackIndex
from ihacpa_core.testing.project import wait_until
from tests.plugins.osv_sets import as_folder, record

ROWS = [("hit", "1.0"), ("held", "1.0"), ("clean", "1.0"), ("Odd.Name", "2.0"), ("hit", "3.0"), ("new", "NEW")]
NAMES, VERSIONS = ("hit", "held", "clean", "odd-name", "new"), ["1.0", "2.0", "3.0"]
SEVERE = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]
ADVISORIES = [
    record("PYSEC-2024-1", "hit", aliases=["CVE-2024-1", "GHSA-aaaa-aaaa-0001"], severity=SEVERE),
    record("PYSEC-2024-2", "held", aliases=["CVE-2024-2", "GHSA-aaaa-aaaa-0002"]),
]
SUPPRESS = """
[processor.package-review]
sources = ["pypi", "osv"]

[[processor.package-review.suppress]]
id = "GHSA-aaaa-aaaa-0002"
reason = "the parser is not called"
expires = 2099-12-31

[[processor.package-review.suppress]]
id = "CVE-2024-1"
package = "hit"
reason = "was being looked into"
expires = 2020-01-31
"""


@pytest.fixture(scope="module")
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex(dict.fromkeys(NAMES, VERSIONS)) as running:
        yield running


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory, index: LoopbackIndex) -> Desk:
    """Two runs: in the second `hit` was updated, and `clean` has a flaw that was not known before."""
    folder = tmp_path_factory.mktemp("reports")
    desk = Desk(folder, index.url)
    desk.list_packages(ROWS)
    with (folder / "ihacpa.toml").open("a") as file:
        file.write(SUPPRESS)
    desk.advise(as_folder(folder / "records", ADVISORIES))
    (folder / "first.txt").write_text(desk.run("--progress", "plain", expect=ExitCode.INCOMPLETE).stdout)
    book = load_workbook(desk.workbook)
    book.active["C4"] = "2.0"
    book.save(desk.workbook)
    later = record("PYSEC-2026-3", "clean", aliases=["CVE-2026-3", "GHSA-aaaa-aaaa-0003"])
    desk.advise(as_folder(folder / "records", [later]))
    desk.run("-q", expect=ExitCode.INCOMPLETE)
    return desk


@pytest.fixture
def desk(reviewed: Desk, tmp_path: Path, index: LoopbackIndex) -> Desk:
    """The same folder, for one test to change."""
    shutil.copytree(reviewed.folder, tmp_path / "desk")
    copy = Desk.__new__(Desk)
    copy.folder, copy.workbook = tmp_path / "desk", tmp_path / "desk" / "book.xlsx"
    return copy


# --- suppressions -----------------------------------------------------------------------------------------------------


def test_a_suppression_shows_in_the_sheet_and_in_the_summary(reviewed: Desk) -> None:
    """The column keeps the fact, the recommendation names what it does not count, and so does the summary."""
    row = reviewed.rows()["held"]

    assert row["P"] == ("VULNERABLE - 1 affect 1.0: CVE-2024-2 (UNKNOWN, suppressed until 2099-12-31); fixed in 2.0")
    assert str(row["W"]).endswith("1 suppressed: CVE-2024-2 (the parser is not called, until 2099-12-31)")
    assert str(row["W"]).startswith("UPDATE - 1.0 to 3.0")
    summary = " ".join((reviewed.folder / "first.txt").read_text().split())
    assert "suppressed: CVE-2024-2 (the parser is not called, until 2099-12-31) in held 1.0" in summary


def test_an_expired_suppression_is_warned_of_and_does_not_hold(desk: Desk) -> None:
    """What is over is told on standard error, and its finding counts."""
    done = desk.run("--packages", "hit", "--start-fresh", "--progress", "plain")

    told = (
        "warning: the suppression of CVE-2024-1 in hit expired on 2020-01-31 and does not hold: was being looked into"
    )
    assert told in done.stderr
    assert str(desk.rows()["held"]["W"]).startswith("UPDATE")


def test_mistakes_in_suppressions_are_all_told(desk: Desk) -> None:
    """A reason and an expiry are not optional; each mistake has its line, and nothing is written."""
    text = (desk.folder / "ihacpa.toml").read_text()
    desk.write("ihacpa.toml", text + '\n[[processor.package-review.suppress]]\nid = "X-1"\nreason = " "\n')
    before = desk.workbook.read_bytes()

    done = desk.run(expect=ExitCode.USAGE)

    assert "suppress[2].reason: expected a reason" in done.stderr
    assert "suppress[2].expires: expected a date, found nothing" in done.stderr
    assert desk.workbook.read_bytes() == before


def test_the_settings_of_a_run_repeat_it(desk: Desk) -> None:
    """`settings.toml` holds the suppressions, dates and all, and can be used as it is."""
    (latest, *_) = sorted((desk.folder / ".ihacpa" / "book.xlsx" / "runs").iterdir(), reverse=True)

    done = desk.run("--config", str(latest / "settings.toml"), "-o", f"config_dir={desk.folder}", "-q", "--start-fresh")

    assert done.exit_code == ExitCode.INCOMPLETE
    assert str(desk.rows()["held"]["W"]).startswith("UPDATE - 1.0 to 3.0")


def test_an_interrupted_run_with_suppressions_goes_on(desk: Desk) -> None:
    """Dates in the settings are text in the journal; that is no difference that asks for a decision."""
    with LoopbackIndex(dict.fromkeys(NAMES, VERSIONS), latency=0.4) as slow:
        typed = ("-o", f"source.pypi.url={slow.url}", "-o", "source.pypi.cache=other.sqlite", "--concurrency", "1")
        process = desk.start("-q", "--start-fresh", *typed)
        wait_until(lambda: len(slow.requests) > 2 or process.poll() is not None, what="some look-ups")
        process.terminate()
        process.communicate()
        again = json.loads(desk.run("--json", *typed, expect=ExitCode.INCOMPLETE).stdout)

    assert process.returncode == ExitCode.TERMINATED
    assert again["resumed"] is True and again["metrics"]["resumed"] >= 1


def test_an_openvex_document_suppresses(desk: Desk) -> None:
    """A vendor's statement does what a suppression of the settings does, until the day that the settings give it."""
    statement = {
        "vulnerability": {"name": "CVE-2026-3"},
        "products": [{"@id": "pkg:pypi/clean@1.0"}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_present",
    }
    desk.write("vendor.json", json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [statement]}))
    text = (desk.folder / "ihacpa.toml").read_text()
    vex = '\n[[processor.package-review.vex]]\nfile = "vendor.json"\nexpires = 2099-01-31\n'
    desk.write("ihacpa.toml", text + vex)

    desk.run("-q")

    assert str(desk.rows()["clean"]["W"]).endswith(
        "1 suppressed: CVE-2026-3 (vulnerable_code_not_present, says vendor.json, until 2099-01-31)"
    )


# --- report -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "csv", "md", "sarif", "cyclonedx"])
def test_a_report_is_the_same_whenever_it_is_made(reviewed: Desk, kind: str) -> None:
    """Twice the same bytes, on standard output and in a file, and nothing else in the folder changes."""
    before = {path: path.stat().st_mtime_ns for path in reviewed.folder.rglob("*") if path.is_file()}

    printed = reviewed.run("report", "--format", kind, expect=ExitCode.OK).stdout
    reviewed.run("report", "latest", "--format", kind, "-o", "out.txt", expect=ExitCode.OK)

    written = reviewed.folder / "out.txt"
    assert written.read_text(encoding="utf-8") == printed != ""
    written.unlink()
    assert {path: path.stat().st_mtime_ns for path in reviewed.folder.rglob("*") if path.is_file()} == before


def test_the_name_of_the_file_says_the_format(desk: Desk) -> None:
    """`-o` and `--output` mean the same; the ending decides, `--format` overrules it."""
    desk.run("report", "-o", "a.sarif", expect=ExitCode.OK)
    desk.run("report", "--output", "b.cdx.json", expect=ExitCode.OK)
    desk.run("report", "-o", "c.json", "--format", "csv", expect=ExitCode.OK)

    assert json.loads((desk.folder / "a.sarif").read_text())["version"] == "2.1.0"
    assert json.loads((desk.folder / "b.cdx.json").read_text())["bomFormat"] == "CycloneDX"
    assert (desk.folder / "c.json").read_text().startswith("row,package,installed")


def test_a_report_never_replaces_a_workbook(desk: Desk) -> None:
    """Neither the reviewed one nor another."""
    before = desk.workbook.read_bytes()

    for name in ("book.xlsx", "other.xlsm"):
        done = desk.run("report", "-o", name, expect=ExitCode.USAGE)
        assert "is a workbook" in done.stderr

    assert desk.workbook.read_bytes() == before


def test_a_report_of_an_earlier_run(reviewed: Desk) -> None:
    """By a word or an id: what was true then, not what the sheet says now."""
    before = json.loads(reviewed.run("report", "previous", "--format", "json", expect=ExitCode.OK).stdout)
    again = reviewed.run("report", before["run"]["id"], "book.xlsx", "--format", "json", expect=ExitCode.OK).stdout

    assert before["packages"][0]["version"] == "1.0" and before["summary"]["suppressed"] == 1
    assert json.loads(again) == before


def test_a_report_of_some_rows_says_so(desk: Desk) -> None:
    """A run over some rows has a report of those; `all` has the newest result of every row."""
    desk.run("--packages", "clean", "-q")

    part = desk.run("report", "--format", "csv", expect=ExitCode.OK)
    whole = desk.run("report", "all", "--format", "csv", expect=ExitCode.OK)

    assert "was about 1 rows only" in part.stderr
    assert [line["package"] for line in csv.DictReader(io.StringIO(part.stdout))] == ["clean"]
    assert len(list(csv.DictReader(io.StringIO(whole.stdout)))) == len(ROWS)


def test_no_run_is_no_report(tmp_path: Path) -> None:
    """Before the first run the error says what starts one."""
    desk = Desk(tmp_path / "desk", "http://127.0.0.1:9")
    desk.list_packages(ROWS)

    done = desk.run("report", expect=ExitCode.USAGE)

    assert "there was no run on book.xlsx yet" in done.stderr and "ihacpa book.xlsx" in done.stderr
    assert not (desk.folder / ".ihacpa").exists()


# --- diff -------------------------------------------------------------------------------------------------------------


def test_what_changed_between_two_runs(reviewed: Desk) -> None:
    """A finding that an update mended is fixed, one that the advisories brought is new; the exit code is 0."""
    done = reviewed.run("diff", "previous", "latest", expect=ExitCode.OK)
    told = json.loads(reviewed.run("diff", "--format", "json", expect=ExitCode.OK).stdout)

    assert "1 new finding\n  clean 1.0  CVE-2026-3 (UNKNOWN): a new advisory" in done.stdout
    assert "1 fixed finding\n  hit 1.0 → 2.0  CVE-2024-1 (HIGH 7.5): outside [0, 2.0)" in done.stdout
    assert told["summary"] == {"new": 1, "worse": 0, "better": 0, "fixed": 1, "unknown": 0}


def test_the_other_way_round(reviewed: Desk) -> None:
    """The order of the runs is that of the words."""
    told = json.loads(reviewed.run("diff", "latest", "previous", "--json", expect=ExitCode.OK).stdout)

    assert told["summary"] == {"new": 1, "worse": 0, "better": 0, "fixed": 1, "unknown": 0}
    assert told["before"]["started"] > told["after"]["started"]


def test_a_source_that_failed_mends_nothing(desk: Desk) -> None:
    """Without the advisories the findings are unknown, not fixed."""
    (desk.folder / "advisories.sqlite").unlink()
    desk.run("-q", expect=ExitCode.INCOMPLETE)

    told = json.loads(desk.run("diff", "--json", expect=ExitCode.OK).stdout)

    assert told["summary"]["fixed"] == 0 and told["summary"]["unknown"] == 2


# --- explain ----------------------------------------------------------------------------------------------------------


def test_a_package_of_the_run_is_explained(reviewed: Desk, index: LoopbackIndex) -> None:
    """Rule, findings with their reasons, what is suppressed, sources and their dates; nobody is asked."""
    asked = dict(index.requests)

    text = reviewed.run("explain", "HELD", expect=ExitCode.OK).stdout

    assert text.startswith("held 1.0: UPDATE - 1.0 to 3.0")
    assert "row 5 of book.xlsx, run " in text
    assert "3 of 8 does not hold: a record affects the installed version" in text
    assert "6 of 8 holds: there is a newer release" in text
    assert "CVE-2024-2 (UNKNOWN): affects it: range [0, 2.0)" in text
    assert "suppressed by settings until 2099-12-31: the parser is not called; it does not count" in text
    assert "also GHSA-aaaa-aaaa-0002, PYSEC-2024-2" in text
    assert "osv        ok, " in text and "complete for GHSA, MAL, PYSEC" in text
    assert dict(index.requests) == asked


def test_a_package_in_several_rows_is_explained_for_each(reviewed: Desk) -> None:
    """Both rows of it; with a version, the one that has it."""
    both = json.loads(reviewed.run("explain", "hit", "--json", expect=ExitCode.OK).stdout)["packages"]
    one = json.loads(reviewed.run("explain", "hit==3.0", "--json", expect=ExitCode.OK).stdout)["packages"]

    assert [(each["version"], each["origin"]["row"]) for each in both] == [("2.0", 4), ("3.0", 8)]
    assert [(each["version"], each["origin"]["row"]) for each in one] == [("3.0", 8)]


def test_a_version_that_no_run_has_is_reviewed_on_the_spot(reviewed: Desk, index: LoopbackIndex) -> None:
    """From the local advisories and what is remembered of the index, without asking anybody."""
    asked = dict(index.requests)

    (told,) = json.loads(reviewed.run("explain", "hit==1.5", "--json", expect=ExitCode.OK).stdout)["packages"]

    assert told["origin"] == {
        "run": None, "row": None, "told": "reviewed on the spot, from what is stored on this machine"
    }  # fmt: skip
    assert told["recommendation"]["rule"] == {
        "name": "affected", "number": 3, "meaning": "a record affects the installed version"
    }  # fmt: skip
    assert told["findings"][0]["why"] == "range [0, 2.0)" and told["clean_version"] == "2.0"
    assert told["release"]["latest"] == "3.0" and told["unchecked"] == []
    assert dict(index.requests) == asked


def test_what_nobody_knows_is_told_as_such(reviewed: Desk) -> None:
    """A package that is in no run needs a version; one that is nowhere was not checked, and that is said."""
    done = reviewed.run("explain", "nowhere", expect=ExitCode.USAGE)
    told = reviewed.run("explain", "nowhere==1.0", expect=ExitCode.OK).stdout

    assert "ihacpa explain nowhere==1.2.3" in done.stderr
    assert "no record of this package, as far as was checked" in told
    assert "not checked\n  pypi: offline and not cached" in told


def test_explaining_needs_no_workbook(tmp_path: Path, reviewed: Desk) -> None:
    """With a version the advisories are enough."""
    desk = Desk(tmp_path / "desk", "http://127.0.0.1:9")
    shutil.copy(reviewed.folder / "advisories.sqlite", desk.folder)

    assert "CVE-2024-1" in desk.run("explain", "hit==1.0", expect=ExitCode.OK).stdout


# --- format -----------------------------------------------------------------------------------------------------------


def repaint(desk: Desk) -> None:
    """What a person may do: paint a cell, take a colour away, write another text, paint cells of their own."""
    book = load_workbook(desk.workbook)
    sheet = book.active
    assert sheet is not None
    sheet["W4"].fill = PatternFill("solid", fgColor="FF00FF00")
    sheet["P5"].fill = PatternFill()
    sheet["M6"].value = "SAFE - 1 known, 1.0 not affected"
    sheet["F6"].font = Font(color="FF000000")
    sheet["N4"].fill = PatternFill("solid", fgColor="FFFFFF00")
    sheet["T4"].value = "asked Maria"
    sheet["T4"].fill = PatternFill("solid", fgColor="FFFFFF00")
    sheet["A4"].fill = PatternFill("solid", fgColor="FFFFFF00")
    book.save(desk.workbook)


def test_a_reviewed_sheet_is_clean(reviewed: Desk) -> None:
    """What the review wrote has the colours of its texts."""
    done = reviewed.run("format", "check", expect=ExitCode.OK)

    assert done.stdout == "book.xlsx, sheet Sheet: 0 cells whose colour does not match the text\n"


def test_cells_of_another_colour_are_found(desk: Desk) -> None:
    """Each with its place, what it is and what it should be; a person's own cells are nobody's business."""
    repaint(desk)
    before = desk.workbook.read_bytes()

    done = desk.run("format", "check", expect=ExitCode.FAIL_ON)
    told = json.loads(desk.run("format", "check", "book.xlsx", "--json", expect=ExitCode.FAIL_ON).stdout)

    assert [(cell["cell"], cell["found"], cell["expected"]) for cell in told["cells"]] == [
        ("W4", None, "warn"), ("P5", None, "bad"), ("F6", None, "warn"), ("M6", "bad", "good")
    ]  # fmt: skip
    assert "M6     is red, should be green: SAFE - 1 known, 1.0 not affected" in done.stdout
    assert "4 cells whose colour does not match the text" in done.stdout
    assert desk.workbook.read_bytes() == before


def test_cells_are_mended_in_one_save(desk: Desk) -> None:
    """Colours are right, every text and every other cell is as it was, and a backup holds the sheet of before."""
    repaint(desk)
    before, bytes_before = desk.looks(), desk.workbook.read_bytes()

    told = json.loads(desk.run("format", "fix", "--json", expect=ExitCode.OK).stdout)

    assert told["fixed"] is True and len(told["cells"]) == 4
    assert Path(told["backup"]).read_bytes() == bytes_before
    desk.run("format", "check", expect=ExitCode.OK)
    mended = {cell["cell"] for cell in told["cells"]}
    after = desk.looks()
    assert after[4]["W"].wrap == before[4]["W"].wrap and after[4]["W"].border == before[4]["W"].border
    for number, row in before.items():
        for letter, look in row.items():
            kept = after[number][letter]
            assert (kept.value, kept.kind) == (look.value, look.kind)
            assert kept == look or f"{letter}{number}" in mended
    assert desk.run("format", "fix", expect=ExitCode.OK).stdout == "book.xlsx, sheet Sheet: 0 cells mended\n"


def test_a_second_review_after_mending_changes_nothing(desk: Desk) -> None:
    """Mended colours are those that a run would write."""
    repaint(desk)
    book = load_workbook(desk.workbook)
    book.active["M6"] = desk.rows()["clean"]["P"].replace("CVE-2026-3", "GHSA-aaaa-aaaa-0003")
    book.active["T4"] = "NOT CHECKED - not configured"
    book.save(desk.workbook)
    desk.run("format", "fix", expect=ExitCode.OK)
    before = desk.workbook.read_bytes()

    desk.run("-q")

    assert desk.workbook.read_bytes() == before


def test_a_sheet_that_was_not_reviewed_is_left_alone(tmp_path: Path) -> None:
    """A person's own words have any colour they like."""
    desk = Desk(tmp_path / "desk", "http://127.0.0.1:9")
    desk.list_packages(ROWS)
    book = load_workbook(desk.workbook)
    for letter, text in {"F": "2.0", "I": "Python >=3.8", "M": "No published security advisories", "W": "WAIT"}.items():
        book.active[f"{letter}4"] = text
    book.save(desk.workbook)

    desk.run("format", "check", expect=ExitCode.OK)
