"""Every one of 486 real packages against a slow, plain reading of the rules, over a whole real set of advisories."""

from __future__ import annotations

import csv
import json
import os
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import slow_matcher
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase
from ihacpa_plugins.source.osv.importing import bring_in
from ihacpa_plugins.source.osv.lookup import match
from ihacpa_plugins.source.osv.records import canonical

DATA = Path(os.environ.get("IHACPA_TEST_DATA", "/nonexistent"))
ARCHIVE, LIST = DATA / "osv-pypi-all.zip", DATA / "packages-486.csv"

pytestmark = pytest.mark.skipif(
    not (ARCHIVE.is_file() and LIST.is_file()),
    reason="IHACPA_TEST_DATA does not name the folder of the real advisories",
)

Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("real") / "advisories.sqlite"
    bring_in(str(ARCHIVE), path)
    opened = AdvisoryDatabase(path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def records() -> Records:
    """The live records of the set, read by nothing of ours, by package."""
    found: Records = defaultdict(list)
    with zipfile.ZipFile(ARCHIVE) as archive:
        for name in archive.namelist():
            record = json.loads(archive.read(name))
            for package in {slow_matcher.pep503(item["package"]["name"]) for item in record["affected"]}:
                found[package].extend([] if record.get("withdrawn") else [record])
    return found


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str]]:
    with LIST.open(newline="") as stream:
        return [(row["package"], row["version"]) for row in csv.DictReader(stream)]


def groups(records: list[dict[str, Any]]) -> list[set[str]]:
    """The ids and aliases of the records, put together until none of them is in two groups."""
    names = [{record["id"], *record.get("aliases", [])} for record in records]
    merged: list[set[str]] = []
    for group in names:
        touching = [other for other in merged if other & group]
        merged = [other for other in merged if not other & group] + [group.union(*touching)]
    return merged


def expected(records: list[dict[str, Any]], package: str, version: str) -> dict[frozenset[str], str]:
    """The verdict of each flaw by its ids."""
    verdicts = {record["id"]: slow_matcher.verdict(record, package, version) for record in records}
    found = {}
    for group in groups(records):
        said = {verdicts[name] for name in group if name in verdicts}
        found[frozenset(group)] = next(item for item in ("affected", "uncertain", "not_affected") if item in said)
    return found


def test_every_row_is_right(database: AdvisoryDatabase, records: Records, rows: list[tuple[str, str]]) -> None:
    """For each package of the list each flaw has the ids and the verdict that the rules give."""
    wrong = []
    for name, version in rows:
        package = slow_matcher.pep503(name)
        found = match(database, canonical(name), version)
        answers = {frozenset(finding.ids): finding.verdict.value for finding in found.findings}
        if answers != expected(records.get(package, []), package, version):
            wrong.append((name, version))

    assert len(rows) == 486
    assert wrong == []


def test_every_fix_mends(database: AdvisoryDatabase, records: Records, rows: list[tuple[str, str]]) -> None:
    """A version that is named as a fix is above the installed one, named as fixed by a record, and not affected."""
    wrong = []
    for name, version in rows:
        package = slow_matcher.pep503(name)
        for finding in match(database, canonical(name), version).findings:
            mine = [record for record in records[package] if record["id"] in finding.ids]
            named = {text for record in mine for text in _fixes(record)}
            fixes = [slow_matcher.read(text) for text in finding.fixed_in]
            sound = (
                named >= set(finding.fixed_in)
                and fixes == sorted(fixes)
                and all(fix > slow_matcher.read(version) for fix in fixes)
            )
            clean = all(
                slow_matcher.verdict(record, package, fix) != "affected" for record in mine for fix in finding.fixed_in
            )
            if not (sound and clean):
                wrong.append((name, version, finding.id))

    assert wrong == []


def test_the_version_to_update_to_is_clean(
    database: AdvisoryDatabase, records: Records, rows: list[tuple[str, str]]
) -> None:
    """No record of the package hits the version that is proposed."""
    wrong = []
    proposed = 0
    for name, version in rows:
        clean = match(database, canonical(name), version).clean
        proposed += clean is not None
        package = slow_matcher.pep503(name)
        if clean and any(
            slow_matcher.verdict(record, package, clean.version) == "affected" for record in records[package]
        ):
            wrong.append((name, version, clean))

    assert wrong == []
    assert proposed > 50


def _fixes(record: dict[str, Any]) -> list[str]:
    ranges = [item for affected in record["affected"] for item in affected.get("ranges") or [] if item["type"] != "GIT"]
    return [event["fixed"] for item in ranges for event in item["events"] if "fixed" in event]


def test_the_set_says_what_it_is(database: AdvisoryDatabase) -> None:
    """Counts, day and families of the set are those of its records; records of days to come do not date it."""
    info = database.info

    assert (info.records, info.withdrawn, info.packages) == (7080, 269, 1532)
    assert info.date is not None
    assert info.date.isoformat() == "2026-07-23"
    assert info.complete_for == {"PYSEC"}
    assert info.unreadable == ()
