"""The source `snyk`: asked with a token alone, its ranges judged here, and honest about what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import feed_files
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.source.snyk.answer import findings_of, read_page
from ihacpa_plugins.source.snyk.options import SnykOptions
from ihacpa_plugins.source.snyk.source import SnykSource
from ihacpa_plugins.web.client import Backoff

from ihacpa_core import AnswerState, Finding, Level, Package, Severity, SourceAnswer, Verdict
from ihacpa_core.testing import run_context
from ihacpa_core.testing.index import LoopbackIndex

PATH = feed_files.snyk_path("requests", "2.31.0")
YES, NO, UNSURE = Verdict.AFFECTED, Verdict.NOT_AFFECTED, Verdict.UNCERTAIN


@pytest.fixture
def server() -> Iterator[LoopbackIndex]:
    with LoopbackIndex() as running:
        feed_files.serve_snyk(running, {("requests", "2.31.0"): [feed_files.snyk_issue()], ("flask", "3.0.0"): []})
        yield running


class Desk:
    """Asks about a package and keeps the warnings."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self.warnings: list[str] = []

    def ask(self, name: str = "requests", version: str = "2.31.0", **options: Any) -> SourceAnswer:
        given = {"token": "hidden", "organization": "me", "cache": "snyk", "timeout": "2s", "attempts": 1, **options}
        context = run_context(self._folder, warn=self.warnings.append)
        source = SnykSource(SnykOptions(url=self._url, **given), context, backoff=Backoff(first=0.01, jitter=0.0))

        async def all_of_it() -> SourceAnswer:
            await source.open()
            try:
                return await source.look_up(Package(name=name, canonical=name, version=version), ())
            finally:
                await source.close()

        return asyncio.run(all_of_it())


@pytest.fixture
def desk(tmp_path: Path, server: LoopbackIndex) -> Desk:
    return Desk(tmp_path, server.url)


def only(ranges: str, version: str = "2.31.0", **more: Any) -> Finding:
    """What an issue with this range says about a version."""
    page = {"data": [feed_files.snyk_issue(ranges=ranges, **more)]}
    import msgspec

    (found,) = findings_of([read_page(msgspec.json.encode(page))], version)
    return found


def test_issues_are_findings(desk: Desk) -> None:
    """An issue goes by its CVE, with its rating, its range as the reason, and the end of the range as the fix."""
    answer = desk.ask()

    assert (answer.state, answer.complete_for) == (AnswerState.OK, {"SNYK"})
    assert answer.findings == (
        Finding(
            id="CVE-2023-32681",
            ids=("CVE-2023-32681", "SNYK-PYTHON-REQUESTS-1"),
            verdict=YES,
            why="Snyk's range [,2.32.0)",
            fixed_in=("2.32.0",),
            severity=Severity(level=Level.MEDIUM, score=5.9, vector=feed_files.SNYK_VECTOR),
        ),
    )


def test_nothing_found(desk: Desk) -> None:
    """A package without issues is answered, with none."""
    answer = desk.ask("flask", "3.0.0")

    assert (answer.state, answer.findings) == (AnswerState.OK, ())


@pytest.mark.parametrize("options", [{"token": "env:NOT_SET_ANYWHERE"}, {"organization": ""}])
def test_without_a_token_nobody_is_asked(desk: Desk, server: LoopbackIndex, options: dict[str, str]) -> None:
    """Without a token or an organization the source is not configured, and a person is told once."""
    answer = desk.ask(**options)

    assert answer.state is AnswerState.NOT_CONFIGURED
    assert sum(server.requests.values()) == 0
    assert len(desk.warnings) == 1


def test_the_token_is_sent_and_never_shown(desk: Desk, server: LoopbackIndex) -> None:
    """The token goes into its header, and into no message."""
    sent: list[str | None] = []
    server.reply(PATH, lambda request: sent.append(request.headers.get("authorization")) or {"data": 1})

    answer = desk.ask(token="s3cr3t")

    assert sent == ["token s3cr3t"]
    assert "s3cr3t" not in answer.note + "".join(desk.warnings)


