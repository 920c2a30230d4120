"""OSV over its API, for who has no local copy: asked in batches, judged here, and honest about what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import feed_files
import osv_sets
import pytest
from ihacpa_plugins.source.osv.options import OsvOptions
from ihacpa_plugins.source.osv.source import OsvSource
from ihacpa_plugins.web.client import Backoff

from ihacpa_core import AnswerState, Package, SourceAnswer, Verdict
from ihacpa_core.testing import run_context
from ihacpa_core.testing.index import LoopbackIndex

QUICK = Backoff(first=0.01, jitter=0.0, longest=0.05)
RECORDS = [
    osv_sets.record("PYSEC-2024-1", "thing", aliases=["CVE-2024-1"]),
    osv_sets.record("PYSEC-2024-2", "thing", ["introduced 5.0"]),
    osv_sets.record("PYSEC-2024-3", "thing", withdrawn="2024-05-01T00:00:00Z"),
    osv_sets.record("GHSA-4", "other", ["introduced 0", "fixed 0.5"]),
]


@pytest.fixture
def server() -> Iterator[LoopbackIndex]:
    with LoopbackIndex() as running:
        feed_files.serve_osv(running, RECORDS)
        yield running


class Desk:
    """Asks about packages, all at once, and keeps the warnings."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self.warnings: list[str] = []

    def ask(self, *pins: tuple[str, str], **options: Any) -> list[SourceAnswer]:
        given = OsvOptions(database="none.sqlite", api=self._url, **{"timeout": "2s", "attempts": 2, **options})
        source = OsvSource(given, run_context(self._folder, warn=self.warnings.append), backoff=QUICK)
        packages = [Package(name=name, canonical=name, version=version) for name, version in pins]

        async def all_of_it() -> list[SourceAnswer]:
            await source.open()
            try:
                return await asyncio.gather(*(source.look_up(package, ()) for package in packages))
            finally:
                await source.close()

        return asyncio.run(all_of_it())


@pytest.fixture
def desk(tmp_path: Path, server: LoopbackIndex) -> Desk:
    return Desk(tmp_path, server.url)


def test_records_are_fetched_and_judged_here(desk: Desk) -> None:
    """Every live record of the package is a finding, and whether it affects the version is decided on this side."""
    (answer,) = desk.ask(("thing", "1.0"))

    assert answer.state is AnswerState.OK
    assert [(finding.id, finding.verdict) for finding in answer.findings] == [
        ("CVE-2024-1", Verdict.AFFECTED),
        ("PYSEC-2024-2", Verdict.NOT_AFFECTED),
    ]
    assert answer.complete_for == {"PYSEC", "GHSA", "MAL"}
    assert answer.clean_version == "2.0"
    assert answer.note == "asked online"


def test_a_package_without_records(desk: Desk) -> None:
    """A package that OSV has no record of is answered, with nothing found."""
    (answer,) = desk.ask(("unheard-of", "1.0"))

    assert (answer.state, answer.findings) == (AnswerState.OK, ())


def test_look_ups_go_together_and_records_are_fetched_once(desk: Desk, server: LoopbackIndex) -> None:
    """Look-ups of the same moment are one request, and a record that several want is fetched once."""
    desk.ask(("thing", "1.0"), ("thing", "6.0"), ("other", "0.1"), *((f"none-{n}", "1") for n in range(30)))

    assert server.requests["/v1/querybatch"] == 1
    assert {name: n for name, n in server.requests.items() if name.startswith("/v1/vulns/")} == {
        f"/v1/vulns/{item['id']}": 1 for item in RECORDS
    }


def test_an_answer_of_several_pages(desk: Desk, server: LoopbackIndex) -> None:
    """A package with more records than a page holds is asked about until there are no more."""
    feed_files.serve_osv(server, RECORDS, page=1)

    (answer,) = desk.ask(("thing", "1.0"))

    assert len(answer.findings) == 2
    assert server.requests["/v1/querybatch"] == 3


def test_a_person_is_told_that_it_is_asked_online(desk: Desk) -> None:
    """The run says that there is no local copy, who is asked in its place, and how to get one."""
    desk.ask(("thing", "1.0"))

    (warning,) = desk.warnings
    assert warning.startswith("no advisory database; 127.0.0.1:")
    assert "ihacpa advisories update" in warning


