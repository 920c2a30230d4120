"""Middleware surrounds a step of the run, and cannot make it lie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ihacpa_core import (
    BatchState,
    BatchStrategy,
    Cell,
    CellUpdate,
    Fingerprint,
    Outcome,
    PluginError,
    Record,
    RecordError,
    RunContext,
    WorkbookError,
)
from ihacpa_core.plugins.dispatch import PROCESS, STEP_HOOKS, Dispatcher
from ihacpa_core.plugins.steps import Step, SurroundedSave, SurroundedStrategy, surround_record
from ihacpa_core.plugins.table import PluginTable

FINGERPRINT = Fingerprint("ab", 7)
RECORD = Record(row=2, key="numpy", number=1)
OTHER = Record(row=3, key="pandas", number=2)
UPDATES = [CellUpdate(2, "B", Cell(1)), CellUpdate(3, "B", Cell(2))]


def steps(hook: str, *middlewares: Callable[..., Any]) -> list[Step]:
    return [Step(f"acme:{letter}", hook, one) for letter, one in zip("abc", middlewares, strict=False)]


# --- handing out ------------------------------------------------------------------------------------------------------


@pytest.fixture
def handing_out(tmp_path: Path) -> Callable[[str, str], Dispatcher]:
    """A dispatcher over one plugin that hands out `expression` in a hook."""

    def handing_out(hook: str, expression: str) -> Dispatcher:
        (tmp_path / "one.py").write_text(
            "import functools\nfrom ihacpa_core import hookimpl\n"
            "async def record(call_next, record, context): ...\n"
            "def size(call_next, state): ...\n"
            "def save(call_next, updates): ...\n"
            "async def later(call_next, updates): ...\n"
            "class Callable:\n    async def __call__(self, call_next, record, context): ...\n"
            f"@hookimpl\ndef {hook}():\n    return {expression}\n"
        )
        table = PluginTable([])
        table.enable("./one.py", tmp_path)
        return Dispatcher(table)

    return handing_out


@pytest.mark.parametrize(
    ("hook", "expression"),
    [
        ("ihacpa_plan_batch", "size"),
        ("ihacpa_plan_batch", "None"),
        ("ihacpa_plan_batch", "lambda call_next, state, bound=5: bound"),
        ("ihacpa_process_record", "record"),
        ("ihacpa_process_record", "Callable()"),
        ("ihacpa_process_record", "functools.partial(record)"),
        ("ihacpa_save_workbook", "save"),
    ],
)
def test_what_a_middleware_may_be(handing_out: Callable[..., Dispatcher], hook: str, expression: str) -> None:
    """A function, a partial or an object that is called, of the right arguments; or None for none."""
    assert len(handing_out(hook, expression).steps(hook)) == (expression != "None")


@pytest.mark.parametrize(
    ("hook", "expression", "why"),
    [
        ("ihacpa_plan_batch", "5", "it returned an int, which cannot be called"),
        ("ihacpa_plan_batch", "record", "it returned an async function, which nobody would await"),
        ("ihacpa_plan_batch", "lambda state: 5", "it returned a function of (state)"),
        ("ihacpa_process_record", "save", "it returned a function that is not async"),
        ("ihacpa_process_record", "later", "it returned a function of (call_next, updates)"),
        ("ihacpa_process_record", "record(1, 2, 3)", "it returned a coroutine"),
        ("ihacpa_save_workbook", "later", "it returned an async function, which nobody would await"),
        ("ihacpa_save_workbook", "[save]", "it returned a list, which cannot be called"),
        ("ihacpa_save_workbook", "1 / 0", "ZeroDivisionError: division by zero ["),
    ],
)
def test_what_a_middleware_may_not_be(
    handing_out: Callable[..., Dispatcher], hook: str, expression: str, why: str
) -> None:
    """Another shape is refused before the run, with what was found and what is expected."""
    with pytest.raises(PluginError, match=r"plugin \./one\.py") as caught:
        handing_out(hook, expression).make_steps()

    assert caught.value.why.startswith(why)
    assert str(STEP_HOOKS[hook]) in caught.value.hint or "ZeroDivisionError" in why


def test_a_middleware_is_asked_for_once(tmp_path: Path) -> None:
    """Whoever looks at the steps later gets what was handed out at the start."""
    (tmp_path / "once.py").write_text(
        "from ihacpa_core import hookimpl\nASKED = []\n\n@hookimpl\ndef ihacpa_plan_batch():\n"
        "    ASKED.append(1)\n    return lambda call_next, state: call_next(state)\n"
    )
    table = PluginTable([])
    table.enable("./once.py", tmp_path)
    Dispatcher(table).make_steps()

    first = Dispatcher(table).steps("ihacpa_plan_batch")

    assert Dispatcher(table).steps("ihacpa_plan_batch") is first
    module: Any = table.loaded()[0][1]
    assert module.ASKED == [1]


# --- sizes ------------------------------------------------------------------------------------------------------------


class Ten(BatchStrategy):
    def __init__(self) -> None:
        self.asked = 0

    def next_size(self, state: BatchState) -> int:
        self.asked += 1
        return 10


def test_sizes_pass_from_the_inside_out() -> None:
    """The strategy answers first; the outermost middleware has the last word."""

    def minus_one(call_next: Any, state: Any) -> int:
        return int(call_next(state)) - 1

    def doubled(call_next: Any, state: Any) -> int:
        return 2 * int(call_next(state))

    strategy = SurroundedStrategy(Ten(), steps("ihacpa_plan_batch", minus_one, doubled), pytest.fail)

    assert strategy.next_size(BatchState(number=1)) == 19


def _raise(call_next: Any, state: Any) -> int:
    call_next(state)
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("middleware", "told"),
    [
        (_raise, "plugin acme:a raised RuntimeError: no idea in ihacpa_plan_batch()"),
        (lambda call_next, state: 0, "plugin acme:a asked for a batch of 0 records"),
        (lambda call_next, state: True, "asked for a batch of True records"),
        (lambda call_next, state: None, "asked for a batch of None records"),
        (lambda call_next, state: 2.0, "asked for a batch of 2.0 records"),
    ],
)
def test_a_middleware_that_answers_nonsense_is_left_out(middleware: Any, told: str) -> None:
    """It is told once; the strategy's own answer counts, is asked for once, and the other middlewares still hold."""
    told_so_far: list[str] = []
    inner = Ten()
    both = steps("ihacpa_plan_batch", middleware, lambda call_next, state: call_next(state) + 1)
    strategy = SurroundedStrategy(inner, both, told_so_far.append)

    sizes = [strategy.next_size(BatchState(number=number)) for number in (1, 2)]

    assert sizes == [11, 11]
    assert inner.asked == 2
    assert len(told_so_far) == 1
    assert told in told_so_far[0]


