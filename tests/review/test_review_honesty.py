"""What could not be looked up is never called safe: the index, the advisories and the rows at their worst."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from review_desk import INDEX_COLUMNS, RESULT_COLUMNS, Desk, says_all_is_well, style

from ihacpa_core.errors import ExitCode
from ihacpa_core.records import CellStyle
from ihacpa_core.testing.index import LoopbackIndex
from tests.plugins.osv_sets import as_folder, record

PACKAGES = {"hit": ["1.0", "2.0"], "clean": ["1.0", "1.1"], "fixed": ["1.0", "3.0"], "Dotted.Name": ["1.0"]}
ROWS = [("hit", "1.0"), ("clean", "1.0"), ("fixed", "3.0"), ("dotted_name", "1.0")]
ADVISORIES = [
    record("PYSEC-2024-1", "hit", ["introduced 0", "fixed 2.0"], aliases=["CVE-2024-1", "GHSA-aaaa-aaaa-0001"]),
    record("PYSEC-2024-2", "fixed", ["introduced 0", "fixed 2.0"], aliases=["CVE-2024-2", "GHSA-aaaa-aaaa-0002"]),
]
FAULTS = {  # what the index does, and what the cells say about it
    429: "the index answered 429",
    500: "the index answered 500",
    403: "the index answered 403",
    "loop": "the index redirects more than 5 times",
    "redirect-away": "the index redirects to http://elsewhere.invalid, which is not followed",
    "wrong-json": "the index's answer is no JSON",
    "wrong-shape": "the index's answer has an unknown shape",
    "truncated": "broke",
    "drop": "broke",
    "slow": "no answer from 127.0.0.1",
    "empty": "the index's answer is empty",
}
FOR_ALL = (429, 500, "redirect-away", "wrong-json", "truncated", "slow", "empty")


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex(PACKAGES) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path, index: LoopbackIndex, advisories: Path) -> Desk:
    """Four packages, a complete set of advisories, an index that works."""
    made = Desk(tmp_path / "desk", index.url, timeout="0.3s")
    made.list_packages(ROWS)
    (made.folder / "advisories.sqlite").write_bytes(advisories.read_bytes())
    return made


@pytest.fixture(scope="module")
def advisories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The advisory database that was made from a complete set."""
    folder = tmp_path_factory.mktemp("advisories")
    importer = Desk(folder, "http://127.0.0.1:9")
    importer.advise(as_folder(folder / "records", ADVISORIES))
    return folder / "advisories.sqlite"


# --- the index --------------------------------------------------------------------------------------------------------


def test_when_all_is_well(desk: Desk) -> None:
    """The yardstick: each row has facts, results and links, and the exit code is 0."""
    desk.run(expect=ExitCode.OK)

    rows = desk.rows()
    assert [rows[name]["W"] for name, _ in ROWS] == [
        "SECURITY RISK - 1 affect 1.0, worst UNKNOWN, update to 2.0",
        "UPDATE - 1.0 to 1.1 of 2019-05-15",
        "PROCEED",
        "PROCEED",
    ]
    assert rows["fixed"]["M"] == rows["fixed"]["P"] == "SAFE - 1 known, 3.0 not affected"
    assert [rows["dotted_name"][letter] for letter in "DFGKLMOQSU"] == [
        "https://pypi.org/project/dotted-name/1.0/",
        "1.0",
        "https://pypi.org/project/dotted-name/1.0/",
        "https://github.com/made-up/dotted-name",
        "https://github.com/made-up/dotted-name/security/advisories",
        "None found",
        "https://nvd.nist.gov/vuln/search/results?query=dotted-name",
        "https://www.cve.org/CVERecord/SearchResults?query=dotted-name",
        "https://security.snyk.io/package/pip/dotted-name",
        "https://www.exploit-db.com/search?q=dotted-name",
    ]
    linked = [look for row in desk.looks().values() for letter, look in row.items() if letter in "DGKLOQSU"]
    assert [look.link for look in linked] == [look.value for look in linked]


