"""The sources `kev`, `epss` and `exploitdb`, as the package review uses them."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import feed_files
import osv_sets
import pytest
from ihacpa_plugins.source.osv.importing import bring_in

from ihacpa_core import AnswerState, Finding, Package, Severity, SourceAnswer, SourceKind, Verdict
from ihacpa_core.testing import run_context

NAMES = ("kev", "epss", "exploitdb")
HIT = Finding(
    id="CVE-2023-4863", ids=("CVE-2023-4863", "GHSA-j7hp-h8jx-5ppr", "PYSEC-2023-175"), verdict=Verdict.AFFECTED
)
PLAIN = Finding(id="CVE-2024-1111", ids=("CVE-2024-1111",), verdict=Verdict.UNCERTAIN)
NAMELESS = Finding(id="PYSEC-2024-9", ids=("PYSEC-2024-9",), verdict=Verdict.AFFECTED)


class Desk:
    """A folder with a database, and what a source said and warned of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "advisories.sqlite"
        self.warnings: list[str] = []

    def ask(self, name: str, *known: Finding, **options: Any) -> SourceAnswer:
        (offer,) = import_module(f"ihacpa_plugins.source.{name}").ihacpa_review_sources()
        context = run_context(self.folder, warn=self.warnings.append)
        given = {"database": "advisories.sqlite", "max_age": "36500d", **options}
        source = offer.factory(offer.options(**given), context)
        assert source.kind is SourceKind.ENRICHMENT

        async def all_of_it() -> SourceAnswer:
            await source.open()
            answer: SourceAnswer = await source.look_up(
                Package(name="Pillow", canonical="pillow", version="9.4.0"), known
            )
            await source.close()
            return answer

        return asyncio.run(all_of_it())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_each_adds_what_it_knows_of_a_cve(desk: Desk) -> None:
    """A finding is met by its CVE, wherever among its ids, and nothing is said of the others."""
    feed_files.bring_in_feeds(desk.folder, desk.database, "CVE-2023-4863")

    answers = {name: desk.ask(name, NAMELESS, HIT, PLAIN) for name in NAMES}

    assert {name: answer.state for name, answer in answers.items()} == dict.fromkeys(NAMES, AnswerState.OK)
    told = {name: answer.findings for name, answer in answers.items()}
    assert {name: [finding.ids for finding in found] for name, found in told.items()} == {n: [HIT.ids] for n in NAMES}
    assert told["kev"][0].known_exploited
    assert told["epss"][0].epss == 0.94321
    assert told["exploitdb"][0].exploits == ("EDB-50331",)
    assert {found[0].severity for found in told.values()} == {Severity()}
    assert str(answers["epss"].as_of) == "2026-01-04"
    assert desk.warnings == []


@pytest.mark.parametrize("name", NAMES)
def test_data_that_was_never_brought_in_is_not_configured(desk: Desk, name: str) -> None:
    """Without data the source says that it is not set up, and a person is told once what to type."""
    bring_in(str(osv_sets.as_zip(desk.folder / "all.zip", osv_sets.many(2))), desk.database)

    answer = desk.ask(name, HIT)

    assert (answer.state, answer.findings) == (AnswerState.NOT_CONFIGURED, ())
    assert desk.warnings == [f"{name} has no data; run: ihacpa advisories update {name}"]


@pytest.mark.parametrize("name", NAMES)
def test_data_that_cannot_be_read_is_a_failure(desk: Desk, name: str) -> None:
    """A database that is there and damaged has not answered."""
    desk.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)

    answer = desk.ask(name, HIT)

    assert answer.state is AnswerState.FAILED
    assert answer.note


@pytest.mark.parametrize("name", NAMES)
def test_damage_that_shows_later_is_a_failure(desk: Desk, name: str) -> None:
    """Pages that are damaged below an intact beginning make a look-up fail, and not say "nothing known"."""
    many = [f"CVE-2024-{number:05}" for number in range(10_000, 30_000)]
    feed_files.bring_in_feeds(desk.folder, desk.database, *many)
    content = bytearray(desk.database.read_bytes())
    content[40_000:] = b"\xff" * (len(content) - 40_000)
    desk.database.write_bytes(content)
    hit = Finding(id=many[15_000], ids=(many[15_000],), verdict=Verdict.AFFECTED)

    assert desk.ask(name, hit).state is AnswerState.FAILED


@pytest.mark.parametrize("name", NAMES)
def test_old_data_warns(desk: Desk, name: str) -> None:
    """Data older than the settings allow is used, and a person is told."""
    feed_files.bring_in_feeds(desk.folder, desk.database, "CVE-2023-4863")

    answer = desk.ask(name, HIT, max_age="1d")

    assert answer.state is AnswerState.OK
    (warning,) = desk.warnings
    assert "which is old" in warning
    assert f"ihacpa advisories update {name}" in warning


def test_no_finding_needs_no_look(desk: Desk) -> None:
    """Where there is nothing to add to, the answer is OK and empty."""
    feed_files.bring_in_feeds(desk.folder, desk.database, "CVE-2023-4863")

    assert [desk.ask(name).findings for name in NAMES] == [(), (), ()]