@pytest.mark.parametrize(
    ("ranges", "version", "verdict"),
    [
        ("[,2.32.0)", "2.31.0", YES),
        ("[,2.32.0)", "2.32.0", NO),
        ("(,2.31.0]", "2.31.0", YES),
        ("(2.31.0,)", "2.31.0", NO),
        ("[1.0,2.0),[2.30,2.32)", "2.31.0", YES),
        ("[1.0,2.0)||[3.0,)", "2.31.0", NO),
        ("[2.31.0]", "2.31", YES),
        ("[2.31.0]", "2.30", NO),
        ("[,)", "2.31.0", YES),
        ("<2.32.0", "2.31.0", UNSURE),
        ("[,junk)", "2.31.0", UNSURE),
        ("[,2.32.0)", "junk", UNSURE),
        ("", "2.31.0", UNSURE),
    ],
)
def test_ranges_are_judged_here(ranges: str, version: str, verdict: Verdict) -> None:
    """Whatever the server says, the range decides; one that cannot be read decides nothing."""
    assert only(ranges, version).verdict is verdict


def test_severity_words_and_malware() -> None:
    """Without a vector the word counts, an unknown word is unknown, and embedded malicious code is malware."""
    assert only("[,3)", severities=[], effective_severity_level="critical").severity == Severity(level=Level.CRITICAL)
    assert only("[,3)", severities=[], effective_severity_level="odd").severity == Severity()
    assert only("[,3)", problems=[{"id": "CWE-506"}]).malicious


def test_licences_are_no_flaws() -> None:
    """An issue about a licence is not a finding."""
    assert findings_of([read_page(b'{"data": [{"id": "snyk:lic:1", "attributes": {"type": "license"}}]}')], "1") == ()


def test_pages_are_followed(desk: Desk, server: LoopbackIndex) -> None:
    """An answer that goes on is read to its end, on the same host alone."""
    issues = [feed_files.snyk_issue(f"SNYK-{n}", problems=[]) for n in range(2)]
    server.reply(PATH, lambda request: {"data": issues[:1], "links": {"next": "/rest/next"}})
    server.reply("/rest/next", lambda request: {"data": issues[1:], "links": {}})

    assert [finding.id for finding in desk.ask().findings] == ["SNYK-0", "SNYK-1"]
    server.reply(PATH, lambda request: {"data": [], "links": {"next": "http://elsewhere.invalid/"}})
    assert "another place" in desk.ask(cache="another").note


FAULTS = {
    404: "Snyk knows no such package, or no such organization",
    401: "Snyk answered 401",
    429: "Snyk answered 429",
    500: "Snyk answered 500",
    "loop": "Snyk redirects more than 5 times",
    "redirect-away": "which is not followed",
    "wrong-json": "Snyk's answer is no JSON",
    "wrong-shape": "Snyk's answer has an unknown shape",
    "truncated": "broke",
    "drop": "broke",
    "slow": "no answer from 127.0.0.1",
    "empty": "Snyk's answer is empty",
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_goes_wrong_is_told(desk: Desk, server: LoopbackIndex, fault: str | int) -> None:
    """A look-up that came to nothing has failed, with the reason; nothing is kept of it."""
    server.fail(PATH, fault, retry_after=0 if fault == 429 else None)

    answer = desk.ask(timeout="0.2s")

    assert (answer.state, answer.findings) == (AnswerState.FAILED, ())
    assert FAULTS[fault] in answer.note
    server.heal()
    assert desk.ask().state is AnswerState.OK


def test_an_answer_is_kept_for_a_while(desk: Desk, server: LoopbackIndex) -> None:
    """The next run asks nobody, and says the same."""
    assert desk.ask().findings == desk.ask().findings
    assert server.requests[PATH] == 1
    desk.ask(max_age="0s")
    assert server.requests[PATH] == 2


@given(st.text(max_size=40), st.text(max_size=10))
def test_no_range_breaks_the_reader(ranges: str, version: str) -> None:
    """Whatever stands in a range, there is a verdict."""
    assert only(ranges, version).verdict in set(Verdict)
