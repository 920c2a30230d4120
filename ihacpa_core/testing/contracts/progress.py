"""What every progress reporter must do: hear any run, leave the terminal alone where there is none, and let go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from ihacpa_core.events import EVENT_NAMES, Event
from ihacpa_core.roles import ProgressReporter, RunContext
from ihacpa_core.testing.contracts._events import empty_run, whole_run
from ihacpa_core.testing.contracts._store_tasks import files
from ihacpa_core.testing.contracts.base import Contract, missing_fixture

ReporterFactory = Callable[[RunContext], ProgressReporter]


class ProgressReporterContract(Contract):
    """The rules of the role `progress`. Standard output and error are no terminals while they are tried."""

    @pytest.fixture
    def make_reporter(self) -> ReporterFactory:
        """A function of a `RunContext` that returns a new reporter."""
        return missing_fixture("make_reporter", "a function of a RunContext that returns the reporter")  # type: ignore[no-any-return]

    def test_listens_to_events_that_exist(self, make_reporter: ReporterFactory, context: RunContext) -> None:
        """Every public method ``on_...`` is that of an event: a misspelt one would never be called."""
        reporter = make_reporter(context)

        listening = {name for name in dir(reporter) if name.startswith("on_")}

        assert listening == {f"on_{name}" for name in EVENT_NAMES.values()}
        assert isinstance(reporter, ProgressReporter)
        reporter.close()

    def test_hears_a_whole_run(self, make_reporter: ReporterFactory, context: RunContext) -> None:
        """All events of a run, one that goes on included, are taken without an exception."""
        for resumed in (False, True):
            reporter = make_reporter(context)
            tell(reporter, whole_run(resumed=resumed))
            reporter.close()

    def test_hears_a_run_of_nothing(self, make_reporter: ReporterFactory, context: RunContext) -> None:
        """No records, no seconds: nothing is divided by them."""
        reporter = make_reporter(context)

        tell(reporter, empty_run())

        reporter.close()

    def test_any_event_may_come_first(self, make_reporter: ReporterFactory, context: RunContext) -> None:
        """A reporter that was plugged in late, or whose run never began, takes each event alone."""
        for event in whole_run():
            reporter = make_reporter(context)
            tell(reporter, [event])
            reporter.close()

    def test_closes_after_any_event(self, make_reporter: ReporterFactory, context: RunContext) -> None:
        """Wherever a run breaks off, even before its first event, `close` works, and does no harm a second time."""
        events = whole_run()
        for length in range(len(events) + 1):
            reporter = make_reporter(context)
            tell(reporter, events[:length])
            reporter.close()
            reporter.close()

    def test_no_control_characters_without_a_terminal(
        self, make_reporter: ReporterFactory, context: RunContext, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Whatever names say, what is piped or filed is lines of text, with nothing in it that steers a terminal."""
        reporter = make_reporter(context)
        tell(reporter, whole_run())
        reporter.close()

        told = capfd.readouterr()
        written = [path.read_bytes().decode() for path in files(context.config_dir)]
        steering = {letter for text in (told.out, told.err, *written) for letter in text if not _is_harmless(letter)}
        assert steering == set()

    def test_standard_output_is_left_alone(
        self, make_reporter: ReporterFactory, context: RunContext, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Progress goes to standard error or elsewhere: standard output is for results."""
        reporter = make_reporter(context)
        tell(reporter, whole_run())
        reporter.close()

        assert capfd.readouterr().out == ""

    def test_leaves_no_thread(self, make_reporter: ReporterFactory, context: RunContext) -> None:
        """After `close` nothing of the reporter's is running any more."""
        before = set(threading.enumerate())
        reporter = make_reporter(context)
        tell(reporter, whole_run()[:-1])

        reporter.close()

        assert set(threading.enumerate()) <= before


def tell(reporter: ProgressReporter, events: Iterable[Event]) -> None:
    """Call the reporter's method for each event, as the core does."""
    for event in events:
        getattr(reporter, f"on_{EVENT_NAMES[type(event)]}")(event)


def _is_harmless(letter: str) -> bool:
    return letter in "\n\t" or letter.isprintable()
