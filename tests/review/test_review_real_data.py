"""486 real packages and a whole real set of advisories: every cell against a slow, plain reading of the rules."""

from __future__ import annotations

import csv
import json
import os
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version
from review_desk import EXAMPLES, Desk, says_all_is_well

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.index import LoopbackIndex
from ihacpa_core.testing.index_facts import made_up_versions
from tests.plugins import slow_matcher
from tests.plugins.slow_matcher import AFFECTED, NOT_AFFECTED, UNCERTAIN

ARCHIVE = Path(os.environ.get("IHACPA_TEST_DATA", "/nonexistent")) / "osv-pypi-all.zip"
LIST = EXAMPLES / "packages-486.csv"

pytestmark = pytest.mark.skipif(
    not ARCHIVE.is_file(), reason="IHACPA_TEST_DATA does not name the folder of the real advisories"
)

Records = dict[str, list[dict[str, Any]]]
ID = re.compile(r"(?:CVE|GHSA|PYSEC|MAL|OSV)-[\w-]+")


@dataclass
class Flaw:
    """What the rules say about one flaw of a package: its ids and the verdict."""

    ids: set[str]
    verdict: str

    def shown(self, column: str) -> set[str]:
        """The ids under which a column may list it; none if it is not for that column."""
        cve = {name for name in self.ids if name.startswith("CVE-")}
        ghsa = {name for name in self.ids if name.startswith("GHSA-")}
        return cve if column in "PR" else ghsa or (set() if cve else self.ids)


