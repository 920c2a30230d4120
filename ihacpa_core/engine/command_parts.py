"""What a plugin's command may have of the settings: options and parts of offers, past runs, the workbook's cells."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec.structs import replace as with_values

from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.engine.past_runs import LATEST, PastRun, past_runs
from ihacpa_core.engine.preparation import Plan, prepare, settle
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.engine.sheet_edit import SheetEdit, edit_sheet
from ihacpa_core.plugins.making import make
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.plugins.trace import open_trace
from ihacpa_core.records import CellStyle
from ihacpa_core.roles import RunContext
from ihacpa_core.workbook.looks import read_colours
from ihacpa_core.workbook.records import Sheet


def _warn(message: str) -> None:
    sys.stderr.write(f"ihacpa: warning: {message}\n")


class CommandParts:
    """Given to a plugin's command: ``parts(role, name)`` are the options of an offer; its methods give the rest.

    :param request: which settings hold.
    :param warn: tells the person something that stops nothing.
    """

    def __init__(self, request: RunRequest, warn: Callable[[str], None] = _warn) -> None:
        self._request = request
        self.warn = warn

    def __call__(self, role: str, name: str) -> tuple[Any, Path]:
        """The options of an offer, whether or not anything selects it, and where relative paths in them start from.

        :raises ConfigError: the settings hold mistakes.
        """
        settings, _ = self._load(role, name)
        return settings.options(role, name), settings.config_dir

    def part(self, role: str, name: str, **options: Any) -> Any:
        """The offer itself, made as a run makes it, but only to look: it changes nothing.

        :param options: values that take the place of those of the settings.
        :raises IhacpaError: it cannot be made.
        """
        settings, plugins = self._load(role, name)
        chosen = settings.options(role, name)
        context = RunContext(
            run_id="",
            workbook=settings.config_dir,
            state_dir=settings.config_dir,
            config_dir=settings.config_dir,
            read_only=True,
            warn=self.warn,
            part=self.part,
        )
        return make(plugins.find(role, name), with_values(chosen, **options) if options else chosen, context)

    def runs(self, words: Sequence[str] = (LATEST,), workbook: str = "") -> list[PastRun]:
        """Past runs of the workbook, which itself is not read: one for each of `words`.

        :param words: run ids, beginnings of them, or ``latest``, ``previous`` or ``all``.
        :param workbook: another one than the settings name.
        :raises UsageError: there is no such run, or no workbook is named.
        :raises StoreError: the journal is damaged.
        """
        return past_runs(settle(self._about(workbook)), words)

    def sheet(self, workbook: str = "") -> tuple[Path, Sheet]:
        """The workbook and its records as they stand in it now.

        :raises WorkbookError: it cannot be read as the settings say.
        """
        plan = self._plan(workbook)
        return plan.current, plan.read_sheet(plan.current)

    @contextmanager
    def edit_sheet(self, workbook: str = "") -> Iterator[SheetEdit]:
        """The workbook's sheet under its lock, to be changed in one save.

        :raises WorkbookLocked: a run holds it.
        :raises WorkbookError: it cannot be read as the settings say.
        """
        with edit_sheet(self._plan(workbook), self.warn) as edit:
            yield edit

    def colours(self, path: Path, sheet: str, wanted: Set[str]) -> dict[str, CellStyle | None]:
        """What the colours of cells mean, by reference: a style of the palette, or None for any other look.

        :raises WorkbookError: the file cannot be read.
        """
        return read_colours(path, sheet, wanted)

    def _plan(self, workbook: str) -> Plan:
        return prepare(self._about(workbook))

    def _about(self, workbook: str) -> RunRequest:
        if not workbook:
            return self._request
        return replace(self._request, flags={**self._request.flags, "ihacpa.workbook": (workbook, "WORKBOOK")})

    def _load(self, role: str, name: str) -> tuple[Settings, PluginTable]:
        request = self._request
        plugins = PluginTable(trace=open_trace(request.trace_hooks, request.cwd))
        settings = load_settings(
            request.cwd,
            request.config,
            request.env,
            request.flags,
            request.overrides,
            plugins,
            switches=request.plugins,
            also=[(role, name)],
        )
        return settings, plugins
