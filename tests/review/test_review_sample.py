"""The example workbook with the project's own sample of advisories, which is partial."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator

import pytest
from review_desk import EXAMPLES, RESULT_COLUMNS, Desk, says_all_is_well

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.index import LoopbackIndex
from ihacpa_core.testing.index_facts import made_up_versions

STRANGE = {"httpx", "packaging", "acme-internal-billing-client"}
"""The rows whose version is none, and the one that no public index knows."""


@pytest.fixture(scope="module")
def index() -> Iterator[LoopbackIndex]:
    with (EXAMPLES / "packages-40.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["package"]: row["version"] for row in csv.DictReader(file)}
    packages = {name: made_up_versions(name, version) for name, version in listed.items() if name not in STRANGE}
    with LoopbackIndex({**packages, "httpx": ["0.27.0"], "packaging": ["23.0", "24.0"]}) as running:
        yield running


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, index: LoopbackIndex) -> Desk:
    made = Desk(tmp_path_factory.mktemp("sample"), index.url)
    made.take(EXAMPLES / "packages.xlsx")
    made.advise(EXAMPLES / "advisories", None)
    made.run(expect=ExitCode.INCOMPLETE)
    return made


def test_the_sample_shows_risks_and_never_safety(desk: Desk) -> None:
    """Some rows are at risk, some are for a person, and none is called safe: the sample does not know all."""
    rows = desk.rows()
    words = Counter(str(row["W"]).split(" - ")[0] for row in rows.values())

    assert len(rows) == 40
    assert words["SECURITY RISK"] >= 5
    assert words["MANUAL REVIEW"] >= 5
    assert words["UPDATE"] >= 1
    assert says_all_is_well(rows) == []
    heads = {str(row[letter]).split(" - ")[0] for row in rows.values() for letter in RESULT_COLUMNS}
    assert heads <= {"VULNERABLE", "NOT CHECKED", "UNCERTAIN"}


def test_an_update_says_that_flaws_were_not_looked_for(desk: Desk) -> None:
    """Where only a newer release speaks, the row says that the sample could not rule out flaws."""
    updates = [str(row["W"]) for row in desk.rows().values() if str(row["W"]).startswith("UPDATE")]

    assert all(text.endswith("; not checked for flaws: the advisory set is a partial sample") for text in updates)


def test_the_strange_rows_are_flagged(desk: Desk) -> None:
    """NEW, a stray point and an in-house name are for a person to look at."""
    rows = desk.rows()

    assert {name: rows[name]["W"] for name in STRANGE} == {
        "httpx": "MANUAL REVIEW - 'NEW' is not a version",
        "packaging": "MANUAL REVIEW - '23.0.' is not a version",
        "acme-internal-billing-client": "MANUAL REVIEW - acme-internal-billing-client is not on the index",
    }
