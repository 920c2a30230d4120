"""What the sources that ask others over HTTP have in common: shared look-ups, kept answers, keys."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest
from ihacpa_plugins.web.kept import KeptAnswers, cache_folder
from ihacpa_plugins.web.secret import revealed
from ihacpa_plugins.web.shared import Shared

from ihacpa_core import UsageError

# --- shared look-ups --------------------------------------------------------------------------------------------------


class Slow:
    """Learns a key in a moment, or fails as long as it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failing = False

    async def __call__(self, key: str) -> str:
        self.asked.append(key)
        await asyncio.sleep(0.01)
        if self.failing:
            raise ValueError(key)
        return key.upper()


def test_those_who_ask_at_once_get_one_look_up() -> None:
    """A key is asked for once, and what was learned is kept."""
    slow = Slow()

    async def ask() -> list[str]:
        shared = Shared(slow)
        together = await asyncio.gather(*(shared.get("a") for _ in range(5)), shared.get("b"))
        return [*together, await shared.get("a")]

    assert asyncio.run(ask()) == ["A"] * 5 + ["B", "A"]
    assert slow.asked == ["a", "b"]


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    """All who waited hear of it; who asks later asks again."""
    slow = Slow()

    async def ask() -> tuple[list[object], str]:
        shared = Shared(slow)
        slow.failing = True
        failed = await asyncio.gather(*(shared.get("a") for _ in range(3)), return_exceptions=True)
        slow.failing = False
        return list(failed), await shared.get("a")

    failed, later = asyncio.run(ask())
    assert [type(each) for each in failed] == [ValueError] * 3
    assert later == "A"


def test_who_gives_up_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """One who is cancelled takes nothing from the others; a failure that nobody waits for is not shouted about."""
    slow = Slow()

    async def ask() -> str:
        shared = Shared(slow)
        first, second = asyncio.ensure_future(shared.get("a")), asyncio.ensure_future(shared.get("a"))
        await asyncio.sleep(0)
        first.cancel()
        got = await second
        slow.failing = True
        alone = asyncio.ensure_future(shared.get("b"))
        await asyncio.sleep(0)
        alone.cancel()
        await asyncio.sleep(0.03)
        left = asyncio.ensure_future(shared.get("c"))
        await asyncio.sleep(0)
        await shared.close()
        await asyncio.gather(left, alone, return_exceptions=True)
        return got

    assert asyncio.run(ask()) == "A"
    gc.collect()
    assert caplog.records == []


# --- kept answers -----------------------------------------------------------------------------------------------------


def test_an_answer_is_kept_while_it_is_fresh(tmp_path: Path) -> None:
    """It is there until it is too old, and one from days to come is not believed."""
    now = [0.0]
    kept = KeptAnswers(tmp_path / "kept", 60.0, pytest.fail, clock=lambda: now[0])
    kept.put("a/../question", b"answer")
    (path,) = (tmp_path / "kept").iterdir()
    written = path.stat().st_mtime

    answers = []
    for age in (0, 59, 61, -10):
        now[0] = written + age
        answers.append(kept.get("a/../question"))

    assert answers == [b"answer", b"answer", None, None]
    assert kept.get("another") is None
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_cache_lies_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``XDG_CACHE_HOME`` counts if it is absolute."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("nvd") == tmp_path / "ihacpa" / "nvd"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder("nvd") == Path.home() / ".cache" / "ihacpa" / "nvd"


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_taken_from_where_the_setting_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, from a file, or as it stands; what is not set is no key."""
    monkeypatch.setenv("A_KEY", " one ")
    (tmp_path / "key").write_text("two\n")

    found = [revealed(setting, "key", tmp_path) for setting in ("env:A_KEY", "file:key", "three", "env:NOT_SET", "")]

    assert found == ["one", "two", "three", "", ""]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_key_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """It is named, and what is in it is not shown."""
    if content is not None:
        (tmp_path / "key").write_bytes(content)

    with pytest.raises(UsageError, match=r"\[source.x\] key is not there") as error:
        revealed("file:key", "[source.x] key", tmp_path)

    assert error.value.hint == "write the secret into that file"
