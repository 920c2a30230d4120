"""The reporter `plain`: whole lines, nothing a pipe or a log would choke on."""

from __future__ import annotations

import io

import pytest
from ihacpa_plugins.progress._tally import Tally, line, span
from ihacpa_plugins.progress.plain import PlainReporter
from progress_events import BROKEN, FLASK, Clock, committed, play, record, started

from ihacpa_core import Outcome, RecordId, Status


def test_a_line_a_batch() -> None:
    """A run reads as a line at its start, one a batch, and one a warning."""
    stream, clock = io.StringIO(), Clock()

    play(PlainReporter(stream, clock), clock)

    assert stream.getvalue().splitlines() == [
        "run 20260102-030405 begins: packages.xlsx, 3 of 3 records to do",
        "acme policy 7",
        "batch 1: 2 records in 2.0 s, 2 of 3 (66 %), 1 not fully checked, 2.0 a second, about 0.5 s left",
        "warning: the index is slow\N{REPLACEMENT CHARACTER}[2J",
        "batch 2: 1 records in 2.0 s, 3 of 3 (100 %), 1 failed, 1 not fully checked, 1.2 a second",
    ]


def test_resumed_run_says_so() -> None:
    """A run that goes on says how much is left, and its rate counts only what this process did."""
    stream, clock = io.StringIO(), Clock()
    reporter = PlainReporter(stream, clock)

    reporter.on_run_started(started(total=486, left=86))
    clock.time += 2
    for finished in range(401, 411):
        reporter.on_record_finished(
            record(Outcome(id=RecordId(str(finished)), row=1, status=Status.DONE), finished, 486)
        )
    reporter.on_batch_committed(committed(41, 10, 0, 410, 486))

    assert "is resumed: packages.xlsx, 86 of 486" in stream.getvalue()
    assert "5.0 a second, about 15.2 s left" in stream.getvalue()


def test_retried_record_counts_once() -> None:
    """A record that failed and then succeeds is no longer counted as failed."""
    tally = Tally(Clock())

    tally.begin(started())
    tally.count(record(BROKEN, 1))
    tally.count(record(FLASK, 2))
    assert (tally.done, tally.failed) == (1, 1)
    tally.count(record(Outcome(id=BROKEN.id, row=6, status=Status.DONE), 2))

    assert (tally.done, tally.failed) == (2, 0)


def test_rate_forgets() -> None:
    """The rate is that of the last half minute, not of the whole run."""
    clock = Clock()
    tally = Tally(clock)
    tally.begin(started(1000, 1000))
    for finished in range(1, 301):
        tally.count(record(FLASK, finished, 1000))
    clock.time += 60
    for finished in range(301, 331):
        tally.count(record(FLASK, finished, 1000))

    assert tally.rate == pytest.approx(1.0)
    assert tally.seconds_left == pytest.approx(670)


def test_nothing_is_known_at_the_start() -> None:
    """Before the first record there is no rate and no guess."""
    tally = Tally(Clock())
    tally.begin(started())

    assert (tally.rate, tally.seconds_left) == (0.0, None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.9, "59.9 s"),
        (59.97, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    """Durations read as people say them."""
    assert span(seconds) == text


@pytest.mark.parametrize("text", ["a\rb", "a\x1b[0mb", "a\x9bb", "a\u202eb", "a\u2028b", "a\x00b\tc"])
def test_line_has_no_control_characters(text: str) -> None:
    """Nothing that steers a terminal gets through, whatever a workbook or a server says."""
    assert line(text).isprintable()
