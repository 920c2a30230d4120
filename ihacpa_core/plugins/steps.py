"""How the steps of a run are surrounded by what plugins put round them.

The first step of a list is the outermost. What must hold whatever a plugin does is seen to here: a batch has a size, an
outcome belongs to its record, and a workbook counts as saved only if it was.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ihacpa_core.errors import FAULTS, RecordError, WorkbookError
from ihacpa_core.events import WorkbookSaved
from ihacpa_core.records import Outcome
from ihacpa_core.roles import BatchStrategy, Close

if TYPE_CHECKING:
    from ihacpa_core.hookspecs import CallNextRecord, CallNextSave, CallNextSize
    from ihacpa_core.records import CellUpdate, Record
    from ihacpa_core.roles import RunContext
    from ihacpa_core.state import BatchMetrics, BatchState, Fingerprint


@dataclass(frozen=True, slots=True)
class Step:
    """What one plugin puts round a step."""

    plugin_id: str
    hook: str
    middleware: Callable[..., Any]

    def __str__(self) -> str:
        return f"plugin {self.plugin_id}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a middleware looks like: its arguments, what it returns, whether it is awaited."""

    arguments: tuple[str, ...]
    returns: str
    awaited: bool = False

    def __str__(self) -> str:
        return f"{'async ' if self.awaited else ''}({', '.join(self.arguments)}) -> {self.returns}"

    def problem(self, middleware: object) -> str:
        """What is wrong with `middleware`, or an empty text."""
        if inspect.iscoroutine(middleware):
            middleware.close()
            return "a coroutine: the hook itself is no coroutine, what it returns may be"
        if not callable(middleware):
            return f"{_a(type(middleware).__name__)}, which cannot be called"
        if _is_async(middleware) != self.awaited:
            return "a function that is not async" if self.awaited else "an async function, which nobody would await"
        try:
            inspect.signature(middleware).bind(*self.arguments)
        except TypeError:
            return f"a function of {inspect.signature(middleware)}"
        except ValueError:  # a built-in without a signature: called, it will show
            return ""
        return ""


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _is_async(middleware: Any) -> bool:
    while isinstance(middleware, partial):
        middleware = middleware.func
    call = getattr(middleware, "__call__", None)  # noqa: B004  an object may have an async __call__
    return inspect.iscoroutinefunction(middleware) or inspect.iscoroutinefunction(call)


# --- the size of a batch ----------------------------------------------------------------------------------------------


class SurroundedStrategy(BatchStrategy):
    """`strategy`, whose sizes pass through `steps`. A step that fails is told once and left out from then on.

    :param strategy: answers a size whatever happens.
    """

    def __init__(self, strategy: BatchStrategy, steps: Sequence[Step], warn: Callable[[str], None]) -> None:
        self._strategy = strategy
        self._next_size: CallNextSize = strategy.next_size
        for step in reversed(steps):
            self._next_size = _SizeStep(step, self._next_size, warn)

    def next_size(self, state: BatchState) -> int:
        return self._next_size(state)

    def should_close(self, state: BatchState) -> Close | None:
        return self._strategy.should_close(state)

    def observe(self, metrics: BatchMetrics) -> None:
        self._strategy.observe(metrics)


class _SizeStep:
    def __init__(self, step: Step, call_next: CallNextSize, warn: Callable[[str], None]) -> None:
        self._step = step
        self._call_next = call_next
        self._warn = warn
        self._broken = False

    def __call__(self, state: BatchState) -> int:
        if self._broken:
            return self._call_next(state)
        answers: list[int] = []

        def call_next(state: BatchState) -> int:
            answers.append(self._call_next(state))
            return answers[-1]

        try:
            size: object = self._step.middleware(call_next, state)
        except FAULTS as error:  # a plugin's fault costs its opinion, not the run
            return self._give_up(f"raised {type(error).__name__}: {error}", answers, state)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            return self._give_up(f"asked for a batch of {size!r} records", answers, state)
        return size

    def _give_up(self, what: str, answers: Sequence[int], state: BatchState) -> int:
        self._broken = True
        self._warn(f"{self._step} {what} in {self._step.hook}(); the run goes on without it")
        return answers[-1] if answers else self._call_next(state)


