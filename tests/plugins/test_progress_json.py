"""The reporter `json`: every line an object that a machine can rely on."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ihacpa_plugins.progress import json as plugin
from ihacpa_plugins.progress.json import JsonOptions, JsonReporter
from progress_events import Clock, play, started

from ihacpa_core import RunContext


def now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_an_object_a_line() -> None:
    """Each event is one line of ASCII with its type, the schema, the time and the run that it is about."""
    stream = io.StringIO()

    play(JsonReporter("r7", stream=stream, now=now), Clock())

    lines = objects(stream.getvalue())
    assert stream.getvalue().replace("\n", "").isprintable()
    assert [line["type"] for line in lines] == [
        "run_started",
        "batch_started",
        "record_finished",
        "record_finished",
        "batch_committed",
        "warning",
        "workbook_saved",
        "checkpoint_written",
        "batch_started",
        "record_finished",
        "batch_committed",
        "run_finished",
    ]
    for line in lines:
        assert (line["schema"], line["time"], line["run"]) == (1, "2026-01-02T03:04:05+00:00", started().run.run_id)


def test_failed_record_tells_why() -> None:
    """A failed record's line holds its key as it is, its row, and the cause."""
    stream = io.StringIO()

    play(JsonReporter("r7", stream=stream, now=now), Clock())

    [failed] = [line for line in objects(stream.getvalue()) if line.get("status") == "failed"]
    assert (failed["key"], failed["row"], failed["attempts"]) == ("br\x1bo\nken", 6, 3)
    assert failed["error"]["kind"] == "TimeoutError"
    assert (failed["finished"], failed["total"], failed["batch"]) == (3, 3, 2)


def test_end_holds_the_metrics() -> None:
    """The last line holds the exit code, the metrics and the failures."""
    stream = io.StringIO()

    play(JsonReporter("r7", stream=stream, now=now), Clock())

    last = objects(stream.getvalue())[-1]
    assert (last["exit_code"], last["state"]) == (3, "finished")
    assert last["metrics"]["done"] == 2
    assert last["metrics"]["records_per_second"] == 0.75
    assert [failure["row"] for failure in last["failures"]] == [6]


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext(run_id="r7", workbook=tmp_path / "b.xlsx", state_dir=tmp_path / "state", config_dir=tmp_path)


def test_file_lies_beside_the_settings_and_is_appended_to(context: RunContext, tmp_path: Path) -> None:
    """A relative path starts from the settings' folder; a second run goes on in the same file."""
    [offer] = plugin.ihacpa_progress_reporters()
    for _ in range(2):
        play(offer.factory(JsonOptions(path="progress.jsonl"), context), Clock())

    assert len(objects((tmp_path / "progress.jsonl").read_text())) == 24


def test_nothing_is_opened_before_the_first_event(context: RunContext, tmp_path: Path) -> None:
    """A reporter that hears nothing, as in a dry run, leaves no file behind."""
    [offer] = plugin.ihacpa_progress_reporters()
    offer.factory(JsonOptions(path="progress.jsonl"), context).close()

    assert list(tmp_path.iterdir()) == []


def test_each_line_is_there_at_once(tmp_path: Path) -> None:
    """A reader that follows the file sees each event as soon as it was told."""
    reporter = JsonReporter("r7", tmp_path / "progress.jsonl")

    reporter.on_run_started(started())

    assert len(objects((tmp_path / "progress.jsonl").read_text())) == 1
    reporter.close()


def test_torn_line_is_ended(tmp_path: Path) -> None:
    """What a killed run left of its last line does not swallow the first line of the next one."""
    path = tmp_path / "progress.jsonl"
    path.write_text('{"type": "rec')
    reporter = JsonReporter("r7", path)

    reporter.on_run_started(started())
    reporter.close()

    torn, whole = path.read_text().splitlines()
    assert torn == '{"type": "rec'
    assert json.loads(whole)["type"] == "run_started"


def test_broken_pipe_is_raised() -> None:
    """A reader that went away is the core's to count: the reporter raises, and its end raises no more."""
    reading, writing = os.pipe()
    os.close(reading)
    reporter = JsonReporter("r7", Path(f"/dev/fd/{writing}"))

    with pytest.raises(OSError, match="pipe"):
        reporter.on_run_started(started())

    reporter.close()
    os.close(writing)


def test_path_that_cannot_be_opened_is_raised(tmp_path: Path) -> None:
    """A path that leads nowhere is raised at the first event."""
    with pytest.raises(OSError, match="nowhere"):
        JsonReporter("r7", tmp_path / "nowhere" / "progress.jsonl").on_run_started(started())
