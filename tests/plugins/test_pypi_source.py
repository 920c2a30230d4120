"""The source `pypi` against a real server: what it learns, what it remembers, how it fails."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ihacpa_plugins.source.pypi import PypiOptions, PypiSource, ihacpa_review_sources
from ihacpa_plugins.web.client import Backoff

from ihacpa_core import AnswerState, Package, RunContext, SourceAnswer
from ihacpa_core.testing.index import LoopbackIndex

QUICK = Backoff(first=0.01, jitter=0.0, longest=0.05)
DAY = 86_400.0


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    with LoopbackIndex({"requests": ["0.0.1", "2.31.0"], "flask": ["3.0.0"]}) as index:
        yield index


@pytest.fixture
def warnings() -> list[str]:
    return []


class Asker:
    """Makes a source as a run does, asks it, and closes it."""

    def __init__(self, folder: Path, url: str, warnings: list[str]) -> None:
        self.url = url
        self.now = 1_750_000_000.0
        self.context = RunContext(
            run_id="run", workbook=folder / "book.xlsx", state_dir=folder, config_dir=folder, warn=warnings.append
        )

    def source(self, **options: Any) -> PypiSource:
        chosen = {"url": self.url, "cache": "pypi.sqlite", "timeout": "0.5s", **options}
        return PypiSource(PypiOptions(**chosen), self.context, backoff=QUICK, clock=lambda: self.now)

    def ask(self, *names: str, version: str = "2.31.0", **options: Any) -> list[SourceAnswer]:
        async def all_of_them() -> list[SourceAnswer]:
            source = self.source(**options)
            await source.open()
            try:
                asked = (source.look_up(Package(name=n, canonical=n, version=version), ()) for n in names)
                return await asyncio.gather(*asked)
            finally:
                await source.close()

        return asyncio.run(all_of_them())


@pytest.fixture
def asker(tmp_path: Path, index: LoopbackIndex, warnings: list[str]) -> Asker:
    return Asker(tmp_path, index.url, warnings)


def test_a_known_package(asker: Asker, index: LoopbackIndex) -> None:
    """The answer holds the release's facts and the day on which they were learned."""
    (answer,) = asker.ask("requests")

    assert answer.state is AnswerState.OK and answer.release is not None
    assert answer.release.installed_exists and answer.release.installed_date is not None
    assert answer.release.github == "https://github.com/made-up/requests"
    assert answer.as_of == datetime.fromtimestamp(asker.now, UTC).date()


def test_an_unknown_package_is_an_answer(asker: Asker) -> None:
    """A package that the index does not have is no failure: the answer is OK without a release."""
    (answer,) = asker.ask("no-such-package")

    assert (answer.state, answer.release) == (AnswerState.OK, None)


# --- honest failures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "note", "asked"),
    [
        (500, "the index answered 500, 4 tries", 4),
        (503, "the index answered 503, 4 tries", 4),
        (429, "the index answered 429, 4 tries", 4),
        (403, "the index answered 403", 1),
        (400, "the index answered 400", 1),
        ("wrong-json", "the index's answer is no JSON", 1),
        ("wrong-shape", "the index's answer has an unknown shape", 1),
        ("empty", "the index's answer is empty", 1),
        ("redirect-away", "redirects to http://elsewhere.invalid, which is not followed", 1),
        ("loop", "the index redirects more than 5 times", 6),
        ("truncated", "broke", 4),
        ("drop", "broke", 4),
        ("slow", "within 0.1s, 4 tries", 4),
    ],
)
def test_a_fault_is_told_and_tried_again_only_where_that_may_help(
    asker: Asker, index: LoopbackIndex, fault: str | int, note: str, asked: int
) -> None:
    """Every fault makes a FAILED answer with a reason for a person; passing ones are tried four times, others once."""
    index.fail("requests", fault)

    (answer,) = asker.ask("requests", timeout="0.1s" if fault == "slow" else "2s")

    assert answer.state is AnswerState.FAILED and answer.release is None
    assert note in answer.note
    assert index.requests["requests"] == asked


def test_a_fault_that_passes_leaves_no_trace(asker: Asker, index: LoopbackIndex) -> None:
    """After two bad answers the third is as good as a first."""
    index.fail("requests", 502, times=2)

    (answer,) = asker.ask("requests")

    assert answer.state is AnswerState.OK
    assert index.requests["requests"] == 3


def test_a_failure_is_not_remembered(asker: Asker, index: LoopbackIndex) -> None:
    """The next run asks again; what failed is neither missing nor found."""
    index.fail("requests", 503)
    asker.ask("requests", attempts=1)
    index.heal()

    (answer,) = asker.ask("requests")

    assert answer.release is not None


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(asker: Asker, index: LoopbackIndex, form: str) -> None:
    """After a 429 nobody asks before the time that the index named, as seconds or as a date."""
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    index.fail("requests", 429, times=1, retry_after=1 if form == "seconds" else moment)
    started = time.monotonic()

    answers = asker.ask("requests", "flask", connections=1)

    assert time.monotonic() - started >= 0.95
    assert [answer.state for answer in answers] == [AnswerState.OK, AnswerState.OK]
    assert index.requests == {"requests": 2, "flask": 1}


def test_a_redirect_on_the_same_host_is_followed(asker: Asker, index: LoopbackIndex) -> None:
    """An index may move its pages."""
    index.fail("requests", "redirect", times=1)

    (answer,) = asker.ask("requests")

    assert answer.release is not None