# --- a record ---------------------------------------------------------------------------------------------------------


def surround_record(steps: Sequence[Step], process: CallNextRecord) -> CallNextRecord:
    """`process`, surrounded by `steps`; each outcome is that of its record, or the record failed."""
    call = _checked(process, "the processor")
    for step in reversed(steps):
        call = _checked(partial(step.middleware, call), str(step))
    return call


def _checked(process: Callable[[Record, RunContext], Any], who: str) -> CallNextRecord:
    async def call(record: Record, context: RunContext) -> Outcome:
        outcome = await process(record, context)
        if not isinstance(outcome, Outcome):
            raise RecordError(f"{who} returned {_a(type(outcome).__name__)} where an Outcome was expected")
        if outcome.id != record.id:
            raise RecordError(f"{who} returned the outcome of {outcome.id} for {record.id}")
        return outcome

    return call


# --- a save -----------------------------------------------------------------------------------------------------------


class Receipt(Protocol):
    """What the core's own save returns."""

    @property
    def changed(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def fingerprint(self) -> Fingerprint: ...


R = TypeVar("R", bound=Receipt)
Updates = Sequence["CellUpdate"]


@dataclass(frozen=True, slots=True)
class SurroundedSave:
    """Makes saves that pass through `steps`. What the core's own save said is what counts.

    :param path: the workbook.
    :param warn: hears of a step that failed after the workbook was saved; called in the saving thread.
    """

    steps: Sequence[Step]
    path: Path
    warn: Callable[[str], None]

    def __call__(self, save: Callable[[Updates], R], updates: Updates) -> R:
        """Save.

        :raises WorkbookError: a step kept the workbook from being saved; what `save` itself raised goes first.
        """
        return save(updates) if not self.steps else _OneSave(self, save, updates).run()


class _OneSave(Generic[R]):
    def __init__(self, plan: SurroundedSave, save: Callable[[Updates], R], updates: Updates) -> None:
        self._plan = plan
        self._save = save
        self._updates = updates
        self._receipt: R | None = None
        self._failure: BaseException | None = None
        self._to_blame = plan.steps[0]

    def run(self) -> R:
        call: CallNextSave = self._innermost
        for step in reversed(self._plan.steps):
            call = partial(self._through, step, call)
        try:
            call(self._updates)
        except FAULTS as error:  # code of others; what it means depends on how far the save came
            return self._after(f"raised {type(error).__name__}: {error}", error)
        return self._after("did not call call_next()", None) if self._receipt is None else self._receipt

    def _after(self, what: str, error: BaseException | None) -> R:
        told = f"{self._to_blame} {what} in {self._to_blame.hook}()"
        if self._receipt is not None:
            self._plan.warn(f"{told}, after the workbook was saved")
            return self._receipt
        if self._failure is not None:
            raise self._failure
        raise WorkbookError("the workbook was not saved", why=told, hint="repair or remove the plugin") from error

    def _through(self, step: Step, call_next: CallNextSave, updates: Updates) -> WorkbookSaved:
        self._to_blame = step
        saved = step.middleware(call_next, updates)
        self._to_blame = step  # the inner ones were heard without complaint
        if not isinstance(saved, WorkbookSaved):
            raise TypeError(f"returned {_a(type(saved).__name__)} where what call_next() returned was expected")
        return saved

    def _innermost(self, updates: Updates) -> WorkbookSaved:
        if list(updates) != list(self._updates):
            raise ValueError("changed the updates; what must not be written does not belong in an outcome")
        receipt = self._receipt or self._saved()
        return WorkbookSaved(
            path=self._plan.path, cells=receipt.changed, seconds=receipt.seconds, fingerprint=receipt.fingerprint
        )

    def _saved(self) -> R:
        self._failure = None
        try:
            self._receipt = self._save(self._updates)
        except BaseException as error:  # kept, so that no plugin can hide it
            self._failure = error
            raise
        return self._receipt
