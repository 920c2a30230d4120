"""All checks, in the order in which a person would mend what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.doctor import machine, state, workbook
from ihacpa_core.engine.preparation import Plan, prepare
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.errors import ConfigError, ExitCode, IhacpaError, UsageError
from ihacpa_core.health import CheckResult, HealthCheck, HealthContext
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.plugins.trace import open_trace
from ihacpa_core.workbook.sniff import check_workbook

_OF_THE_WORKBOOK: tuple[tuple[str, Callable[[Plan], CheckResult]], ...] = (
    ("records", workbook.records),
    ("columns", workbook.columns),
    ("writable", workbook.writable),
    ("closed", workbook.closed),
    ("space", workbook.space),
    ("save", workbook.losses),
    ("lock", workbook.lock),
    ("journal", state.round_trip),
    ("earlier runs", state.earlier_runs),
    ("state folder", state.private),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check, by its name, found."""

    name: str
    result: CheckResult


def examine(request: RunRequest, *, offline: bool = False) -> Iterator[Finding]:
    """Look at everything that the run `request` would need; each finding as soon as it is there. Changes nothing.

    :param offline: ask nothing beyond this machine.
    """
    yield Finding("python", machine.python())
    yield _made("packages", machine.packages)
    plugins = PluginTable(trace=open_trace(request.trace_hooks, request.cwd))
    settings, findings = _settings(request, plugins)
    yield from findings
    yield from _loaded(plugins)
    if settings is None:
        yield from _file_alone(request)
        return
    yield from _workbook(request)
    yield from _by_plugins(plugins, settings, offline=offline)


def _settings(request: RunRequest, plugins: PluginTable) -> tuple[Settings | None, list[Finding]]:
    try:
        settings = load_settings(
            request.cwd,
            request.config,
            request.env,
            request.flags,
            request.overrides,
            plugins,
            switches=request.plugins,
        )
        Dispatcher(plugins).make_steps()
    except ConfigError as error:
        told = [CheckResult.failed(f"{m.where}: {m.key}: {m.problem}", fix=m.hint) for m in error.mistakes]
        return None, [Finding("settings", result) for result in told]
    except IhacpaError as error:
        return None, [Finding("settings", _failed(error))]
    return settings, [Finding("settings", CheckResult.passed(f"{settings.file or 'the defaults'}: no mistake"))]


def _loaded(plugins: PluginTable) -> Iterator[Finding]:
    """The plugins that could be loaded; those that could not are mistakes of the settings that select them."""
    for plugin_id, _ in plugins.loaded():
        entry = plugins.entry_of(plugin_id)
        yield Finding("plugin", CheckResult.passed(entry.label.removeprefix("plugin ")))


def _file_alone(request: RunRequest) -> Iterator[Finding]:
    """Without settings, a workbook that was typed can be looked at as a file, and no more."""
    typed, _ = request.flags.get("ihacpa.workbook", ("", ""))
    if typed:
        path = request.cwd / Path(str(typed)).expanduser()
        yield _made("workbook", lambda: _is_workbook(path))
    yield Finding("other checks", CheckResult.skipped("mend the settings first, then look again"))


def _is_workbook(path: Path) -> CheckResult:
    check_workbook(path)
    return CheckResult.passed(f"{path} is a workbook")


def _workbook(request: RunRequest) -> Iterator[Finding]:
    try:
        plan = prepare(request)
    except UsageError as error:
        yield Finding("workbook", CheckResult.skipped(f"{error}; {error.hint}" if error.hint else str(error)))
        return
    except IhacpaError as error:
        yield Finding("workbook", _failed(error))
        return
    for name, check in _OF_THE_WORKBOOK:
        yield _made(name, partial(check, plan))


def _by_plugins(plugins: PluginTable, settings: Settings, *, offline: bool) -> Iterator[Finding]:
    def options(role: str, name: str) -> object:
        try:
            return settings.options(role, name)
        except LookupError:
            return None

    context = HealthContext(options=options, config_dir=settings.config_dir, offline=offline)
    checks, failures = Dispatcher(plugins).health_checks()
    for plugin_id, check in checks:
        yield _run(plugins.entry_of(plugin_id).label, check, context)
    for failure in failures:
        yield Finding(
            "plugin", CheckResult.failed(str(failure), fix="update or repair it, or switch it off: -p no:NAME")
        )


def _run(label: str, check: object, context: HealthContext) -> Finding:
    if not isinstance(check, HealthCheck):
        told = f"{label} offers a {type(check).__name__}, not a HealthCheck"
        return Finding("plugin", CheckResult.failed(told, fix="tell its authors"))
    return _made(check.name, lambda: _checked(label, check.run(context)))


def _checked(label: str, result: Any) -> CheckResult:
    """What a plugin's check returned, if it is what it should be."""
    if isinstance(result, CheckResult):
        return result
    told = f"the check of {label} returned a {type(result).__name__}, not a CheckResult"
    return CheckResult.failed(told, fix="tell its authors")


def _made(name: str, check: Callable[[], CheckResult]) -> Finding:
    try:
        return Finding(name, check())
    except IhacpaError as error:
        return Finding(name, _failed(error))
    except Exception as error:  # noqa: BLE001  parts and checks of others may raise anything: that is what was found
        told = f"{type(error).__name__}: {error}"
        return Finding(
            name, CheckResult.failed(told, fix="--traceback of a run shows where", exit_code=ExitCode.INTERNAL)
        )


def _failed(error: IhacpaError) -> CheckResult:
    return CheckResult.failed(str(error), fix=error.hint, exit_code=error.exit_code)
