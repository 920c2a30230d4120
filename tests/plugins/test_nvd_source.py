"""The source `nvd`: ratings of CVEs that nobody rated, asked for one by one and no faster than NVD allows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import feed_files
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.source.nvd.answer import severity_in
from ihacpa_plugins.source.nvd.options import NvdOptions
from ihacpa_plugins.source.nvd.source import NvdSource
from ihacpa_plugins.web.client import Backoff
from ihacpa_plugins.web.rate import Rate

from ihacpa_core import AnswerState, Finding, Level, Package, Severity, SourceAnswer, UsageError, Verdict
from ihacpa_core.testing import run_context
from ihacpa_core.testing.index import LoopbackIndex

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
QUICK = Backoff(first=0.01, jitter=0.0, longest=0.05)


def finding(number: int = 1, verdict: Verdict = Verdict.AFFECTED, **more: Any) -> Finding:
    return Finding(id=f"CVE-2024-{number}", ids=(f"CVE-2024-{number}", f"PYSEC-{number}"), verdict=verdict, **more)


@pytest.fixture
def server() -> Iterator[LoopbackIndex]:
    with LoopbackIndex() as running:
        feed_files.serve_nvd(running, {"CVE-2024-1": V3, "CVE-2024-2": "", "CVE-2024-3": "no vector"})
        yield running


class Desk:
    """Asks about findings and keeps the warnings."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self._url = url
        self.warnings: list[str] = []

    def ask(self, *known: Finding, times: int = 1, window: float = 0.0, **options: Any) -> SourceAnswer:
        given = NvdOptions(url=self._url, **{"cache": "nvd", "timeout": "2s", "attempts": 2, **options})
        context = run_context(self.folder, warn=self.warnings.append)
        package = Package(name="thing", canonical="thing", version="1.0")

        async def all_of_it() -> SourceAnswer:
            source = NvdSource(given, context, backoff=QUICK, window=window)
            await source.open()
            try:
                return (await asyncio.gather(*(source.look_up(package, known) for _ in range(times))))[0]
            finally:
                await source.close()

        return asyncio.run(all_of_it())


@pytest.fixture
def desk(tmp_path: Path, server: LoopbackIndex) -> Desk:
    return Desk(tmp_path, server.url)


def path_of(number: int) -> str:
    return f"/rest/json/cves/2.0?cveId=CVE-2024-{number}"


def test_a_rating_is_computed_from_the_vector(desk: Desk) -> None:
    """What NVD rates gets the score of its vector, computed here; what it does not rate stays unknown."""
    answer = desk.ask(finding(1), finding(2), finding(3), finding(404))

    assert answer.state is AnswerState.OK
    assert [item.severity for item in answer.findings] == [
        Severity(level=Level.CRITICAL, score=9.8, vector=V3),
        Severity(),
        Severity(),
        Severity(),
    ]


def test_only_what_nobody_rated_is_asked_about(desk: Desk, server: LoopbackIndex) -> None:
    """What has a rating, what does not affect the version and what has no CVE is not asked about."""
    rated = finding(1, severity=Severity(level=Level.LOW, score=2.0))
    nameless = Finding(id="PYSEC-9", ids=("PYSEC-9",), verdict=Verdict.AFFECTED)

    desk.ask(rated, finding(2, Verdict.NOT_AFFECTED), nameless)
    assert sum(server.requests.values()) == 0

    desk.ask(rated, ask="affecting")
    assert dict(server.requests) == {path_of(1): 1}


def test_a_cve_is_asked_about_once(desk: Desk, server: LoopbackIndex) -> None:
    """Several rows with one CVE share an answer, and the next run has it still."""
    desk.ask(finding(1), times=5)
    again = desk.ask(finding(1))

    assert dict(server.requests) == {path_of(1): 1}
    assert again.findings[0].severity.score == 9.8


