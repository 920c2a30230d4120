"""The reporter `rich`, on a real pseudo-terminal and into a real pipe."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

import pytest
from ihacpa_plugins.progress.none import ihacpa_progress_reporters as none_offers
from ihacpa_plugins.progress.plain import PlainReporter
from ihacpa_plugins.progress.rich import RichReporter
from progress_events import FLASK, Clock, play, record, started

from ihacpa_core import BatchStarted, ProgressReporter

pty = pytest.importorskip("pty", reason="pseudo-terminals are a thing of POSIX")

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
COLOUR = re.compile(r"\x1b\[[0-9;]*[34]\d[0-9;]*m")
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Terminal:
    """A pseudo-terminal: what is written to `stream` comes out of `seen`."""

    master: int
    stream: TextIO

    def seen(self) -> str:
        self.stream.flush()
        os.set_blocking(self.master, False)
        parts = []
        try:
            while part := os.read(self.master, 65536):
                parts.append(part)
        except BlockingIOError:
            return b"".join(parts).decode()
        return b"".join(parts).decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield Terminal(master, stream)
    os.close(master)


def now() -> datetime:
    return datetime(2026, 1, 2, 14, 18, 5)


def test_bar_tells_the_run(terminal: Terminal) -> None:
    """On a terminal the bar shows batch, counts, rate, time left and the last save; warnings stand above it."""
    clock = Clock()

    play(RichReporter(terminal.stream, clock, now), clock)

    text = STEERING.sub("", terminal.seen())
    for part in ("packages.xlsx", "3/3", "100%", "batch 2", "2 done", "1 failed", "1 not fully checked", "/s"):
        assert part in text
    assert "saved 14:18:05" in text
    assert "warning: the index is slow\N{REPLACEMENT CHARACTER}[2J" in text
    assert "acme policy 7" in text


def test_terminal_is_given_back(terminal: Terminal) -> None:
    """The cursor that the bar hides is shown again at the end, and closing twice does no harm."""
    clock = Clock()
    reporter = RichReporter(terminal.stream, clock)

    play(reporter, clock)
    reporter.close()

    text = terminal.seen()
    assert HIDE in text
    assert text.rindex(SHOW) > text.rindex(HIDE)
    assert text.endswith(("\n", SHOW))


def test_terminal_is_given_back_after_an_exception(terminal: Terminal) -> None:
    """A run that breaks in the middle of a batch leaves a usable terminal once the reporter is closed."""
    reporter = RichReporter(terminal.stream, Clock())

    def broken_run() -> None:
        try:
            reporter.on_run_started(started())
            reporter.on_batch_started(BatchStarted(number=1, size=2))
            raise RuntimeError("out of the blue")
        finally:
            reporter.close()

    with pytest.raises(RuntimeError):
        broken_run()

    text = terminal.seen()
    assert text.rindex(SHOW) > text.rindex(HIDE)


def test_time_left_is_shown(terminal: Terminal) -> None:
    """In the middle of a run the bar says how long the rest takes."""
    clock = Clock()
    reporter = RichReporter(terminal.stream, clock)
    reporter.on_run_started(started(total=100, left=100))
    clock.time += 1
    reporter.on_record_finished(record(FLASK, 1, 100))
    reporter.close()

    assert "1.0/s · 1 min 39 s left" in STEERING.sub("", terminal.seen())


@pytest.mark.parametrize("no_color", [True, False])
def test_no_color(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    """NO_COLOR turns the colours off, and nothing else does on a terminal that has them."""
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    clock = Clock()

    play(RichReporter(terminal.stream, clock), clock)

    assert bool(COLOUR.search(terminal.seen())) is not no_color


@pytest.mark.parametrize("kind", [RichReporter, PlainReporter])
@pytest.mark.parametrize("forced", [True, False])
def test_pipe_gets_no_control_characters(
    kind: type[RichReporter | PlainReporter], forced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a pipe nothing but plain lines is written, even where the environment asks for colour."""
    if forced:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
    reading, writing = os.pipe()
    clock = Clock()
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        play(kind(stream, clock), clock)
    with os.fdopen(reading, encoding="utf-8", newline="") as pipe:
        text = pipe.read()

    assert "warning: the index is slow" in text
    assert all(line.isprintable() for line in text.split("\n"))


def test_pipe_gets_warnings_only() -> None:
    """Asked for by name and piped, `rich` writes warnings and nothing else."""
    stream, clock = io.StringIO(), Clock()

    play(RichReporter(stream, clock), clock)

    assert stream.getvalue() == "warning: the index is slow\N{REPLACEMENT CHARACTER}[2J\n"


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream, reporters write to standard error and leave standard output alone."""
    clock = Clock()
    for reporter in (RichReporter(clock=clock), PlainReporter(clock=clock)):
        play(reporter, clock)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("warning: ") == 2


def test_none_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The reporter `none` hears everything and says nothing."""
    [offer] = none_offers()
    reporter = offer.factory(None, None)  # type: ignore[arg-type]
    assert isinstance(reporter, ProgressReporter)

    play(reporter, Clock())

    assert capsys.readouterr() == ("", "")


def test_core_does_not_load_rich() -> None:
    """The plain reporters do not need rich."""
    code = "import sys, ihacpa_plugins.progress.plain, ihacpa_plugins.progress.json; sys.exit('rich' in sys.modules)"

    assert os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", code], dict(os.environ)) == 0