# --- records ----------------------------------------------------------------------------------------------------------


async def done(record: Record, context: RunContext) -> Outcome:
    return Outcome.done(record, {"B": Cell(record.row)})


def processed(*middlewares: Callable[..., Any], process: Any = done) -> Outcome:
    call = surround_record(steps("ihacpa_process_record", *middlewares), process)
    return asyncio.run(call(RECORD, None))  # type: ignore[arg-type]


def test_records_pass_in_the_printed_order() -> None:
    """The first plugin in the order of ids is the outermost."""
    heard: list[str] = []

    def noting(name: str) -> Any:
        async def surround(call_next: Any, record: Any, context: Any) -> Any:
            heard.append(name)
            outcome = await call_next(record, context)
            heard.append(name.upper())
            return outcome

        return surround

    processed(noting("a"), noting("b"))

    assert heard == ["a", "b", "B", "A"]


def test_a_middleware_may_try_again() -> None:
    """What the core calls may be called again, as a retry does."""
    tries: list[int] = []

    async def flaky(record: Record, context: RunContext) -> Outcome:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError
        return await done(record, context)

    async def patient(call_next: Any, record: Any, context: Any) -> Any:
        for _ in range(2):
            try:
                return await call_next(record, context)
            except TimeoutError:
                continue
        return await call_next(record, context)

    assert processed(patient, process=flaky).cells == {"B": Cell(2)}


async def _nothing(call_next: Any, record: Any, context: Any) -> Any:
    return None


async def _another(call_next: Any, record: Any, context: Any) -> Any:
    return await call_next(OTHER, context)


async def _passed_on(call_next: Any, record: Any, context: Any) -> Any:
    return await call_next(record, context)


@pytest.mark.parametrize(
    ("process", "middleware", "why"),
    [
        (done, _nothing, "plugin acme:a returned a NoneType where an Outcome was expected"),
        (done, _another, "plugin acme:a returned the outcome of pandas for numpy"),
        (partial(_nothing, None), _passed_on, "the processor returned a NoneType where an Outcome was expected"),
    ],
)
def test_an_outcome_is_that_of_its_record(process: Any, middleware: Any, why: str) -> None:
    """Something else fails the record, and the message says whose it was."""
    with pytest.raises(RecordError, match=why):
        processed(middleware, process=process)


# --- saves ------------------------------------------------------------------------------------------------------------


@dataclass
class Receipt:
    changed: int = 2
    seconds: float = 0.5
    fingerprint: Fingerprint = FINGERPRINT


