"""Each hook, in a run: when it is called, with what, and what comes of what it raises or returns."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ihacpa_core import ExitCode, IhacpaError, PluginError, RunSummary, hookspecs, run
from ihacpa_core.cli.main import main
from ihacpa_core.config.check import load_settings
from ihacpa_core.plugins.dispatch import EVENT_HOOKS
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.testing import Project

ROWS = 7
WATCHER = """\
import threading
from ihacpa_core import hookimpl

HEARD = []

def note(hook):
    def heard(event):
        HEARD.append((hook, event, threading.current_thread() is threading.main_thread()))
    return hookimpl(specname=hook)(heard)

"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hooks")


def length(record: Any) -> dict[str, Any]:
    return {"Length": len(record.key)}


def do_run(folder: Path, *plugins: str, work: Any = length, **more: Any) -> RunSummary:
    """A run over seven rows in batches of three, with a checkpoint a batch."""
    Project(folder).write_workbook(["Name", "Length"], [[f"item-{n}"] for n in range(ROWS)])
    settings: dict[str, Any] = {
        "header_row": 1, "key": "Name", "save_every": "batch", "checkpoint_every": 1, "keep_checkpoints": True,
        "options": {"strategy.size.batch_size": 3},
    }  # fmt: skip
    chosen = {**settings, **more}
    return run(folder / "book.xlsx", processor=work, plugins=list(plugins), **chosen)


def write(folder: Path, name: str, source: str) -> str:
    (folder / name).write_text(f"from ihacpa_core import hookimpl\nHEARD = []\n{source}\n", encoding="utf-8")
    return str(folder / name)


def module_of(name: str) -> Any:
    return sys.modules[f"ihacpa_file_{name}"]


@pytest.fixture(scope="module")
def heard(folder: Path) -> list[tuple[str, Any, bool]]:
    """What an observer of every event heard of one run, and whether that was in the main thread."""
    hooks = "".join(f"{hook} = note('{hook}')\n" for hook in EVENT_HOOKS.values())
    (folder / "watcher.py").write_text(WATCHER + hooks)
    complain = write(
        folder, "complainer.py", "@hookimpl\ndef ihacpa_batch_started(event):\n    raise RuntimeError('no')"
    )

    summary = do_run(folder, str(folder / "watcher.py"), complain)

    assert summary.exit_code is ExitCode.OK
    heard: list[tuple[str, Any, bool]] = module_of("watcher").HEARD
    return heard


def of(heard: Sequence[tuple[str, Any, bool]], hook: str) -> list[Any]:
    """The events of one hook, all heard in the main thread."""
    events = [(event, in_main) for name, event, in_main in heard if name == hook]
    assert all(in_main for _, in_main in events)
    return [event for event, _ in events]


# --- events -----------------------------------------------------------------------------------------------------------


def test_ihacpa_run_started(heard: list[Any]) -> None:
    """Once, first of all, with how much there is to do."""
    (event,) = of(heard, "ihacpa_run_started")

    assert heard[0][1] is event
    assert (event.total, event.left, event.resumed) == (ROWS, ROWS, False)


def test_ihacpa_batch_started(heard: list[Any]) -> None:
    """Once a batch, before its records, with its number and size."""
    events = of(heard, "ihacpa_batch_started")

    assert [(event.number, event.size) for event in events] == [(1, 3), (2, 3), (3, 1)]


def test_ihacpa_record_finished(heard: list[Any]) -> None:
    """Once a record, with its outcome and how many are finished by now."""
    events = of(heard, "ihacpa_record_finished")

    assert sorted(event.outcome.id.key for event in events) == [f"item-{n}" for n in range(ROWS)]
    assert [event.finished for event in events] == list(range(1, ROWS + 1))


def test_ihacpa_batch_committed(heard: list[Any]) -> None:
    """Once a batch, after the last of its records."""
    events = of(heard, "ihacpa_batch_committed")
    names = [name for name, _, _ in heard]

    assert [event.batch.records for event in events] == [3, 3, 1]
    assert names[: names.index("ihacpa_batch_committed")].count("ihacpa_record_finished") == 3


def test_ihacpa_workbook_saved(heard: list[Any], folder: Path) -> None:
    """Once a save, with the path of the workbook and what it holds now; together all cells."""
    events = of(heard, "ihacpa_workbook_saved")

    assert sum(event.cells for event in events) == ROWS
    assert {event.path for event in events} == {folder / "book.xlsx"}
    assert events[-1].fingerprint.size == (folder / "book.xlsx").stat().st_size


def test_ihacpa_checkpoint_written(heard: list[Any]) -> None:
    """Once a checkpoint, each with an id of its own."""
    events = of(heard, "ihacpa_checkpoint_written")

    assert len(events) == len({event.checkpoint_id for event in events}) > 0


def test_ihacpa_warning(heard: list[Any]) -> None:
    """An observer that raises is told to the others, once, with its name and what it raised."""
    messages = [event.message for event in of(heard, "ihacpa_warning")]

    assert len([message for message in messages if "RuntimeError: no" in message]) == 1


