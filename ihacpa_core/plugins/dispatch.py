"""How hooks are called. The names of the hooks stand here and in the table of roles, and nowhere else.

Implementations are called in the order of their plugin ids, which is the same on every machine; pluggy's own order is
that of registration, backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ihacpa_core.events import (
    BatchCommitted,
    BatchStarted,
    CheckpointWritten,
    Event,
    RecordFinished,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
)
from ihacpa_core.plugins.importing import guarded

if TYPE_CHECKING:
    from ihacpa_core.hookspecs import CallNext, Middleware
    from ihacpa_core.plugins.table import PluginTable
    from ihacpa_core.records import Outcome, Record
    from ihacpa_core.roles import RunContext

EVENT_HOOKS: dict[type[Event], str] = {
    RunStarted: "ihacpa_run_started",
    BatchStarted: "ihacpa_batch_started",
    RecordFinished: "ihacpa_record_finished",
    BatchCommitted: "ihacpa_batch_committed",
    WorkbookSaved: "ihacpa_workbook_saved",
    CheckpointWritten: "ihacpa_checkpoint_written",
    WarningRaised: "ihacpa_warning",
    RunFinished: "ihacpa_run_finished",
}


@dataclass(frozen=True, slots=True)
class HookFailure:
    """A plugin that raised where its exception is counted and shown, and stops nothing."""

    plugin_id: str
    hook: str
    error: Exception

    def __str__(self) -> str:
        return f"plugin {self.plugin_id} failed in {self.hook}(): {type(self.error).__name__}: {self.error}"


class Dispatcher:
    """One typed method for each family of hooks, over the plugins that are loaded."""

    def __init__(self, plugins: PluginTable) -> None:
        self._manager = plugins.manager

    def notify(self, event: Event) -> list[HookFailure]:
        """Tell `event` to every observer; one that raises keeps no other from hearing it."""
        return self._isolated(EVENT_HOOKS[type(event)], {"event": event})[1]

    def report_header(self) -> tuple[list[str], list[HookFailure]]:
        """The lines with which plugins begin a run, and those that failed to say theirs."""
        results, failures = self._isolated("ihacpa_report_header", {})
        return [line for result in results for line in _lines(result)], failures

    def middlewares(self) -> list[tuple[str, Middleware]]:
        """What surrounds the processing of a record, as (plugin id, middleware), the outermost first.

        :raises PluginError: a plugin failed to hand out its own.
        """
        hook = "ihacpa_process_record"
        made = (
            (plugin_id, guarded(f"plugin {plugin_id}", f"failed in {hook}()", partial(call, {})))
            for plugin_id, call in self._calls(hook)
        )
        return [(plugin_id, middleware) for plugin_id, middleware in made if middleware is not None]

    def _isolated(self, hook: str, arguments: dict[str, Any]) -> tuple[list[Any], list[HookFailure]]:
        results, failures = [], []
        for plugin_id, call in self._calls(hook):
            try:
                results.append(call(arguments))
            except Exception as error:  # noqa: BLE001  code of others may raise anything; Ctrl-C is no Exception
                failures.append(HookFailure(plugin_id, hook, error))
        return results, failures

    def _calls(self, hook: str) -> Iterator[tuple[str, Callable[[dict[str, Any]], Any]]]:
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        for implementation in sorted(implementations, key=lambda one: one.plugin_name):
            yield implementation.plugin_name, partial(_call, implementation.function, implementation.argnames)


def compose(middlewares: Sequence[Middleware], innermost: CallNext) -> CallNext:
    """`innermost`, surrounded by `middlewares`; the first of them is the outermost."""
    call = innermost
    for middleware in reversed(middlewares):
        call = _surround(middleware, call)
    return call


def _surround(middleware: Middleware, call_next: CallNext) -> CallNext:
    async def call(record: Record, context: RunContext) -> Outcome:
        return await middleware(call_next, record, context)

    return call


def _call(function: Callable[..., Any], names: Iterable[str], arguments: dict[str, Any]) -> Any:
    return function(*(arguments[name] for name in names))


def _lines(result: str | Sequence[str] | None) -> list[str]:
    if result is None:
        return []
    return result.splitlines() if isinstance(result, str) else list(result)