@pytest.mark.parametrize("fault", FOR_ALL, ids=str)
def test_an_index_that_fails_for_every_row(desk: Desk, index: LoopbackIndex, fault: str | int) -> None:
    """Each cell of the index's says why it is not filled, the recommendation says so too, and the exit code is 3."""
    for name in PACKAGES:
        index.fail(name, fault, retry_after="0" if fault == 429 else None)

    result = desk.run(expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    cells = [rows[name][letter] for name, _ in ROWS for letter in INDEX_COLUMNS]
    assert [text for text in cells if not (text.startswith("NOT CHECKED - pypi: ") and FAULTS[fault] in text)] == []
    assert_the_advisories_still_speak(desk)
    assert "Traceback" not in result.stderr
    assert "4 not fully checked" in result.stdout
    assert "--only-failed" in result.stdout


def test_an_index_that_nobody_answers_for(desk: Desk) -> None:
    """A refused connection is told as such, for every row, in seconds."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"  # bound, and nobody listens
        desk.run("-o", f"source.pypi.url={url}", expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    assert all(rows[name]["F"].startswith("NOT CHECKED - pypi: no connection to 127.0.0.1") for name, _ in ROWS)
    assert_the_advisories_still_speak(desk)


def assert_the_advisories_still_speak(desk: Desk) -> None:
    """Without an index: findings are told, what has none is no reason to proceed, and the links are there."""
    looks = {row["B"].value: row for row in desk.looks().values()}
    said = {name: row["W"].value for name, row in looks.items()}
    assert said["hit"].startswith("SECURITY RISK - 1 affect 1.0, worst UNKNOWN, update to 2.0, not checked: pypi (")
    assert all(said[name].startswith("MANUAL REVIEW - not checked: pypi (") for name in said if name != "hit")
    assert [looks["hit"][letter].value.split(" - ")[0] for letter in RESULT_COLUMNS] == ["VULNERABLE"] * 3
    assert [looks[name]["P"].value.split(" - ")[0] for name in ("clean", "fixed")] == ["None found", "SAFE"]
    assert {style(row["F"]) for row in looks.values()} == {CellStyle.WARN}
    assert looks["clean"]["O"].link == "https://nvd.nist.gov/vuln/search/results?query=clean"


def test_an_index_that_fails_for_single_rows(tmp_path: Path, advisories: Path) -> None:
    """Each fault costs its own row and no other: the rows around it are what they are without it."""
    names = {f"bad-{number}": fault for number, fault in enumerate(FAULTS)}
    packages = {name: ["1.0", "1.1"] for name in [*names, *(f"good-{number}" for number in range(len(names)))]}
    with LoopbackIndex(packages) as index:
        for name, fault in names.items():
            index.fail(name, fault)
        desk = Desk(tmp_path / "desk", index.url, timeout="0.5s")
        (desk.folder / "advisories.sqlite").write_bytes(advisories.read_bytes())
        desk.list_packages([(name, "1.0") for pair in zip(list(names), list(packages)[len(names):], strict=True)
                            for name in pair])  # fmt: skip
        desk.run(expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    good = [row for name, row in rows.items() if name.startswith("good")]
    assert {(row["F"], row["E"], row["P"], row["W"]) for row in good} == {
        ("1.1", datetime(2019, 3, 1), "None found", "UPDATE - 1.0 to 1.1 of 2019-05-15")
    }
    for name, fault in names.items():
        assert FAULTS[fault] in rows[name]["F"]
        assert FAULTS[fault] in rows[name]["W"]


def test_an_index_that_knows_nothing(desk: Desk, index: LoopbackIndex) -> None:
    """404 is an answer: the package is not there, which is for a person to look at, and nothing is left unasked."""
    for name in PACKAGES:
        index.fail(name, 404)

    desk.run(expect=ExitCode.OK)

    rows = desk.rows()
    assert {row[letter] for row in rows.values() for letter in INDEX_COLUMNS} == {"Not Available"}
    assert [rows[name]["W"] for name, _ in ROWS] == [
        "MANUAL REVIEW - hit is not on the index; 1 affect it, worst UNKNOWN",
        "MANUAL REVIEW - clean is not on the index",
        "MANUAL REVIEW - fixed is not on the index",
        "MANUAL REVIEW - dotted_name is not on the index",
    ]


def test_a_redirect_on_the_same_host_is_followed(desk: Desk, index: LoopbackIndex) -> None:
    """An index that moved its documents is read where they are now."""
    index.fail("clean", "redirect")

    desk.run(expect=ExitCode.OK)

    assert desk.rows()["clean"]["F"] == "1.1"


def test_what_may_pass_is_tried_again(tmp_path: Path, index: LoopbackIndex, advisories: Path) -> None:
    """429 with Retry-After, 500, a dropped and a cut answer: the second try fills the row."""
    index.fail("hit", 429, times=1, retry_after=1)
    index.fail("clean", 500, times=1)
    index.fail("fixed", "drop", times=1)
    index.fail("dotted-name", "truncated", times=1)
    desk = Desk(tmp_path / "desk", index.url, attempts=2)
    desk.list_packages(ROWS)
    (desk.folder / "advisories.sqlite").write_bytes(advisories.read_bytes())

    desk.run(expect=ExitCode.OK)

    assert [desk.rows()[name]["F"] for name, _ in ROWS] == ["2.0", "1.1", "3.0", "1.0"]
    assert dict(index.requests) == dict.fromkeys(("hit", "clean", "fixed", "dotted-name"), 2)


def test_only_failed_mends_what_was_not_checked(desk: Desk, index: LoopbackIndex) -> None:
    """When the index answers again, the command that the summary names asks for those rows alone."""
    index.fail("clean", 500)
    index.fail("hit", 404)
    desk.run(expect=ExitCode.INCOMPLETE)
    index.heal()
    asked = index.requests.copy()

    desk.run("--only-failed", expect=ExitCode.OK)

    rows = desk.rows()
    assert (rows["clean"]["F"], rows["clean"]["W"]) == ("1.1", "UPDATE - 1.0 to 1.1 of 2019-05-15")
    assert rows["hit"]["F"] == "Not Available"
    assert index.requests - asked == {"clean": 1}


def test_a_stale_answer_does_not_stay(desk: Desk, index: LoopbackIndex) -> None:
    """A row that was reviewed before and cannot be looked up now says so, in every cell that would be old."""
    desk.run(expect=ExitCode.OK)
    for name in PACKAGES:
        index.fail(name, 500)
    (desk.folder / "advisories.sqlite").unlink()

    desk.run("-o", "source.pypi.cache=another.sqlite", expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    assert {str(row[letter])[:11] for row in rows.values() for letter in "DEFGHIJKMPR"} == {"NOT CHECKED"}
    assert says_all_is_well(rows) == []


# --- the advisories ---------------------------------------------------------------------------------------------------


def test_no_advisories_at_all(desk: Desk) -> None:
    """Without an advisory database the index's columns are filled, and nothing is called safe."""
    (desk.folder / "advisories.sqlite").unlink()

    result = desk.run(expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    missing = "osv: no advisory database; run: ihacpa advisories update"
    assert {row[letter] for row in rows.values() for letter in RESULT_COLUMNS} == {f"NOT CHECKED - {missing}"}
    assert [rows[name]["F"] for name, _ in ROWS] == ["2.0", "1.1", "3.0", "1.0"]
    assert {row["W"] for row in rows.values()} == {
        "MANUAL REVIEW - not checked: osv (no advisory database; run: ihacpa advisories update)"
    }
    assert says_all_is_well(rows) == []
    assert "ihacpa advisories update" in result.stdout + result.stderr


@pytest.mark.parametrize("content", [b"", b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_advisories_that_cannot_be_read(desk: Desk, content: bytes) -> None:
    """A damaged advisory database is told as such, and nothing is called safe."""
    (desk.folder / "advisories.sqlite").write_bytes(content)

    result = desk.run(expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    assert all(row["P"].startswith("NOT CHECKED - osv: ") for row in rows.values())
    assert all(row["W"].startswith("MANUAL REVIEW - not checked: osv (") for row in rows.values())
    assert says_all_is_well(rows) == []
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("complete", ["", "MAL"])
def test_a_set_that_is_not_complete(desk: Desk, complete: str) -> None:
    """A set that nobody vouches for shows what it finds, and nothing that it does not find."""
    records = as_folder(desk.folder / "records", ADVISORIES)
    if not complete:
        (records / "ihacpa-set.json").write_text('{"complete_for": [], "partial": true, "date": "2026-07-01"}')
    desk.advise(records, complete or None)

    desk.run(expect=ExitCode.INCOMPLETE)

    rows = desk.rows()
    assert [rows["hit"][letter].split(" - ")[0] for letter in "MPRW"] == ["VULNERABLE"] * 3 + ["SECURITY RISK"]
    others = [rows[name] for name in ("clean", "fixed", "dotted_name")]
    assert all(row[letter].startswith("NOT CHECKED - the advisory set is") for row in others for letter in "MPR")
    assert says_all_is_well(rows) == []


def test_a_set_of_one_family_says_nothing_about_the_others(desk: Desk) -> None:
    """A set of PYSEC records never lets the column of GitHub's advisories say that there is none."""
    desk.advise(as_folder(desk.folder / "records", ADVISORIES), None)

    desk.run()

    rows = desk.rows()
    assert rows["hit"]["M"].startswith("VULNERABLE - 1 affect 1.0: GHSA-aaaa-aaaa-0001")
    assert {rows[name]["M"] for name in ("clean", "fixed", "dotted_name")} == {
        "NOT CHECKED - the advisory set is not complete for GHSA"
    }


# --- the rows ---------------------------------------------------------------------------------------------------------


def test_rows_that_cannot_be_read(tmp_path: Path, advisories: Path) -> None:
    """Odd names and versions are read or flagged, each in its own words, and none keeps another from its review."""
    rows = [
        ("hit", "NEW"), ("Hit ", "23.0."), ("hit[extra]", 1.1), ("fixed", 3), ("clean", None), ("clean", "1.0"),
        ("CLEAN", 1.0), ("no-such-package", "1.0"), ("two words", "1.0"), ("../../etc/passwd", "1.0"),
        ("fixed", datetime(2024, 3, 1)), ("clean", "not a version at all"), ("yanked", "1.0"), ("fixed", "9.9"),
        ("hit", True), ("clean", "v1.1"), ("clean", " 1.1 "),
    ]  # fmt: skip
    with LoopbackIndex({**PACKAGES, "hit": ["1.1", "1.10.0", "2.0"]}) as index:
        index.add("yanked", ["1.0", "1.1"], yanked={"1.0"})
        desk = Desk(tmp_path / "desk", index.url)
        desk.list_packages(rows)
        (desk.folder / "advisories.sqlite").write_bytes(advisories.read_bytes())
        desk.run(expect=ExitCode.INCOMPLETE)
        asked = set(index.requests)

    looks = list(desk.looks().values())
    assert [row["W"].value for row in looks] == [
        "MANUAL REVIEW - 'NEW' is not a version",
        "MANUAL REVIEW - '23.0.' is not a version",
        "SECURITY RISK - 1 affect 1.1, worst UNKNOWN, update to 2.0, 1.1 was typed as a number and may mean 1.10",
        "PROCEED",
        "MANUAL REVIEW - the version is empty",
        "UPDATE - 1.0 to 1.1 of 2019-05-15",
        "UPDATE - 1 to 1.1 of 2019-05-15",
        "MANUAL REVIEW - no-such-package is not on the index",
        "MANUAL REVIEW - 'two words' is not a package name",
        "MANUAL REVIEW - '../../etc/passwd' is not a package name",
        "MANUAL REVIEW - the version cell holds the date 2024-03-01; type the version as text",
        "MANUAL REVIEW - 'not a version at all' is not a version",
        "MANUAL REVIEW - 1.0 was yanked (made up to be broken); the latest is 1.1",
        "MANUAL REVIEW - 9.9 is not on the index; the latest is 3.0",
        "MANUAL REVIEW - the version cell holds True",
        "PROCEED",
        "PROCEED",
    ]
    assert looks[0]["P"].value == "UNCERTAIN - 1 may affect NEW (version unreadable: NEW): CVE-2024-1 (UNKNOWN)"
    assert [looks[4][letter].value for letter in "DEMPR"] == ["NOT CHECKED - the version is empty"] * 5
    assert {looks[7][letter].value for letter in INDEX_COLUMNS} == {"Not Available"}
    assert {style(looks[7][letter]) for letter in INDEX_COLUMNS} == {CellStyle.BAD}
    assert {looks[8][letter].value for letter in "DEFGHIJKMPRTV"} == {"NOT CHECKED - 'two words' is not a package name"}
    assert asked == {"hit", "fixed", "clean", "no-such-package", "yanked"}
