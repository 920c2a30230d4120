"""Every hook specification has the same docstring form, a test of its own, and an example that does what it says."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ihacpa_core import (
    BatchCommitted,
    BatchMetrics,
    BatchStarted,
    BatchState,
    BatchStrategy,
    Cell,
    CellUpdate,
    CheckpointStore,
    CheckpointWritten,
    CheckResult,
    Executor,
    Failure,
    Fingerprint,
    Headers,
    HealthCheck,
    Outcome,
    Package,
    PluginError,
    Processor,
    ProgressReporter,
    Record,
    RecordFinished,
    ReviewSource,
    RunContext,
    RunFinished,
    RunInfo,
    RunMetrics,
    RunStarted,
    SaveBackend,
    WarningRaised,
    WorkbookSaved,
    hookspecs,
)
from ihacpa_core.parser import Commands, Parser
from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.plugins.discovery import file_entry
from ihacpa_core.plugins.dispatch import EVENT_HOOKS, STEP_HOOKS, Dispatcher
from ihacpa_core.plugins.rules import hook_arguments
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.testing import run_context

HOOKS = sorted(hook_arguments())
OFFERS = [role.hook for role in ROLES.values()]
KINDS: dict[str, type] = {
    "ihacpa_strategies": BatchStrategy,
    "ihacpa_checkpoint_stores": CheckpointStore,
    "ihacpa_save_backends": SaveBackend,
    "ihacpa_progress_reporters": ProgressReporter,
    "ihacpa_processors": Processor,
    "ihacpa_executors": Executor,
    "ihacpa_review_sources": ReviewSource,
}


# --- the form ---------------------------------------------------------------------------------------------------------


def docstring(hook: str) -> str:
    return inspect.getdoc(getattr(hookspecs, hook)) or ""


@pytest.mark.parametrize("hook", HOOKS)
def test_docstring_form(hook: str) -> None:
    """A summary; when it is called; arguments; what it returns, if anything; what happens if it raises; an example."""
    function = getattr(hookspecs, hook)
    summary, blank, *rest = docstring(hook).splitlines()
    returns = ["Returns"] if inspect.signature(function).return_annotation != "None" else []

    assert summary.endswith(".")
    assert blank == ""
    assert re.findall(r"^\*([^*]+)\*", "\n".join(rest), re.MULTILINE) == [
        "Called", "Arguments", *returns, "If it raises", "Example",
    ]  # fmt: skip
    for argument in hook_arguments()[hook]:
        assert re.search(rf"\*Arguments\*: `{argument}`", docstring(hook))
    assert all(parameter.default is parameter.empty for parameter in inspect.signature(function).parameters.values())


def test_every_hook_is_of_one_family() -> None:
    """Offers, steps, events and start-up hooks together are all hooks there are."""
    start_up = {
        "ihacpa_addoption", "ihacpa_addcommand", "ihacpa_configure", "ihacpa_unconfigure", "ihacpa_health_checks",
        "ihacpa_report_header",
    }  # fmt: skip

    families = [*OFFERS, *STEP_HOOKS, *EVENT_HOOKS.values(), *start_up]

    assert sorted(families) == HOOKS


def test_every_hook_has_a_test_of_its_own() -> None:
    """`test_hooks.py` calls each hook where the product calls it."""
    tree = ast.parse(Path(__file__).with_name("test_hooks.py").read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    assert [hook for hook in HOOKS if f"test_{hook}" not in tests] == []


# --- the examples -----------------------------------------------------------------------------------------------------


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PluginTable:
    """The example of a hook, loaded as the file plugin that it is."""
    hook: str = request.param
    _, _, text = docstring(hook).partition("*Example*::\n")
    path = tmp_path / f"example_{hook}.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    table = PluginTable([])
    table.load(file_entry(str(path), tmp_path))
    return table


def module_of(table: PluginTable) -> Any:
    return table.loaded()[0][1]


def examples_of(hooks: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("example", hooks, ids=hooks, indirect=True)


def offered_by(table: PluginTable, hook: str, context: RunContext) -> Any:
    (offer,) = getattr(module_of(table), hook)()
    made = offer.factory(None, context)
    assert isinstance(made, KINDS[hook])
    return made


@pytest.mark.parametrize("example", HOOKS, ids=HOOKS, indirect=True)
def test_every_example_implements_its_hook(example: PluginTable, request: pytest.FixtureRequest) -> None:
    """Each example is a plugin that follows the rules and implements the hook that it is an example of."""
    hook = request.node.callspec.id

    assert len(Dispatcher(example).order(hook)) == 1


@examples_of(["ihacpa_strategies"])
def test_example_of_strategies(example: PluginTable, tmp_path: Path) -> None:
    """Each batch is twice as large as the one before."""
    strategy = offered_by(example, "ihacpa_strategies", run_context(tmp_path))
    last = BatchMetrics(number=1, records=4, failed=0, seconds=1.0, closed_by="size")

    assert strategy.next_size(BatchState(number=1)) == 1
    assert strategy.next_size(BatchState(number=2, last=last)) == 8


@examples_of(["ihacpa_checkpoint_stores"])
def test_example_of_checkpoint_stores(example: PluginTable, tmp_path: Path) -> None:
    """The store gives back what it was given, as long as it lives."""
    from ihacpa_core import JournalEntry

    store = offered_by(example, "ihacpa_checkpoint_stores", run_context(tmp_path))
    entry = JournalEntry(run_id="r", sequence=1, kind="outcome", payload={})
    store.append([entry])
    store.remove_checkpoint("none")

    assert (list(store.entries("r")), store.runs(), store.checkpoints("r")) == ([entry], ["r"], [])
    store.close()
    assert store.runs() == []


@examples_of(["ihacpa_save_backends"])
def test_example_of_save_backends(example: PluginTable, tmp_path: Path) -> None:
    """The backend writes values."""
    from openpyxl import load_workbook

    book = Workbook()
    book.save(tmp_path / "book.xlsx")
    backend = offered_by(example, "ihacpa_save_backends", run_context(tmp_path))
    session = backend.open(tmp_path / "book.xlsx", "Sheet")
    with (tmp_path / "new.xlsx").open("w+b") as target:
        receipt = session.write(target, [CellUpdate(2, "B", Cell("hello"))])
    session.committed(Fingerprint("", 0))
    session.close()

    assert receipt.changed == 1
    assert load_workbook(tmp_path / "new.xlsx")["Sheet"]["B2"].value == "hello"
    assert backend.inspect(tmp_path / "book.xlsx") == []


@examples_of(["ihacpa_progress_reporters"])
def test_example_of_progress_reporters(
    example: PluginTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bell rings at the end."""
    reporter = offered_by(example, "ihacpa_progress_reporters", run_context(tmp_path))

    reporter.on_run_finished(RUN_FINISHED)

    assert capsys.readouterr().err == "\a"