def test_a_damaged_answer_on_disk_is_asked_for_again(desk: Desk, server: LoopbackIndex) -> None:
    """What was kept and cannot be read is no answer."""
    desk.ask(finding(1))
    for path in (desk.folder / "nvd").iterdir():
        path.write_bytes(b"{")

    assert desk.ask(finding(1)).state is AnswerState.OK
    assert server.requests[path_of(1)] == 2


def test_where_nothing_can_be_kept_it_goes_on(desk: Desk) -> None:
    """A cache that cannot be written costs the cache, and a warning."""
    (desk.folder / "file").write_text("no folder")

    assert desk.ask(finding(1), finding(2), cache="file/nvd").state is AnswerState.OK
    assert len(desk.warnings) == 1


FAULTS = {
    429: "NVD answered 429",
    500: "NVD answered 500",
    403: "NVD answered 403",
    "loop": "NVD redirects more than 5 times",
    "redirect-away": "which is not followed",
    "wrong-json": "NVD's answer is no JSON",
    "wrong-shape": "NVD's answer has an unknown shape",
    "truncated": "broke",
    "drop": "broke",
    "slow": "no answer from 127.0.0.1",
    "empty": "NVD's answer is empty",
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_goes_wrong_is_told(desk: Desk, server: LoopbackIndex, fault: str | int) -> None:
    """A look-up that came to nothing has failed, with the reason; nothing is kept of it."""
    server.fail(path_of(1), fault, retry_after=0 if fault == 429 else None)

    answer = desk.ask(finding(1), timeout="0.2s", attempts=1)

    assert answer.state is AnswerState.FAILED
    assert FAULTS[fault] in answer.note
    server.heal()
    assert desk.ask(finding(1)).state is AnswerState.OK


def test_a_retry_overcomes_what_passes(desk: Desk, server: LoopbackIndex) -> None:
    """A 429 with Retry-After is waited for."""
    server.fail(path_of(1), 429, times=1, retry_after=0)

    assert desk.ask(finding(1)).state is AnswerState.OK


def test_a_key_comes_from_the_environment_or_a_file(
    desk: Desk, server: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is sent as NVD wants it, and a file that is not there is an error before anybody is asked."""
    keys: list[str | None] = []

    def answer(request: Any) -> Any:
        keys.append(request.headers.get("apikey"))
        return {"vulnerabilities": []}

    server.reply(path_of(1), answer)
    monkeypatch.setenv("MY_KEY", "from-the-environment")
    (desk.folder / "key.txt").write_text("from-a-file\n")

    for number, key in enumerate(["env:MY_KEY", "file:key.txt", "env:NOT_SET"]):
        desk.ask(finding(1), key=key, cache=f"nvd-{number}")
    with pytest.raises(UsageError, match=r"\[source.nvd\] key is not there"):
        desk.ask(finding(1), key="file:nowhere.txt")

    assert keys == ["from-the-environment", "from-a-file", None]


def test_five_in_a_window(desk: Desk) -> None:
    """Without a key no more than five requests are made in a window of time."""
    started = time.monotonic()

    desk.ask(*(finding(number) for number in range(1, 8)), window=0.3)

    assert time.monotonic() - started >= 0.3


@given(gaps=st.lists(st.floats(0, 3), max_size=30), allowed=st.integers(1, 5))
def test_the_window_rolls(gaps: list[float], allowed: int) -> None:
    """However requests come, no span of the window's length holds more than are allowed."""
    now, sent = [0.0], []

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def ask() -> None:
        rate = Rate(allowed, 10.0, clock=lambda: now[0])
        for gap in gaps:
            now[0] += gap
            await rate.wait()
            sent.append(now[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ihacpa_plugins.web.rate.asyncio.sleep", sleep)
        asyncio.run(ask())

    for first, last in zip(sent, sent[allowed:], strict=False):
        assert last - first >= 10.0 - 1e-6


@given(st.binary(max_size=200))
def test_no_answer_breaks_the_reader(body: bytes) -> None:
    """Whatever NVD sends, it is read or refused."""
    try:
        severity_in(body, "CVE-2024-1")
    except ValueError as error:
        assert str(error)
