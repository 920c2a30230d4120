"""What plugin authors get for their tests: recorder, clock, fixtures, and parts made as a run makes them."""

from __future__ import annotations

import pickle
import subprocess
import sys
import urllib.request

import pluggy
import pytest

import ihacpa_core
from ihacpa_core import (
    Cell,
    CheckpointWritten,
    ExitCode,
    RecordFinished,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
    hookspecs,
    testing,
)
from ihacpa_core.events import EVENT_NAMES
from ihacpa_core.markers import PROJECT
from ihacpa_core.testing import FakeClock, HookRecorder, offered, run_context

pytest_plugins = ["ihacpa_core.testing.plugin"]


def greet(record):
    return {"Greeting": Cell(f"hello {record.key}")}


# --- the recorder -----------------------------------------------------------------------------------------------------


def test_recorder_hears_a_run(ihacpa_project, hook_recorder):
    """Named among the plugins of a run in this process, it has every event in the order in which it was told."""
    book = ihacpa_project.write_workbook(["Name", "Greeting"], [["ann"], ["bob"], ["cem"]])

    summary = ihacpa_core.run(
        book, processor=greet, header_row=1, key="Name", checkpoint_every=1, plugins=[hook_recorder.plugin]
    )

    assert summary.exit_code == ExitCode.OK
    hook_recorder.assert_order(
        "run_started", "batch_started", "record_finished", "batch_committed", "workbook_saved", "run_finished"
    )
    assert (hook_recorder.names[0], hook_recorder.names[-1]) == ("run_started", "run_finished")
    assert [event.outcome.id.key for event in hook_recorder.of(RecordFinished)] == ["ann", "bob", "cem"]
    assert len(hook_recorder.of(RunStarted)) == len(hook_recorder.of(RunFinished)) == 1
    assert hook_recorder.of(WorkbookSaved)[-1].cells == 3


def test_recorder_as_a_plugin_of_its_own():
    """It can be registered with any plugin manager, and implements every event hook."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    recorder = HookRecorder()
    manager.register(recorder)

    manager.hook.ihacpa_warning(event=WarningRaised(message="look"))
    manager.hook.ihacpa_checkpoint_written(event=CheckpointWritten(checkpoint_id="c1", batch=1, seconds=0.1))

    assert recorder.names == ["warning", "checkpoint_written"]
    implemented = {caller.name for caller in manager.get_hookcallers(recorder) or ()}
    assert implemented == {f"ihacpa_{name}" for name in EVENT_NAMES.values()}
    recorder.clear()
    assert recorder.events == []


def test_recorder_tells_what_it_heard_instead():
    """An order that was not kept is an AssertionError with what was heard, repetitions folded."""
    recorder = HookRecorder()
    recorder.events += [WarningRaised(message="one")] * 3
    recorder.events.append(CheckpointWritten(checkpoint_id="c1", batch=1, seconds=0.1))

    recorder.assert_order("warning", "warning", "checkpoint_written")
    with pytest.raises(AssertionError, match="no warning after checkpoint_written; heard: warning x 3, checkpoint_wri"):
        recorder.assert_order("checkpoint_written", "warning")
    with pytest.raises(AssertionError, match="no run_started; heard: nothing"):
        HookRecorder().assert_order("run_started")


def test_recorder_hears_only_while_it_is_open(ihacpa_project):
    """One test's recorder hears nothing of the next test's run."""
    with HookRecorder() as recorder:
        assert recorder.events == []
    book = ihacpa_project.write_workbook(["Name", "Greeting"], [["ann"]])

    ihacpa_core.run(book, processor=greet, header_row=1, key="Name", plugins=[HookRecorder.plugin])

    assert recorder.events == []


# --- the clock --------------------------------------------------------------------------------------------------------


def test_clock_goes_on_when_it_is_told(fake_clock):
    """It stands still, goes forward, and sleeps in no time."""
    begun, day = fake_clock(), fake_clock.now()

    fake_clock.advance(90)
    fake_clock.sleep(0.5)

    assert fake_clock() - begun == 90.5
    assert (fake_clock.now() - day).total_seconds() == 90.5
    assert fake_clock.naps == [0.5]
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)


# --- parts ------------------------------------------------------------------------------------------------------------


def test_offered_makes_a_part_as_a_run_does(tmp_path):
    """The offer's hook is asked, options are checked, and the whole can be sent to another process."""
    make = offered("ihacpa_plugins.strategy.size", "size", batch_size=7)

    strategy = pickle.loads(pickle.dumps(make))(run_context(tmp_path))

    assert strategy.next_size(ihacpa_core.BatchState(number=1)) == 7
    with pytest.raises(ValueError, match="batch_size"):
        offered("ihacpa_plugins.strategy.size", "size", batch_size=0)(run_context(tmp_path))
    with pytest.raises(LookupError, match="offers size, not 'sice'"):
        offered("ihacpa_plugins.strategy.size", "sice").offer()


def test_context_is_that_of_a_run(tmp_path):
    """Its state folder is there, for the owner's eyes only; each field can be another."""
    context = run_context(tmp_path, read_only=True, run_id="mine")

    assert (context.run_id, context.read_only, context.workbook) == ("mine", True, tmp_path / "book.xlsx")
    assert context.state_dir.is_dir()
    assert context.state_dir.stat().st_mode & 0o777 == 0o700


# --- fixtures ---------------------------------------------------------------------------------------------------------


def test_index_fixture_serves(ihacpa_index):
    """The index of a test is there, and knows what the test put into it."""
    ihacpa_index.add("flask", ["3.0"])

    with urllib.request.urlopen(f"{ihacpa_index.url}/pypi/flask/json", timeout=10) as answer:
        assert b'"3.0"' in answer.read()


def test_project_fixture_runs_ihacpa(ihacpa_project):
    """The project of a test is a folder in which ihacpa runs as a person would run it."""
    assert ihacpa_project.run("--version", expect=ExitCode.OK).stdout.startswith("ihacpa")


# --- the module -------------------------------------------------------------------------------------------------------


def test_every_public_name_is_there():
    """`__all__` is sorted and complete."""
    assert testing.__all__ == sorted(testing.__all__)
    assert [name for name in testing.__all__ if getattr(testing, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        testing.Nothing  # noqa: B018


def test_only_contracts_and_fixtures_need_pytest():
    """The rest is used in benchmarks and scripts, where pytest is not installed."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "from ihacpa_core.testing import FakeClock, HookRecorder, LoopbackIndex, Project, offered, run_context\n"
        "try:\n"
        "    from ihacpa_core.testing import CheckpointStoreContract\n"
        "except ImportError as error:\n"
        "    print('no', error.name)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "no pytest"