@examples_of(["ihacpa_processors"])
def test_example_of_processors(example: PluginTable, tmp_path: Path) -> None:
    """The length of the key goes to the column of that name."""
    processor = offered_by(example, "ihacpa_processors", run_context(tmp_path))

    assert processor.bind(Headers({"C": "Length"})) == ["C"]
    assert asyncio.run(processor.process(RECORD, run_context(tmp_path))).cells == {"C": Cell(5)}


@examples_of(["ihacpa_executors"])
def test_example_of_executors(example: PluginTable, tmp_path: Path) -> None:
    """Each record is processed and settled, one after the other."""
    executor = offered_by(example, "ihacpa_executors", run_context(tmp_path))
    heard: list[str] = []

    async def process(record: Record) -> Outcome:
        heard.append(f"process {record.row}")
        return Outcome.done(record, {})

    async def settle(outcome: Outcome) -> None:
        heard.append(f"settle {outcome.row}")

    asyncio.run(executor.run(iter([RECORD, replace(RECORD, row=3)]), process, settle, 4))

    assert heard == ["process 2", "settle 2", "process 3", "settle 3"]


@examples_of(["ihacpa_review_sources"])
def test_example_of_review_sources(example: PluginTable, tmp_path: Path) -> None:
    """One package is banned, others are not."""
    source = offered_by(example, "ihacpa_review_sources", run_context(tmp_path))

    def ids(name: str) -> list[str]:
        answer = asyncio.run(source.look_up(Package(name=name, canonical=name, version="1.0"), ()))
        return [finding.id for finding in answer.findings]

    assert (ids("left-pad"), ids("numpy")) == (["ACME-1"], [])


@examples_of(["ihacpa_plan_batch"])
def test_example_of_plan_batch(example: PluginTable) -> None:
    """No batch takes more than five."""

    class Large(BatchStrategy):
        def next_size(self, state: BatchState) -> int:
            return state.number

    strategy = Dispatcher(example).around_strategy(Large(), pytest.fail)

    assert [strategy.next_size(BatchState(number=number)) for number in (3, 40)] == [3, 5]


@examples_of(["ihacpa_process_record"])
def test_example_of_process_record(example: PluginTable, tmp_path: Path) -> None:
    """The column of notes is taken out of every outcome."""

    async def process(record: Record, context: RunContext) -> Outcome:
        return Outcome.done(record, {"M": Cell(1), "N": Cell("a note")})

    outcome = asyncio.run(Dispatcher(example).around_record(process)(RECORD, run_context(tmp_path)))

    assert outcome.cells == {"M": Cell(1)}


@examples_of(["ihacpa_save_workbook"])
def test_example_of_save_workbook(example: PluginTable, tmp_path: Path) -> None:
    """A copy of each saved workbook lies beside it."""
    (tmp_path / "book.xlsx").write_bytes(b"saved")
    surround = Dispatcher(example).around_save(tmp_path / "book.xlsx", pytest.fail)

    assert surround(lambda updates: WORKBOOK_RECEIPT, []) is WORKBOOK_RECEIPT
    assert (tmp_path / "book.latest.xlsx").read_bytes() == b"saved"


class _Receipt:
    changed, seconds, fingerprint = 3, 0.1, Fingerprint("ab", 5)