def test_ihacpa_run_finished(heard: list[Any]) -> None:
    """Once, last of all, with what was done and the failures of observers counted."""
    (event,) = of(heard, "ihacpa_run_finished")

    assert heard[-1][1] is event
    assert (event.metrics.done, event.metrics.observer_errors, event.exit_code) == (ROWS, 3, 0)


# --- steps ------------------------------------------------------------------------------------------------------------


def test_ihacpa_plan_batch(folder: Path) -> None:
    """A middleware bounds what the strategy asks for; one that fails is left out, and the run goes on."""
    bound = write(
        folder, "a_bound.py",
        "@hookimpl\ndef ihacpa_plan_batch():\n    return lambda call_next, state: min(2, call_next(state))",
    )  # fmt: skip
    broken = write(
        folder, "b_broken.py",
        "@hookimpl\ndef ihacpa_plan_batch():\n    return lambda call_next, state: call_next(state) // 100",
    )  # fmt: skip

    summary = do_run(folder, bound, broken)

    assert summary.metrics.batches == 4
    assert (summary.exit_code, summary.metrics.done) == (ExitCode.OK, ROWS)
    assert summary.metrics.warnings == 1


def test_ihacpa_process_record(folder: Path) -> None:
    """A middleware changes what an outcome holds, so that journal and workbook show its version."""
    source = """
from dataclasses import replace
from ihacpa_core import Cell

@hookimpl
def ihacpa_process_record():
    async def doubled(call_next, record, context):
        if record.key == "item-3":
            raise ValueError("not this one")
        outcome = await call_next(record, context)
        return replace(outcome, cells={c: Cell(cell.value * 2) for c, cell in outcome.cells.items()})
    return doubled
"""
    summary = do_run(folder, write(folder, "double.py", source))

    cells = Project(folder).cells()
    assert [cells.get(f"B{row}") for row in (2, 4, 5, 8)] == [12, 12, None, 12]
    assert (summary.exit_code, summary.metrics.done, summary.metrics.failed) == (ExitCode.INCOMPLETE, ROWS - 1, 1)
    assert [outcome.error.message for outcome in summary.failures if outcome.error] == ["not this one"]


def test_ihacpa_save_workbook(folder: Path) -> None:
    """A middleware surrounds every save, in the saving thread, and hears what it brought."""
    source = """
import threading

@hookimpl
def ihacpa_save_workbook():
    def noted(call_next, updates):
        saved = call_next(updates)
        HEARD.append((len(updates), saved.cells, saved.path.name, threading.current_thread().name))
        return saved
    return noted
"""
    do_run(folder, write(folder, "noted.py", source))

    heard = module_of("noted").HEARD
    assert sum(cells for _, cells, _, _ in heard) == ROWS
    assert {path for _, _, path, _ in heard} == {"book.xlsx"}
    assert all(thread.startswith("ihacpa-save") for *_, thread in heard)


# --- start-up ---------------------------------------------------------------------------------------------------------


def test_ihacpa_report_header(folder: Path) -> None:
    """What plugins have to say stands in the event that begins the run."""
    hooks = "ihacpa_run_started = note('ihacpa_run_started')\n"
    (folder / "header_watcher.py").write_text(WATCHER + hooks)
    header = write(folder, "header.py", "@hookimpl\ndef ihacpa_report_header():\n    return ['policy 7', 'site B']")

    do_run(folder, str(folder / "header_watcher.py"), header)

    assert module_of("header_watcher").HEARD[0][1].header == ("policy 7", "site B")


def test_ihacpa_addoption(folder: Path) -> None:
    """What a plugin declares is checked like any setting, and given to it."""
    source = """
@hookimpl
def ihacpa_addoption(parser):
    parser.addoption("--notify-url", help="where", default="none")

@hookimpl
def ihacpa_configure(settings):
    HEARD.append(settings["notify"]["url"])
"""
    plugin = write(folder, "notify.py", source)

    do_run(folder, plugin, options={"notify.url": "https://example.org"})
    heard = module_of("notify").HEARD
    with pytest.raises(IhacpaError, match=r"notify\.url: expected text, found 5"):
        do_run(folder, plugin, options={"notify.url": 5})

    assert heard == ["https://example.org"]