def test_switched_off_nobody_is_asked(desk: Desk, server: LoopbackIndex) -> None:
    """With ``online = false`` no name leaves the machine."""
    (answer,) = desk.ask(("thing", "1.0"), online=False)

    assert (answer.state, answer.note) == (AnswerState.FAILED, "no advisory database; run: ihacpa advisories update")
    assert sum(server.requests.values()) == 0


FAULTS = {
    404: "OSV answered 404",
    429: "OSV answered 429",
    500: "OSV answered 500",
    403: "OSV answered 403",
    "loop": "OSV redirects more than 5 times",
    "redirect-away": "which is not followed",
    "wrong-json": "OSV's answer is no JSON",
    "wrong-shape": "OSV's answer has an unknown shape",
    "truncated": "broke",
    "drop": "broke",
    "slow": "no answer from 127.0.0.1",
    "empty": "OSV's answer is empty",
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_question_that_is_not_answered(desk: Desk, server: LoopbackIndex, fault: str | int) -> None:
    """Every package of the batch has failed, with the reason and with what to type; nothing is known."""
    server.fail("/v1/querybatch", fault, retry_after=0 if fault == 429 else None)

    answers = desk.ask(("thing", "1.0"), ("other", "1.0"), timeout="0.2s", attempts=1)

    assert {answer.state for answer in answers} == {AnswerState.FAILED}
    for answer in answers:
        assert FAULTS[fault] in answer.note
        assert answer.note.startswith("no advisory database, and ")
        assert answer.note.endswith("; run: ihacpa advisories update")


@pytest.mark.parametrize("fault", [404, 500, "wrong-json", "wrong-shape", "truncated", "slow", "empty"], ids=str)
def test_a_record_that_cannot_be_had(desk: Desk, server: LoopbackIndex, fault: str | int) -> None:
    """Without one of its records a package is not known; the other packages are."""
    server.fail("/v1/vulns/PYSEC-2024-2", fault)

    thing, other = desk.ask(("thing", "1.0"), ("other", "1.0"), timeout="0.2s", attempts=1)

    assert thing.state is AnswerState.FAILED
    assert other.state is AnswerState.OK


def test_what_may_pass_is_tried_again(desk: Desk, server: LoopbackIndex) -> None:
    """A 429 with Retry-After, a 500 and a dropped connection are overcome."""
    server.fail("/v1/querybatch", 429, times=1, retry_after=0)
    server.fail("/v1/vulns/PYSEC-2024-1", 500, times=1)
    server.fail("/v1/vulns/PYSEC-2024-2", "drop", times=1)

    (answer,) = desk.ask(("thing", "1.0"))

    assert answer.state is AnswerState.OK


def test_fewer_answers_than_questions(desk: Desk, server: LoopbackIndex) -> None:
    """A batch that is answered in part is no answer: who would know which?"""
    server.reply("/v1/querybatch", lambda request: {"results": [{}]})

    answers = desk.ask(("thing", "1.0"), ("other", "1.0"))

    assert {answer.state for answer in answers} == {AnswerState.FAILED}


def test_another_record_in_its_place(desk: Desk, server: LoopbackIndex) -> None:
    """A record under the wrong id is no answer."""
    server.reply("/v1/vulns/PYSEC-2024-1", lambda request: RECORDS[1])

    (answer,) = desk.ask(("thing", "1.0"))

    assert "another record in the place of PYSEC-2024-1" in answer.note


def test_a_record_of_odd_shape_is_uncertain(desk: Desk, server: LoopbackIndex) -> None:
    """A record that is the right one and cannot be evaluated is uncertain, as in a local copy."""
    odd = osv_sets.record("PYSEC-2024-1", "thing")
    odd["affected"][0]["versions"] = [1.1]
    server.reply("/v1/vulns/PYSEC-2024-1", lambda request: odd)

    (answer,) = desk.ask(("thing", "1.0"))

    assert answer.findings[0].verdict is Verdict.UNCERTAIN