def test_no_connection_is_given_up_soon(asker: Asker, warnings: list[str]) -> None:
    """Where nobody listens, the first look-ups try several times and all others fail at once."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    names = [f"name-{number}" for number in range(200)]
    started = time.monotonic()

    answers = asker.ask(*names, url=f"http://127.0.0.1:{port}", connections=2)

    assert all(answer.state is AnswerState.FAILED for answer in answers)
    assert all(f"no connection to 127.0.0.1:{port}" in answer.note for answer in answers)
    assert time.monotonic() - started < 10


def test_an_endless_answer_is_cut(asker: Asker, index: LoopbackIndex) -> None:
    """An answer larger than the limit is refused while it arrives."""
    source = asker.source()
    source._client._largest = 1000

    async def ask() -> SourceAnswer:
        await source.open()
        try:
            return await source.look_up(Package(name="requests", canonical="requests", version="1"), ())
        finally:
            await source.close()

    answer = asyncio.run(ask())

    assert answer.state is AnswerState.FAILED and "larger than" in answer.note


# --- manners ----------------------------------------------------------------------------------------------------------


def test_never_more_requests_at_once_than_connections(asker: Asker, index: LoopbackIndex, tmp_path: Path) -> None:
    """The bound holds however many packages are asked for at once."""
    names = [f"name-{number}" for number in range(30)]
    with LoopbackIndex({name: [] for name in names}, latency=0.02) as slow:
        answers = asker.ask(*names, url=slow.url, connections=4)

    assert all(answer.release is not None for answer in answers)
    assert 1 < slow.peak <= 4


def test_look_ups_of_one_name_are_shared(asker: Asker, index: LoopbackIndex) -> None:
    """Ten rows with the same package cost one request."""
    answers = asker.ask(*["requests"] * 10)

    assert all(answer.release is not None for answer in answers)
    assert index.requests["requests"] == 1


def test_one_who_leaves_takes_nothing_from_the_others(asker: Asker, index: LoopbackIndex) -> None:
    """When one of two who share a look-up is cancelled, the other still gets the answer."""

    async def ask() -> SourceAnswer:
        source = asker.source()
        await source.open()
        package = Package(name="requests", canonical="requests", version="2.31.0")
        first, second = (asyncio.create_task(source.look_up(package, ())) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        try:
            return await second
        finally:
            await source.close()

    answer = asyncio.run(ask())

    assert answer.release is not None


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_young_answer_is_used_without_asking(asker: Asker, index: LoopbackIndex) -> None:
    """Within max_age the index is left alone, also for another installed version."""
    asker.ask("requests")
    asker.now += DAY - 1

    (answer,) = asker.ask("requests", version="0.0.1")

    assert answer.release is not None and answer.release.installed_exists
    assert index.requests["requests"] == 1


def test_an_old_answer_is_asked_about(asker: Asker, index: LoopbackIndex) -> None:
    """After max_age the index is asked whether anything changed; if not, the answer is young again."""
    (first,) = asker.ask("requests")
    asker.now += DAY + 1

    (second,) = asker.ask("requests")
    (third,) = asker.ask("requests")

    assert first.release == second.release == third.release
    assert index.statuses == {200: 1, 304: 1}


def test_a_changed_package_is_learned_anew(asker: Asker, index: LoopbackIndex) -> None:
    """A new release shows as soon as the old answer has aged."""
    asker.ask("requests")
    index.add("requests", ["2.31.0", "99.0.0"])
    asker.now += DAY + 1

    (answer,) = asker.ask("requests")

    assert answer.release is not None and "99.0.0" in answer.release.versions


def test_a_missing_package_is_believed_for_an_hour(asker: Asker, index: LoopbackIndex) -> None:
    """A package that was not there is asked for again after an hour, whatever max_age says."""
    asker.ask("newcomer")
    asker.now += 3599
    asker.ask("newcomer")
    index.add("newcomer", ["1.0"])
    asker.now += 2

    (answer,) = asker.ask("newcomer")

    assert answer.release is not None
    assert index.requests["newcomer"] == 2


def test_a_clock_that_went_back_makes_nothing_young(asker: Asker, index: LoopbackIndex) -> None:
    """An answer from the future is asked about."""
    asker.ask("requests")
    asker.now -= DAY

    asker.ask("requests")

    assert index.requests["requests"] == 2


def test_offline_uses_what_is_cached(asker: Asker, index: LoopbackIndex) -> None:
    """Offline, an answer of any age will do, and what is not cached fails with the reason."""
    asker.ask("requests")
    asker.now += 100 * DAY

    known, unknown = asker.ask("requests", "flask", offline=True)

    assert known.release is not None and known.as_of == datetime.fromtimestamp(asker.now - 100 * DAY, UTC).date()
    assert (unknown.state, unknown.note) == (AnswerState.FAILED, "offline and not cached")
    assert index.requests == {"requests": 1}


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [{"url": "pypi.org"}, {"connections": 0}, {"connections": 65}, {"timeout": "fast"},
     {"attempts": 0}, {"max_age": "-1h"}, {"ofline": True}, {"url": "http://host:99999"}],
)  # fmt: skip
def test_bad_options_are_refused(table: dict[str, Any]) -> None:
    """Every option is checked before anything is asked."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, PypiOptions)


def test_the_cache_lies_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The default follows XDG_CACHE_HOME; a relative path starts from the settings' folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    default, chosen = PypiOptions().cache_file(Path("/base")), PypiOptions(cache="x.sqlite").cache_file(Path("/base"))

    assert default == tmp_path / "ihacpa" / "pypi.sqlite"
    assert chosen == Path("/base/x.sqlite")


def test_the_offer_makes_a_source(asker: Asker) -> None:
    """The hook offers `pypi` with options that need no value."""
    (offer,) = ihacpa_review_sources()
    make: Callable[..., Any] = offer.factory

    assert offer.name == "pypi"
    assert isinstance(make(PypiOptions(), asker.context), PypiSource)