def test_ihacpa_addcommand(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of a plugin that is switched on is a command of `ihacpa`."""
    source = """
import sys

def hello(args, parts):
    sys.stdout.write("hello there\\n")
    return 0

@hookimpl
def ihacpa_addcommand(commands):
    commands.addcommand("hello", summary="say hello", run=hello)
"""
    plugin = write(folder, "greeter.py", source)
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("IHACPA_")})
    monkeypatch.chdir(folder)

    code = main(["hello", "-p", plugin])

    assert (code, capsys.readouterr().out) == (0, "hello there\n")


def test_ihacpa_configure(folder: Path) -> None:
    """Before a run: who raises keeps it from starting, and the workbook is not touched."""
    plugin = write(
        folder, "strict.py", "@hookimpl\ndef ihacpa_configure(settings):\n    raise RuntimeError('not on a Friday')"
    )
    Project(folder).write_workbook(["Name"], [["a"]])
    before = (folder / "book.xlsx").read_bytes()

    with pytest.raises(PluginError, match=r"strict\.py failed in ihacpa_configure\(\)") as caught:
        run(folder / "book.xlsx", processor=length, plugins=[plugin], header_row=1, key="Name")

    assert "RuntimeError: not on a Friday" in caught.value.why
    assert (folder / "book.xlsx").read_bytes() == before


def test_ihacpa_unconfigure(folder: Path) -> None:
    """After a run: the last plugin first, also when one raises, and when the run could not go on."""
    source = "import sys\n\n@hookimpl\ndef ihacpa_unconfigure():\n    ORDER.append('{0}')\n    {1}"
    for name, more in (("a", "pass"), ("b", "1 / 0"), ("c", "pass")):
        shared = f"ORDER = sys.modules.setdefault('ihacpa_test_order', [])\n{source.format(name, more)}"
        write(folder, f"closing_{name}.py", f"import sys\n{shared}")
    do_run(folder, *(str(folder / f"closing_{name}.py") for name in "abc"))

    order = sys.modules.pop("ihacpa_test_order")
    assert order == ["c", "b", "a"]


def test_ihacpa_health_checks(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ihacpa doctor` makes the checks of plugins, and shows one that raises as failed."""
    source = """
from ihacpa_core import CheckResult, HealthCheck

def broken(context):
    raise RuntimeError("no answer")

@hookimpl
def ihacpa_health_checks():
    return [HealthCheck(name="mail", run=lambda context: CheckResult.passed("it answers")),
            HealthCheck(name="door", run=broken)]
"""
    plugin = write(folder, "healthy.py", source)
    monkeypatch.chdir(folder)

    main(["doctor", "--json", "--offline", "-p", plugin, "-o", "processor=python:json:loads"])

    told = json.dumps(json.loads(capsys.readouterr().out))
    assert "it answers" in told
    assert "no answer" in told


# --- offers: the examples of the specifications, as installed distributions -------------------------------------------


@pytest.fixture
def installed(install: Callable[..., Path]) -> Callable[..., None]:
    """Install the example of a hook as a distribution that announces `name`."""

    def installed(role: str, hook: str, name: str) -> None:
        _, _, example = (inspect.getdoc(getattr(hookspecs, hook)) or "").partition("*Example*::\n")
        install(f"ihacpa-{name}", {f"ihacpa.{role}": {name: f"example_of_{role}"}}, {f"example_of_{role}": example})

    return installed


def test_ihacpa_strategies(folder: Path, installed: Callable[..., None]) -> None:
    """The offer is selected by its name, and cuts the batches."""
    installed("strategy", "ihacpa_strategies", "doubling")

    summary = do_run(folder, strategy="doubling", options={})

    assert (summary.metrics.batches, summary.metrics.done) == (3, ROWS)


def test_ihacpa_checkpoint_stores(folder: Path, installed: Callable[..., None]) -> None:
    """The offer is selected by its name, and keeps the journal."""
    installed("checkpoint", "ihacpa_checkpoint_stores", "forgetful")

    summary = do_run(folder, checkpoint="forgetful", state_dir="forgotten")

    assert summary.exit_code is ExitCode.OK
    assert list((folder / "forgotten").rglob("*.db")) == []


def test_ihacpa_save_backends(folder: Path, installed: Callable[..., None]) -> None:
    """The offer is selected by its name, and writes the workbook."""
    installed("save", "ihacpa_save_backends", "plain")

    do_run(folder, save="plain")

    assert [Project(folder).cells()[f"B{row}"] for row in range(2, 2 + ROWS)] == [6] * ROWS


def test_ihacpa_progress_reporters(
    folder: Path, installed: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The offer is selected by its name, beside another one, and hears the run."""
    installed("progress", "ihacpa_progress_reporters", "bell")

    do_run(folder, progress=["bell", "none"])

    assert capsys.readouterr().err == "\a"


def test_ihacpa_processors(folder: Path, installed: Callable[..., None]) -> None:
    """The offer is selected by its name, and makes the outcomes."""
    installed("processor", "ihacpa_processors", "length")

    do_run(folder, work="length")

    assert Project(folder).cells()["B2"] == 6


def test_ihacpa_executors(folder: Path, installed: Callable[..., None]) -> None:
    """The offer is selected by its name, and runs one record after the other."""
    installed("executor", "ihacpa_executors", "one-by-one")
    running: list[int] = []

    async def alone(record: Any) -> dict[str, Any]:
        running.append(record.row)
        await asyncio.sleep(0)
        assert running == [record.row]
        running.clear()
        return {}

    assert do_run(folder, executor="one-by-one", work=alone).metrics.done == ROWS


def test_ihacpa_review_sources(folder: Path, installed: Callable[..., None]) -> None:
    """The offer is selected by the review's `sources`, by its name."""
    installed("source", "ihacpa_review_sources", "banned")

    settings = load_settings(
        folder, None, {}, {}, ['processor.package-review.sources=["banned"]', "processor=package-review"], PluginTable()
    )

    assert [one.name for one in settings.selected["source"]] == ["banned"]
