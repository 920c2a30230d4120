"""What the other sources add to a review, and what their silence says: nothing that is not known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from review_desk import Desk, all_looks, says_all_is_well

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.index import LoopbackIndex
from tests.plugins import feed_files
from tests.plugins.osv_sets import as_folder, record

PACKAGES = {"hit": ["1.0", "2.0"], "clean": ["1.0"], "fixed": ["1.0", "3.0"]}
ROWS = [("hit", "1.0"), ("clean", "1.0"), ("fixed", "3.0")]
HIT, OLD = "CVE-2024-1001", "CVE-2024-1002"
ADVISORIES = [
    record("PYSEC-2024-1", "hit", aliases=[HIT, "GHSA-aaaa-aaaa-0001"]),
    record("PYSEC-2024-2", "fixed", aliases=[OLD, "GHSA-aaaa-aaaa-0002"]),
]
NOT_CONFIGURED = "NOT CHECKED - not configured"
PROCEED = {"clean": "PROCEED", "fixed": "PROCEED"}


@pytest.fixture(scope="module")
def advisories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a complete set of advisories and nothing else."""
    folder = tmp_path_factory.mktemp("advisories")
    Desk(folder, "http://127.0.0.1:9").advise(as_folder(folder / "records", ADVISORIES))
    return folder / "advisories.sqlite"


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex(PACKAGES) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, index: LoopbackIndex, advisories: Path) -> Desk:
    made = Desk(tmp_path / "desk", index.url)
    made.list_packages(ROWS)
    (made.folder / "advisories.sqlite").write_bytes(advisories.read_bytes())
    return made


def asking(desk: Desk, *sources: str) -> list[str]:
    """The options that select sources beside index and advisories."""
    return ["-o", f"processor.package-review.sources={json.dumps(['pypi', 'osv', *sources])}"]


def recommendations(desk: Desk) -> dict[str, str]:
    return {name: row["W"] for name, row in desk.rows().items()}


# --- known exploited, chances, public exploits ------------------------------------------------------------------------


def test_without_their_data_the_review_is_what_it_was(desk: Desk) -> None:
    """Data that was never brought in counts for nothing: it is told once, in the column, and in no recommendation."""
    result = desk.run(expect=ExitCode.OK)

    assert {row["V"] for row in desk.rows().values()} == {NOT_CONFIGURED}
    assert recommendations(desk) == {"hit": "SECURITY RISK - 1 affect 1.0, worst UNKNOWN, update to 2.0", **PROCEED}
    for name in ("kev", "epss", "exploitdb"):
        assert result.stderr.count(f"{name} has no data; run: ihacpa advisories update {name}") == 1


def test_with_their_data_a_finding_says_how_urgent_it_is(desk: Desk) -> None:
    """Exploitation stands beside the rating and in the recommendation; exploits have a column of their own."""
    feed_files.bring_in_feeds(desk.folder, desk.folder / "advisories.sqlite", HIT, OLD)

    desk.run(expect=ExitCode.OK)

    rows = desk.rows()
    signs = "UNKNOWN, known exploited, exploit public, EPSS 0.94"
    assert rows["hit"]["M"] == f"VULNERABLE - 1 affect 1.0: GHSA-aaaa-aaaa-0001 ({signs}); fixed in 2.0"
    assert rows["hit"]["P"] == rows["hit"]["R"] == f"VULNERABLE - 1 affect 1.0: {HIT} ({signs}); fixed in 2.0"
    assert {name: row["V"] for name, row in rows.items()} == {
        "hit": f"VULNERABLE - 1 affect 1.0: {HIT} (EDB-50331); fixed in 2.0",
        "clean": "None found",
        "fixed": "SAFE - 1 known, 3.0 not affected",
    }
    assert recommendations(desk) == {
        "hit": "SECURITY RISK - 1 affect 1.0, worst UNKNOWN, known exploited, exploit public, EPSS 0.94, update to 2.0",
        **PROCEED,
    }


def test_a_second_run_changes_no_cell(desk: Desk) -> None:
    """With the same data a finished sheet stays as it is, cell by cell."""
    feed_files.bring_in_feeds(desk.folder, desk.folder / "advisories.sqlite", HIT, OLD)
    desk.run(expect=ExitCode.OK)
    before = all_looks(desk.workbook)

    desk.run("--start-fresh", expect=ExitCode.OK)

    assert all_looks(desk.workbook) == before


