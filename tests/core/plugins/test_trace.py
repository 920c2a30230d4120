"""`--trace-hooks FILE`: every call of a hook, its time and what it raised, and nothing of what it was given."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ihacpa_core import ExitCode, Outcome, Record, UsageError, WarningRaised
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.plugins.trace import HookTrace, open_trace
from ihacpa_core.testing import Project

PLUGIN = """
import asyncio
import time
from ihacpa_core import hookimpl

@hookimpl
def ihacpa_warning(event):
    raise RuntimeError("cannot hear")

@hookimpl
def ihacpa_report_header():
    time.sleep(0.02)
    return "secret words"

@hookimpl
def ihacpa_process_record():
    async def slow(call_next, record, context):
        await asyncio.sleep(0.02)
        return await call_next(record, context)
    return slow

@hookimpl
def ihacpa_save_workbook():
    return lambda call_next, updates: call_next(updates)
"""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def traced(tmp_path: Path) -> PluginTable:
    """A table with one plugin, whose calls are noted in trace.jsonl."""
    (tmp_path / "acme.py").write_text(PLUGIN)
    table = PluginTable(trace=HookTrace(tmp_path / "trace.jsonl"))
    table.enable("./acme.py", tmp_path)
    return table


def test_an_event_that_raises_is_seen(traced: PluginTable, tmp_path: Path) -> None:
    """The line says hook, plugin and exception."""
    Dispatcher(traced).notify(WarningRaised(message="hush"))

    (line,) = lines(tmp_path / "trace.jsonl")
    assert (line["hook"], line["exception"]) == ("ihacpa_warning", "RuntimeError: cannot hear")
    assert line["plugin"] == f"file:{tmp_path / 'acme.py'}"
    assert 0 <= line["seconds"] < 1


def test_payloads_are_left_out(traced: PluginTable, tmp_path: Path) -> None:
    """Neither what a hook is given nor what it returns stands in the trace; its time does."""
    Dispatcher(traced).notify(WarningRaised(message="hush"))
    Dispatcher(traced).report_header()

    text = (tmp_path / "trace.jsonl").read_text()
    assert "hush" not in text
    assert "secret words" not in text
    assert lines(tmp_path / "trace.jsonl")[-1]["seconds"] >= 0.02


def test_a_step_is_noted_with_its_own_time(traced: PluginTable, tmp_path: Path) -> None:
    """The time of a middleware is its own, without what it calls next; its being handed out is a line of its own."""

    async def process(record: Record, context: Any) -> Outcome:
        await asyncio.sleep(0.2)
        return Outcome.done(record, {})

    call = Dispatcher(traced).around_record(process)
    asyncio.run(call(Record(row=2, key="a"), None))  # type: ignore[arg-type]

    handed_out, called = lines(tmp_path / "trace.jsonl")
    assert handed_out["hook"] == called["hook"] == "ihacpa_process_record"
    assert handed_out["seconds"] < 0.02 <= called["seconds"] < 0.2


def test_offers_are_noted(tmp_path: Path) -> None:
    """Asking a plugin what it offers is a call like any other."""
    table = PluginTable(trace=HookTrace(tmp_path / "trace.jsonl"))

    table.find("strategy", "size")

    (line,) = lines(tmp_path / "trace.jsonl")
    assert (line["hook"], line["plugin"]) == ("ihacpa_strategies", "ihacpa:ihacpa.strategy:size")


def test_without_a_file_nothing_is_installed(tmp_path: Path) -> None:
    """Off means off: the functions of plugins are called as they are."""
    (tmp_path / "acme.py").write_text(PLUGIN)
    table = PluginTable()
    table.enable("./acme.py", tmp_path)

    (step,) = Dispatcher(table).steps("ihacpa_process_record")

    assert open_trace(None, tmp_path) is None
    assert step.middleware.__module__ == "ihacpa_file_acme"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Before anything else happens."""
    with pytest.raises(UsageError, match=r"the trace .*no/such\.jsonl cannot be written"):
        HookTrace(tmp_path / "no" / "such.jsonl")


def test_a_run_is_traced(tmp_path: Path) -> None:
    """On the command line: offers, steps, events and start-up hooks of a whole run, in the order of their calls."""
    project = Project(tmp_path)
    project.write_workbook(["Name", "Length"], [["numpy"], ["pandas"]])
    project.write("work.py", "def work(record):\n    return {'Length': len(record.key)}\n")
    project.write("acme.py", PLUGIN)

    project.run(
        "book.xlsx", "--processor", "python:work.py:work", "-o", "sheet.header_row=1", "-o", "sheet.key=Name",
        "-p", "./acme.py", "--trace-hooks", "trace.jsonl", expect=ExitCode.OK,
    )  # fmt: skip

    noted = lines(tmp_path / "trace.jsonl")
    hooks = [line["hook"] for line in noted]
    assert {"ihacpa_strategies", "ihacpa_checkpoint_stores", "ihacpa_report_header", "ihacpa_save_workbook"} <= set(
        hooks
    )
    assert hooks.count("ihacpa_process_record") == 3
    assert set(noted[0]) == {"hook", "plugin", "seconds", "exception"}
