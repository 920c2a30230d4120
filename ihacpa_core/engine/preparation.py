"""Everything that is settled before a run writes its first byte: settings, parts, the sheet, the columns."""

from __future__ import annotations

import secrets
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.engine.soundness import naming_backups
from ihacpa_core.engine.state_folder import StateFolder, state_folder
from ihacpa_core.errors import UsageError, WorkbookError
from ihacpa_core.function import FunctionProcessor
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.plugins.making import make
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.plugins.trace import open_trace
from ihacpa_core.roles import Processor, RunContext
from ihacpa_core.workbook.records import Sheet, read_sheet
from ihacpa_core.workbook.sniff import check_workbook


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run that is ready to start.

    :param target: the workbook that is written, its real path; it need not exist yet if it is a copy.
    :param source: the workbook that is read: `target`, or the one that it becomes a copy of.
    """

    run_id: str
    request: RunRequest
    settings: Settings
    plugins: PluginTable
    source: Path
    target: Path
    folder: StateFolder

    def build(self, role: str, warn: Callable[[str], None], *, read_only: bool = False) -> Any:
        """Make the selected part of `role`, or a list of them where a role has several."""
        made = [self._make(choice, warn, read_only) for choice in self.settings.selected[role]]
        return made if role == "progress" else made[0]

    def processor(self, warn: Callable[[str], None], *, read_only: bool = False) -> Processor:
        """Make the processor: a function of the caller's, or the selected one."""
        if self.request.function is not None:
            options = self.settings.options("processor", "python")
            return FunctionProcessor(self.request.function, concurrency=options.concurrency, results=options.results)
        made: Processor = self.build("processor", warn, read_only=read_only)
        return made

    def read_sheet(self, path: Path, name: str | None = None) -> Sheet:
        """Read the records as they stand in `path` now.

        :param name: the sheet that the run began with; None takes the one that the settings name, or the active one.
        :raises UsageError: the settings name another sheet than the run that goes on.
        :raises WorkbookError: it cannot be read, lacks the sheet, or has no header where the settings say.
        """
        sheet = self.settings.sheet
        if name and sheet.name and sheet.name != name:
            raise UsageError(
                f"the unfinished run is about sheet {name!r}, not {sheet.name!r}",
                hint="finish it first, or begin anew with --start-fresh",
            )
        return read_sheet(
            path, name=name or sheet.name or None, header_row=sheet.header_row, first_row=sheet.first_row, key=sheet.key
        )

    @property
    def current(self) -> Path:
        """The file that holds the records now."""
        return self.target if self.target.exists() else self.source

    def _make(self, choice: Any, warn: Callable[[str], None], read_only: bool) -> Any:
        context = self.context(warn, read_only=read_only, argument=choice.argument)
        return make(self.plugins.find(choice.role, choice.word), choice.options, context)

    def context(self, warn: Callable[[str], None], *, read_only: bool = False, argument: str = "") -> RunContext:
        def part(role: str, name: str) -> Any:
            options = self.settings.options(role, name)
            return make(self.plugins.find(role, name), options, self.context(warn, read_only=read_only))

        return RunContext(
            run_id=self.run_id,
            workbook=self.target,
            state_dir=self.folder.path,
            config_dir=self.settings.config_dir,
            read_only=read_only,
            argument=argument,
            warn=warn,
            files=self.request.files,
            part=part,
        )


def prepare(request: RunRequest) -> Plan:
    """Check the settings and find the workbook. Nothing is written.

    :raises ConfigError: the settings hold mistakes.
    :raises UsageError: no workbook is named.
    :raises WorkbookError: the workbook is missing, or is none.
    """
    plan = settle(request)
    Dispatcher(plan.plugins).make_steps()
    state_dir = plan.settings.core.state_dir
    with naming_backups(plan.source, state_dir):
        check_workbook(plan.source)
    if plan.target != plan.source and plan.target.exists():
        with naming_backups(plan.target, state_dir):
            check_workbook(plan.target)
    return plan


def settle(request: RunRequest) -> Plan:
    """Check the settings, and say where the workbook and its state lie; neither has to be there.

    :raises ConfigError: the settings hold mistakes.
    :raises UsageError: no workbook is named.
    """
    plugins = PluginTable(trace=open_trace(request.trace_hooks, request.cwd, request.files))
    settings = load_settings(
        request.cwd,
        request.config,
        request.env,
        request.flags,
        request.overrides,
        plugins,
        switches=request.plugins,
        auto_progress=("rich" if sys.stderr.isatty() else "plain",),
    )
    source = _workbook(request, settings)
    _check_name(source)
    target = _target(settings, source)
    return Plan(
        run_id=new_run_id(),
        request=request,
        settings=settings,
        plugins=plugins,
        source=source,
        target=target,
        folder=state_folder(target, settings.core.state_dir),
    )


def new_run_id() -> str:
    """A run's id: sorts by time, and two runs of one second differ."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _workbook(request: RunRequest, settings: Settings) -> Path:
    if not settings.core.workbook:
        raise UsageError("no workbook is named", hint=_candidates(request.cwd))
    return _resolve(settings, settings.core.workbook)


def _check_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise WorkbookError(
            f"{str(path)!a} is no name that a journal can hold", why="it is not valid UTF-8", hint="rename it"
        ) from error


def _target(settings: Settings, source: Path) -> Path:
    if not settings.core.output or _belongs_to_another(settings):
        return source
    target = _resolve(settings, settings.core.output)
    if target.suffix.lower() not in (".xlsx", ".xlsm"):
        raise UsageError(f"{target.name} is no name for a workbook", hint="end it in .xlsx or .xlsm")
    if target.suffix.lower() != source.suffix.lower():
        raise UsageError(
            f"a copy of {source.name} cannot be called {target.name}",
            why="Excel refuses a file whose ending does not fit what is in it",
            hint=f"call it {target.stem}{source.suffix}",
        )
    if not target.parent.is_dir():
        raise WorkbookError(f"there is no folder {target.parent}", hint=f"mkdir -p {shlex.quote(str(target.parent))}")
    return target


def _belongs_to_another(settings: Settings) -> bool:
    """Whether `output` was written for another workbook: the settings file's, when the command line names its own."""
    return settings.origin(("ihacpa", "output")).layer < settings.origin(("ihacpa", "workbook")).layer


def _resolve(settings: Settings, path: str) -> Path:
    return (settings.config_dir / Path(path).expanduser()).resolve()


def _candidates(cwd: Path) -> str:
    found: Sequence[Path] = sorted(path for path in cwd.glob("*.xls[xm]") if not path.name.startswith(("~$", ".")))
    if not found:
        return "name one: ihacpa packages.xlsx, or write workbook = 'packages.xlsx' into ihacpa.toml"
    return f"found {found[0].name} here; run: ihacpa {found[0].name}"