@pytest.mark.parametrize("name", ["kev", "epss", "exploitdb"])
def test_data_that_is_damaged_is_not_checked(desk: Desk, name: str) -> None:
    """Data that is there and cannot be read counts: no row is called good, and the exit code says so."""
    (desk.folder / "torn.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)

    desk.run("-o", f"source.{name}.database=torn.sqlite", expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    assert all(f"not checked: {name} (" in row["W"] for row in rows.values())
    assert rows["hit"]["W"].startswith("SECURITY RISK - 1 affect 1.0")
    assert [row["P"].split(" - ")[0] for row in rows.values()] == ["VULNERABLE", "None found", "SAFE"]
    if name == "exploitdb":
        assert all(row["V"].startswith("NOT CHECKED - exploitdb: ") for row in rows.values())


def test_exploits_are_not_called_none_without_advisories(desk: Desk) -> None:
    """Exploits are found through the flaws: with a sample of these, no row has "no exploit"."""
    records = as_folder(desk.folder / "records", ADVISORIES)
    (records / "ihacpa-set.json").write_text('{"complete_for": [], "partial": true}')
    desk.advise(records, None)
    feed_files.bring_in_feeds(desk.folder, desk.folder / "advisories.sqlite", HIT)

    desk.run(expect=ExitCode.INCOMPLETE)

    assert says_all_is_well(desk.rows()) == []


# --- Snyk -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def snyk(desk: Desk, index: LoopbackIndex) -> list[str]:
    """The options that ask Snyk, as it is played here: it knows the flaw of `hit` and one more."""
    more = feed_files.snyk_issue("SNYK-PYTHON-HIT-2", "[,1.5)", problems=[])
    known = feed_files.snyk_issue("SNYK-PYTHON-HIT-1", "[,2.0)", problems=[{"id": HIT}])
    issues = {("hit", "1.0"): [known, more], ("clean", "1.0"): [], ("fixed", "3.0"): []}
    feed_files.serve_snyk(index, issues)
    desk.write("token.txt", "s3cr3t")
    return [
        *asking(desk, "snyk"),
        *("-o", f"source.snyk.url={index.url}", "-o", "source.snyk.organization=me", "-o", "source.snyk.attempts=1"),
        *("-o", "source.snyk.token=file:token.txt", "-o", "source.snyk.timeout=0.3s"),
    ]


def test_snyk_has_its_own_column(desk: Desk, snyk: list[str]) -> None:
    """Snyk's findings stand in its column and count, merged with what others found of the same flaw."""
    desk.run(*snyk, expect=ExitCode.OK)

    rows = desk.rows()
    assert rows["hit"]["T"] == (
        f"VULNERABLE - 2 affect 1.0: {HIT} (MEDIUM 5.9), SNYK-PYTHON-HIT-2 (MEDIUM 5.9); fixed in 2.0"
    )
    assert [rows[name]["T"] for name in ("clean", "fixed")] == ["None found", "None found"]
    assert rows["hit"]["W"] == "SECURITY RISK - 2 affect 1.0, worst MEDIUM 5.9, update to 2.0"
    assert rows["fixed"]["P"] == "SAFE - 1 known, 3.0 not affected"


def test_no_token_is_left_anywhere(desk: Desk, snyk: list[str]) -> None:
    """After a run the token stands in no log, no journal, no settings that were kept, and not in the workbook."""
    result = desk.run(*snyk, "-v", expect=ExitCode.OK)

    (desk.folder / "token.txt").unlink()
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"s3cr3t" in path.read_bytes()] == []
    assert "s3cr3t" not in result.stdout + result.stderr


def test_snyk_without_a_token_is_not_configured(desk: Desk) -> None:
    """Selected without a token, Snyk is not asked, and counts for nothing."""
    desk.run(*asking(desk, "snyk"), expect=ExitCode.OK)

    assert {row["T"] for row in desk.rows().values()} == {NOT_CONFIGURED}
    assert recommendations(desk)["clean"] == "PROCEED"


ONLINE_FAULTS: Mapping[str | int, str] = {
    404: "{} knows no such package",
    429: "{} answered 429",
    500: "{} answered 500",
    "redirect-away": "which is not followed",
    "wrong-json": "{}'s answer is no JSON",
    "wrong-shape": "{}'s answer has an unknown shape",
    "truncated": "broke",
    "slow": "no answer from 127.0.0.1",
    "empty": "{}'s answer is empty",
}


def test_snyk_that_fails(desk: Desk, index: LoopbackIndex, snyk: list[str]) -> None:
    """Its column says why, the recommendation says what was not checked, and every other column is as it was."""
    faults = {f"bad-{number}": fault for number, fault in enumerate(ONLINE_FAULTS)}
    feed_files.serve_snyk(index, {(name, "1.0"): [] for name in faults})
    for name, fault in faults.items():
        index.add(name, ["1.0"])
        index.fail(feed_files.snyk_path(name, "1.0"), fault, retry_after=0 if fault == 429 else None)
    desk.list_packages([*ROWS, *((name, "1.0") for name in faults)])

    desk.run(*snyk, expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    for name, fault in faults.items():
        told = ONLINE_FAULTS[fault].format("Snyk")
        assert rows[name]["T"].startswith("NOT CHECKED - snyk: ")
        assert rows[name]["W"].startswith("MANUAL REVIEW - not checked: snyk (")
        assert told in rows[name]["T"]
        assert told in rows[name]["W"]
        assert {rows[name][letter] for letter in "MPR"} == {"None found"}
    assert {name: rows[name]["W"] for name in PROCEED} == PROCEED


# --- NVD --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def nvd(desk: Desk, index: LoopbackIndex) -> list[str]:
    feed_files.serve_nvd(index, {HIT: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"})
    url = ("-o", f"source.nvd.url={index.url}", "-o", "source.nvd.attempts=1", "-o", "source.nvd.timeout=0.3s")
    return [*asking(desk, "nvd"), *url]


def test_nvd_rates_what_nobody_rated(desk: Desk, index: LoopbackIndex, nvd: list[str]) -> None:
    """A rating from NVD fills the gap, in the cells and in the recommendation; only that CVE is asked about."""
    desk.run(*nvd, expect=ExitCode.OK)

    rows = desk.rows()
    assert rows["hit"]["P"] == f"VULNERABLE - 1 affect 1.0: {HIT} (CRITICAL 9.8); fixed in 2.0"
    assert rows["hit"]["W"] == "SECURITY RISK - 1 affect 1.0, worst CRITICAL 9.8, update to 2.0"
    assert [path for path in index.requests if "cves" in path] == [f"/rest/json/cves/2.0?cveId={HIT}"]


@pytest.mark.parametrize("fault", [429, "wrong-json", "slow"], ids=str)
def test_nvd_that_fails(desk: Desk, index: LoopbackIndex, nvd: list[str], fault: str | int) -> None:
    """The finding stands, its column and the recommendation say what was not asked; other rows are as they were."""
    index.fail(f"/rest/json/cves/2.0?cveId={HIT}", fault, retry_after=0 if fault == 429 else None)

    desk.run(*nvd, expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    told = ONLINE_FAULTS[fault].format("NVD")
    assert rows["hit"]["P"].startswith(f"VULNERABLE - 1 affect 1.0: {HIT} (UNKNOWN); fixed in 2.0; not checked: nvd (")
    assert told in rows["hit"]["P"]
    assert "not checked: nvd (" in rows["hit"]["W"]
    assert [rows[name]["P"] for name in ("clean", "fixed")] == ["None found", "SAFE - 1 known, 3.0 not affected"]
    assert {name: rows[name]["W"] for name in PROCEED} == PROCEED


# --- OSV online -------------------------------------------------------------------------------------------------------


@pytest.fixture
def online(desk: Desk, index: LoopbackIndex) -> list[str]:
    """No local copy, and OSV played here."""
    (desk.folder / "advisories.sqlite").unlink()
    feed_files.serve_osv(index, ADVISORIES)
    return [
        *asking(desk),
        *("-o", f"source.osv.api={index.url}", "-o", "source.osv.online=true"),
        *("-o", "source.osv.attempts=1", "-o", "source.osv.timeout=0.3s"),
    ]


def test_without_a_local_copy_osv_is_asked(desk: Desk, online: list[str]) -> None:
    """A review without a database says the same as one with it."""
    result = desk.run(*online, expect=ExitCode.OK)

    rows = desk.rows()
    assert [row["P"].split(" - ")[0] for row in rows.values()] == ["VULNERABLE", "None found", "SAFE"]
    assert recommendations(desk) == {"hit": "SECURITY RISK - 1 affect 1.0, worst UNKNOWN, update to 2.0", **PROCEED}
    assert "is asked about each package" in result.stderr


@pytest.mark.parametrize("fault", [404, 500, "truncated", "wrong-shape"], ids=str)
def test_osv_that_fails(desk: Desk, index: LoopbackIndex, online: list[str], fault: str | int) -> None:
    """Nothing is called safe, each column says why, the index's columns are filled, and the exit code is 3."""
    index.fail("/v1/querybatch", fault, retry_after=0 if fault == 429 else None)

    desk.run(*online, expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    told = "OSV answered 404" if fault == 404 else ONLINE_FAULTS[fault].format("OSV")
    for row in rows.values():
        assert {row[letter] for letter in "MPR"} == {row["P"]}
        assert row["P"].startswith("NOT CHECKED - osv: no advisory database, and ")
        assert told in row["P"]
        assert row["W"].startswith("MANUAL REVIEW - not checked: osv (")
    assert [row["F"] for row in rows.values()] == ["2.0", "1.0", "3.0"]
    assert says_all_is_well(rows) == []


def test_a_record_that_osv_cannot_give_costs_its_package_alone(
    desk: Desk, index: LoopbackIndex, online: list[str]
) -> None:
    """Without one record its package is not checked; the other rows are."""
    index.fail("/v1/vulns/PYSEC-2024-2", 500)

    desk.run(*online, expect=ExitCode.INCOMPLETE)

    texts: dict[str, Any] = {name: row["P"].split(" - ")[0] for name, row in desk.rows().items()}
    assert texts == {"hit": "VULNERABLE", "clean": "None found", "fixed": "NOT CHECKED"}
