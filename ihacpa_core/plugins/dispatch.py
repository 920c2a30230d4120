"""How hooks are called. The names of the hooks stand here and in the table of roles, and nowhere else.

Implementations are called in the order of their plugin ids, which is the same on every machine; pluggy's own order is
that of registration, backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ihacpa_core.errors import FAULTS
from ihacpa_core.events import EVENT_NAMES, Event
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.importing import guarded
from ihacpa_core.plugins.steps import Shape, Step, SurroundedSave, SurroundedStrategy, surround_record

if TYPE_CHECKING:
    from ihacpa_core.hookspecs import CallNextRecord
    from ihacpa_core.parser import Commands, Parser
    from ihacpa_core.plugins.discovery import Entry
    from ihacpa_core.plugins.table import PluginTable
    from ihacpa_core.roles import BatchStrategy

EVENT_HOOKS: dict[type[Event], str] = {kind: f"ihacpa_{name}" for kind, name in EVENT_NAMES.items()}

PLAN, PROCESS, SAVE = "ihacpa_plan_batch", "ihacpa_process_record", "ihacpa_save_workbook"
STEP_HOOKS: dict[str, Shape] = {
    PLAN: Shape(("call_next", "state"), "int"),
    PROCESS: Shape(("call_next", "record", "context"), "Outcome", awaited=True),
    SAVE: Shape(("call_next", "updates"), "WorkbookSaved"),
}


@dataclass(frozen=True, slots=True)
class HookFailure:
    """A plugin that raised where its exception is counted and shown, and stops nothing."""

    plugin_id: str
    hook: str
    error: BaseException

    def __str__(self) -> str:
        return f"plugin {self.plugin_id} failed in {self.hook}(): {type(self.error).__name__}: {self.error}"


class Dispatcher:
    """One typed method for each family of hooks, over the plugins that are loaded."""

    def __init__(self, plugins: PluginTable) -> None:
        self._plugins = plugins
        self._trace = plugins.trace

    def order(self, hook: str) -> list[str]:
        """The ids of the plugins that implement `hook`, in the order in which they are called."""
        return [plugin_id for plugin_id, _ in self._calls(hook)]

    # --- events -------------------------------------------------------------------------------------------------------

    def notify(self, event: Event) -> list[HookFailure]:
        """Tell `event` to every observer; one that raises keeps no other from hearing it."""
        return self._isolated(EVENT_HOOKS[type(event)], {"event": event})[1]

    # --- start-up -----------------------------------------------------------------------------------------------------

    def report_header(self) -> tuple[list[str], list[HookFailure]]:
        """The lines with which plugins begin a run, and those that failed to say theirs."""
        results, failures = self._isolated("ihacpa_report_header", {})
        return [line for result in results for line in _lines(result)], failures

    def add_options(self, parser_for: Callable[[Entry], Parser]) -> None:
        """Let plugins declare their options, each on a parser of its own.

        :raises PluginError: a plugin failed to.
        """
        self._each("ihacpa_addoption", lambda entry: {"parser": parser_for(entry)})

    def add_commands(self, commands_for: Callable[[Entry], Commands]) -> None:
        """Let plugins add their commands.

        :raises PluginError: a plugin failed to.
        """
        self._each("ihacpa_addcommand", lambda entry: {"commands": commands_for(entry)})

    def configure(self, settings_for: Callable[[Entry], Mapping[str, Any]]) -> None:
        """Let plugins make ready, each with the settings that it may see.

        :raises PluginError: a plugin failed to.
        """
        self._each("ihacpa_configure", lambda entry: {"settings": settings_for(entry)})

    def unconfigure(self) -> list[HookFailure]:
        """Let plugins clear up, the last one first."""
        return self._isolated("ihacpa_unconfigure", {}, backwards=True)[1]

    def health_checks(self) -> tuple[list[tuple[str, Any]], list[HookFailure]]:
        """The checks of plugins as (plugin id, check), and the plugins that failed to offer theirs."""
        hook = "ihacpa_health_checks"
        checks: list[tuple[str, Any]] = []
        failures = []
        for plugin_id, call in self._calls(hook):
            try:
                checks += [(plugin_id, check) for check in call({}) or ()]
            except FAULTS as error:  # code of others: told as a failed check
                failures.append(HookFailure(plugin_id, hook, error))
        return checks, failures

    # --- steps --------------------------------------------------------------------------------------------------------

    def steps(self, hook: str) -> list[Step]:
        """What plugins put round a step, the outermost first; asked for once, then remembered.

        :raises PluginError: a plugin failed to hand out its middleware, or it has another shape.
        """
        if hook not in self._plugins.steps:
            self._plugins.steps[hook] = list(self._made(hook))
        return self._plugins.steps[hook]

    def make_steps(self) -> None:
        """Ask for every middleware, so that one that cannot be used is told before the run starts.

        :raises PluginError: see `steps`.
        """
        for hook in STEP_HOOKS:
            self.steps(hook)

    def around_strategy(self, strategy: BatchStrategy, warn: Callable[[str], None]) -> BatchStrategy:
        """`strategy` with what plugins put round the size of a batch."""
        steps = self.steps(PLAN)
        return SurroundedStrategy(strategy, steps, warn) if steps else strategy

    def around_record(self, process: CallNextRecord) -> CallNextRecord:
        """`process` with what plugins put round a record."""
        return surround_record(self.steps(PROCESS), process)

    def around_save(self, path: Path, warn: Callable[[str], None]) -> SurroundedSave:
        """What plugins put round a save of the workbook at `path`."""
        return SurroundedSave(self.steps(SAVE), path, warn)

    def _made(self, hook: str) -> Iterator[Step]:
        shape = STEP_HOOKS[hook]
        for plugin_id, call in self._calls(hook):
            entry = self._plugins.entry_of(plugin_id)
            middleware = guarded(entry.label, f"failed in {hook}()", partial(call, {}), entry)
            if middleware is None:
                continue
            if problem := shape.problem(middleware):
                why = f"it returned {problem}"
                raise BrokenPlugin(entry, f"hands out no middleware in {hook}()", why=why, hint=f"return {shape}")
            if self._trace is not None:
                middleware = self._trace.around(hook, plugin_id, middleware, awaited=shape.awaited)
            yield Step(plugin_id, hook, middleware)

    # --- calling ------------------------------------------------------------------------------------------------------

    def _each(self, hook: str, arguments_for: Callable[[Entry], dict[str, Any]]) -> None:
        for plugin_id, call in self._calls(hook):
            entry = self._plugins.entry_of(plugin_id)
            guarded(entry.label, f"failed in {hook}()", partial(call, arguments_for(entry)), entry)

    def _isolated(
        self, hook: str, arguments: dict[str, Any], *, backwards: bool = False
    ) -> tuple[list[Any], list[HookFailure]]:
        results, failures = [], []
        calls = list(self._calls(hook))
        for plugin_id, call in reversed(calls) if backwards else calls:
            try:
                results.append(call(arguments))
            except FAULTS as error:  # code of others may raise anything; Ctrl-C is no Exception
                failures.append(HookFailure(plugin_id, hook, error))
        return results, failures

    def _calls(self, hook: str) -> Iterator[tuple[str, Callable[[dict[str, Any]], Any]]]:
        implementations = getattr(self._plugins.manager.hook, hook).get_hookimpls()
        for implementation in sorted(implementations, key=lambda one: one.plugin_name):
            call = partial(_call, implementation.function, implementation.argnames)
            if self._trace is not None:
                call = partial(_traced, self._trace.call, hook, implementation.plugin_name, call)
            yield implementation.plugin_name, call


def _call(function: Callable[..., Any], names: Iterable[str], arguments: dict[str, Any]) -> Any:
    return function(*(arguments[name] for name in names))


def _traced(
    trace: Callable[..., Any], hook: str, plugin_id: str, call: Callable[..., Any], arguments: dict[str, Any]
) -> Any:
    return trace(hook, plugin_id, partial(call, arguments))


def _lines(result: str | Sequence[str] | None) -> list[str]:
    if result is None:
        return []
    return result.splitlines() if isinstance(result, str) else list(result)