class Save:
    """The core's own save: fails so many times, then saves."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.receipt = Receipt()
        self.saved: list[Sequence[CellUpdate]] = []

    def __call__(self, updates: Sequence[CellUpdate]) -> Receipt:
        if self.failing:
            self.failing -= 1
            raise WorkbookError("the disk is full")
        self.saved.append(updates)
        return self.receipt


def saving(save: Save, *middlewares: Callable[..., Any]) -> tuple[Receipt, list[str]]:
    told: list[str] = []
    surround = SurroundedSave(steps("ihacpa_save_workbook", *middlewares), Path("book.xlsx"), told.append)
    return surround(save, UPDATES), told


def _plain(call_next: Any, updates: Any) -> Any:
    return call_next(updates)


def test_a_save_without_middleware_is_the_cores_own() -> None:
    """Nothing is put round it."""
    save = Save()

    assert saving(save) == (save.receipt, [])


def test_a_middleware_hears_what_a_save_brought() -> None:
    """It is told path, cells, duration and fingerprint; the core keeps its own receipt."""
    heard: list[Any] = []

    def noted(call_next: Any, updates: Any) -> Any:
        heard.append(call_next(updates))
        return heard[-1]

    save = Save()
    receipt, told = saving(save, noted, _plain)

    assert (receipt, told) == (save.receipt, [])
    assert (heard[0].path, heard[0].cells, heard[0].fingerprint) == (Path("book.xlsx"), 2, FINGERPRINT)


def test_a_middleware_may_save_again_after_a_failure() -> None:
    """A retry is a middleware; a save that worked is not made twice."""

    def patient(call_next: Any, updates: Any) -> Any:
        try:
            call_next(updates)
        except WorkbookError:
            call_next(updates)
        return call_next(updates)

    save = Save(failing=1)
    receipt, told = saving(save, patient)

    assert (receipt, told, len(save.saved)) == (save.receipt, [], 1)


def _swallow(call_next: Any, updates: Any) -> Any:
    try:
        return call_next(updates)
    except WorkbookError:
        return None


def _rename(call_next: Any, updates: Any) -> Any:
    try:
        return call_next(updates)
    except WorkbookError as error:
        raise RuntimeError("something went wrong") from error


@pytest.mark.parametrize("middleware", [_plain, _swallow, _rename])
def test_a_failed_save_cannot_be_hidden(middleware: Any) -> None:
    """Whatever a middleware makes of it, the core hears its own error."""
    with pytest.raises(WorkbookError, match="the disk is full"):
        saving(Save(failing=5), middleware)


def _refuse(call_next: Any, updates: Any) -> Any:
    raise RuntimeError("not on a Friday")


@pytest.mark.parametrize(
    ("middleware", "why"),
    [
        (_refuse, "plugin acme:b raised RuntimeError: not on a Friday in ihacpa_save_workbook()"),
        (lambda call_next, updates: None, "plugin acme:b raised TypeError: returned a NoneType"),
        (lambda call_next, updates: call_next(updates[:1]), "plugin acme:b raised ValueError: changed the updates"),
    ],
)
def test_a_middleware_that_keeps_the_workbook_from_being_saved_is_named(middleware: Any, why: str) -> None:
    """It did not happen, and the error says who kept it from happening."""
    save = Save()

    with pytest.raises(WorkbookError, match="the workbook was not saved") as caught:
        saving(save, _plain, middleware)

    assert caught.value.why.startswith(why)
    assert save.saved == []


def _late(call_next: Any, updates: Any) -> Any:
    call_next(updates)
    raise OSError("the share is gone")


@pytest.mark.parametrize(
    ("middleware", "what"), [(_late, "raised OSError: the share is gone"), (_swallow, "")], ids=["raises", "fine"]
)
def test_what_fails_after_the_save_costs_no_save(middleware: Any, what: str) -> None:
    """The workbook is saved and counts as saved; the failure is told, with the plugin's name."""
    save = Save()

    receipt, told = saving(save, _plain, middleware)

    assert receipt is save.receipt
    assert len(told) == bool(what)
    assert all(
        text.startswith(f"plugin acme:b {what}") and text.endswith("after the workbook was saved") for text in told
    )


def test_the_outermost_is_blamed_for_what_it_did_itself() -> None:
    """An inner middleware that did its part is not named for a failure outside of it."""

    def outer(call_next: Any, updates: Any) -> Any:
        call_next(updates)
        return 5

    _, told = saving(Save(), outer, _plain)

    assert told[0].startswith("plugin acme:a raised TypeError: returned an int")


def test_process_is_the_name_of_a_hook() -> None:
    """The names of the steps are those of the specifications."""
    assert PROCESS in STEP_HOOKS