@pytest.fixture(scope="module")
def packages() -> dict[str, str]:
    with LIST.open(encoding="utf-8", newline="") as file:
        return {row["package"]: row["version"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def records() -> Records:
    """The live records, read by nothing of the product's, by package."""
    found: Records = defaultdict(list)
    with zipfile.ZipFile(ARCHIVE) as archive:
        for record in (json.loads(archive.read(name)) for name in archive.namelist()):
            for package in {slow_matcher.pep503(item["package"]["name"]) for item in record["affected"]}:
                found[package].extend([] if record.get("withdrawn") else [record])
    return found


@pytest.fixture(scope="module")
def flaws(records: Records, packages: dict[str, str]) -> dict[str, list[Flaw]]:
    """What the rules say about each row."""
    return {name: flaws_of(records[slow_matcher.pep503(name)], name, packages[name]) for name in packages}


def flaws_of(records: list[dict[str, Any]], package: str, version: str) -> list[Flaw]:
    """The records that share an id or an alias, put together until none of them is in two groups."""
    groups: list[Flaw] = []
    for record in records:
        ids = {record["id"], *record.get("aliases", [])}
        touching = [group for group in groups if group.ids & ids]
        verdicts = {slow_matcher.verdict(record, package, version), *(group.verdict for group in touching)}
        verdict = next(word for word in (AFFECTED, UNCERTAIN, NOT_AFFECTED) if word in verdicts)
        groups = [group for group in groups if group not in touching]
        groups.append(Flaw(ids.union(*(group.ids for group in touching)), verdict))
    return groups


@pytest.fixture(scope="module")
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex.from_csv(LIST) as running:
        yield running


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, index: LoopbackIndex) -> Desk:
    """The whole list reviewed with a set that somebody vouched for."""
    made = Desk(tmp_path_factory.mktemp("vouched"), index.url)
    made.take(EXAMPLES / "packages-486.xlsx")
    made.advise(ARCHIVE)
    made.run(expect=ExitCode.OK)
    return made


def test_every_result_cell_is_right(desk: Desk, flaws: dict[str, list[Flaw]], packages: dict[str, str]) -> None:
    """M, P and R of each row: the word, the number, each flaw that affects by one of its ids, and no other."""
    rows = desk.rows()
    wrong = [
        (name, column, rows[name][column])
        for name, version in packages.items()
        for column in "MPR"
        if not is_right(rows[name][column], column, flaws[name], version)
    ]

    assert len(rows) == 486
    assert wrong == []
    assert sum(str(row["P"]).startswith("VULNERABLE") for row in rows.values()) > 50


def is_right(text: str, column: str, flaws: list[Flaw], version: str) -> bool:
    known = [flaw for flaw in flaws if flaw.shown(column)]
    hit = [flaw for flaw in known if flaw.verdict == AFFECTED]
    unsure = [flaw for flaw in known if flaw.verdict == UNCERTAIN]
    if not known:
        return text == "None found"
    if not hit and not unsure:
        return text == f"SAFE - {len(known)} known, {version} not affected"
    told, head = (hit, "VULNERABLE - {} affect {}: ") if hit else (unsure, "UNCERTAIN - {} may affect {}")
    names = ID.findall(text.partition("; fixed in")[0].partition("; no fix")[0].partition(": ")[2])
    one_each = all(len(flaw.shown(column) & set(names)) == 1 for flaw in told)
    return text.startswith(head.format(len(told), version)) and one_each and len(names) == len(told)


def test_every_recommendation_is_right(
    desk: Desk, flaws: dict[str, list[Flaw]], packages: dict[str, str], records: Records
) -> None:
    """W of each row: how many flaws affect, and the lowest clean version of the index, same major first."""
    rows = desk.rows()
    wrong = []
    for name, version in packages.items():
        verdicts = [flaw.verdict for flaw in flaws[name]]
        versions = made_up_versions(name, version)
        newer = any(Version(other) > Version(version) and not Version(other).is_prerelease for other in versions)
        way_out = update_to(records[slow_matcher.pep503(name)], name, version, versions)
        text = rows[name]["W"]
        if AFFECTED in verdicts:
            head = f"SECURITY RISK - {verdicts.count(AFFECTED)} affect {version}, worst "
            unsure = f", {verdicts.count(UNCERTAIN)} more uncertain" if UNCERTAIN in verdicts else ""
            doubt = "" if way_out is None or way_out[1] else " (may be affected as well)"
            tail = f", update to {way_out[0]}{doubt}{unsure}" if way_out else f", no fix{unsure}"
            right = text.startswith(head) and text.endswith(tail)
        elif UNCERTAIN in verdicts:
            right = text.startswith("MANUAL REVIEW - uncertain: ")
        else:
            right = text.startswith(f"UPDATE - {version} to ") if newer else text == "PROCEED"
        wrong += [] if right else [(name, version, text, way_out)]

    assert wrong == []


def update_to(
    records: list[dict[str, Any]], package: str, installed: str, versions: list[str]
) -> tuple[str, bool] | None:
    """The version to go to: one that all records are sure of (True), else one that none of them is sure to affect."""

    def wanted(text: str) -> tuple[bool, bool, Version]:
        version = Version(text)
        return version.is_prerelease, version.major != Version(installed).major, version

    above = sorted((text for text in versions if Version(text) > Version(installed)), key=wanted)
    said = {text: {slow_matcher.verdict(each, package, text) for each in records} for text in above}
    sure = next((text for text in above if said[text] <= {NOT_AFFECTED}), None)
    if sure:
        return sure, True
    return next(((text, False) for text in above if AFFECTED not in said[text]), None)


def test_the_command_without_a_workbook_says_the_same(
    desk: Desk, flaws: dict[str, list[Flaw]], packages: dict[str, str]
) -> None:
    """`advisories match -r LIST --format json`: status and ids of each line are those of the rules."""
    desk.write("list.txt", "".join(f"{name}=={version}\n" for name, version in packages.items()))

    result = desk.run("advisories", "match", "-r", "list.txt", "--format", "json", expect=ExitCode.OK)

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["name"], line["version"]) for line in lines] == list(packages.items())
    wrong = []
    for line in lines:
        live = [flaw for flaw in flaws[line["name"]] if flaw.verdict != NOT_AFFECTED]
        status = next((word for word in (AFFECTED, UNCERTAIN) if any(f.verdict == word for f in live)), NOT_AFFECTED)
        found = {(frozenset(finding["ids"]), finding["verdict"]) for finding in line["findings"]}
        if line["status"] != status or found != {(frozenset(flaw.ids), flaw.verdict) for flaw in live}:
            wrong.append(line)
    assert wrong == []


def test_a_set_that_nobody_vouched_for_is_not_safe(
    index: LoopbackIndex, flaws: dict[str, list[Flaw]], tmp_path: Path
) -> None:
    """The same records are PYSEC's alone: what GitHub's column shows is right, and it never says that there is none."""
    desk = Desk(tmp_path / "desk", index.url)
    desk.take(EXAMPLES / "packages-486.xlsx")
    desk.advise(ARCHIVE, None)

    desk.run("--limit", "120")

    rows = {name: row for name, row in desk.rows().items() if row["W"]}
    assert len(rows) == 120
    assert says_all_is_well(rows, "M") == []
    hit = {name for name in rows if any(flaw.verdict == AFFECTED and flaw.shown("M") for flaw in flaws[name])}
    assert {name for name, row in rows.items() if row["M"].startswith("VULNERABLE")} == hit
    others = {row["M"] for name, row in rows.items() if name not in hit}
    assert others == {"NOT CHECKED - the advisory set is not complete for GHSA"}