WORKBOOK_RECEIPT = _Receipt()
RECORD = Record(row=2, key="numpy", number=1)
RUN = RunInfo(
    run_id="r", workbook="book.xlsx", sheet="Data", started=datetime.now(UTC), original=Fingerprint("", 0), records=4
)
FAILED = Outcome.failed(RECORD, Failure(kind="ValueError", message="no"))
METRICS = BatchMetrics(number=1, records=2, failed=1, seconds=0.2, closed_by="size")
RUN_FINISHED = RunFinished(run=RUN, metrics=RunMetrics(done=3), state="finished", exit_code=0)
EVENTS = {
    "ihacpa_run_started": RunStarted(run=RUN, workbook=Path("book.xlsx"), total=4, left=2, resumed=True, concurrency=4),
    "ihacpa_batch_started": BatchStarted(number=1, size=2),
    "ihacpa_record_finished": RecordFinished(outcome=FAILED, batch=1, finished=3, total=4),
    "ihacpa_batch_committed": BatchCommitted(batch=METRICS, finished=3, total=4),
    "ihacpa_workbook_saved": WorkbookSaved(
        path=Path("book.xlsx"), cells=2, seconds=0.1, fingerprint=Fingerprint("", 0)
    ),
    "ihacpa_checkpoint_written": CheckpointWritten(checkpoint_id="c1", batch=1, seconds=0.1),
    "ihacpa_warning": WarningRaised(message="attention", source="acme"),
    "ihacpa_run_finished": RUN_FINISHED,
}


def done_by(hook: str, module: Any, log: str) -> Any:
    """What the example of an event has to show for it."""
    showing = {
        "ihacpa_run_started": lambda: log,
        "ihacpa_batch_started": lambda: module.sizes,
        "ihacpa_record_finished": lambda: module.failed,
        "ihacpa_batch_committed": lambda: Path("progress.txt").read_text(),
        "ihacpa_workbook_saved": lambda: Path("published.xlsx").read_bytes(),
        "ihacpa_checkpoint_written": lambda: log,
        "ihacpa_warning": lambda: module.warnings,
        "ihacpa_run_finished": lambda: Path("mail.txt").read_text(),
    }
    return showing[hook]()


DONE = {
    "ihacpa_run_started": "2 records to do",
    "ihacpa_batch_started": [2],
    "ihacpa_record_finished": ["numpy"],
    "ihacpa_batch_committed": "3 of 4",
    "ihacpa_workbook_saved": b"saved",
    "ihacpa_checkpoint_written": "checkpoint c1 in 0.100 s",
    "ihacpa_warning": ["acme: attention"],
    "ihacpa_run_finished": "3 done, exit code 0",
}


@examples_of(sorted(EVENT_HOOKS.values()))
def test_examples_of_events(
    example: PluginTable, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    """Each example does with its event what it is there to show."""
    hook = request.node.callspec.id
    Path("book.xlsx").write_bytes(b"saved")

    with caplog.at_level("INFO"):
        failures = Dispatcher(example).notify(EVENTS[hook])

    assert failures == []
    assert done_by(hook, module_of(example), "\n".join(caplog.messages)) == DONE[hook]


@examples_of(["ihacpa_addoption"])
def test_example_of_addoption(example: PluginTable) -> None:
    """The option is declared with flag, table and key."""
    parser = Parser()

    Dispatcher(example).add_options(lambda entry: parser)

    (option,) = parser.options
    assert (option.flag, option.table, option.key, option.default) == ("--notify-url", "notify", "url", "")


@examples_of(["ihacpa_addcommand"])
def test_example_of_addcommand(example: PluginTable) -> None:
    """The command is there, and can be run."""
    commands = Commands()

    Dispatcher(example).add_commands(lambda entry: commands)

    (command,) = commands.commands
    assert (command.name, command.run(None, None)) == ("hello", 0)  # type: ignore[arg-type]


@examples_of(["ihacpa_configure"])
def test_example_of_configure(example: PluginTable) -> None:
    """Settings that break the house rules stop the run before it starts; others do not."""
    hooks = Dispatcher(example)
    hooks.configure(lambda entry: {"ihacpa": {"keep_backups": 3}})

    with pytest.raises(PluginError, match="three backups"):
        hooks.configure(lambda entry: {"ihacpa": {"keep_backups": 1}})


@examples_of(["ihacpa_unconfigure"])
def test_example_of_unconfigure(example: PluginTable) -> None:
    """What was open is let go of."""
    module_of(example).connections.append("open")

    assert Dispatcher(example).unconfigure() == []
    assert module_of(example).connections == []


@examples_of(["ihacpa_health_checks"])
def test_example_of_health_checks(example: PluginTable) -> None:
    """The check says what it found."""
    ((_, check),), failures = Dispatcher(example).health_checks()

    assert failures == []
    assert isinstance(check, HealthCheck)
    assert check.run(None) == CheckResult.passed("the mail server answers")  # type: ignore[arg-type]


@examples_of(["ihacpa_report_header"])
def test_example_of_report_header(example: PluginTable) -> None:
    """The line is there."""
    assert Dispatcher(example).report_header() == (["acme policy of 2026-11"], [])
