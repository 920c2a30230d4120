"""One run from beginning to end: prepared, locked, recovered, processed, saved, summed up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ihacpa_core.config.given import given_to, secrets_of
from ihacpa_core.engine.beginning import begin
from ihacpa_core.engine.dry_run import DryRun, look
from ihacpa_core.engine.listeners import reporter_listener
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.logbook import Secrets
from ihacpa_core.engine.preparation import Plan, prepare
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.engine.session import RunSession
from ihacpa_core.engine.summary import RunSummary
from ihacpa_core.engine.tracker import ProgressTracker
from ihacpa_core.errors import UsageError
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import RecoveryOptions, Selection
from ihacpa_core.workbook.sniff import owner_of_open_file

__all__ = ["DryRun", "RunSummary", "perform", "rehearse", "run"]


def perform(request: RunRequest) -> RunSummary:
    """Do what is asked for.

    :raises IhacpaError: it could not begin; nothing was written.
    """
    plan = prepare(request)
    with ExitStack() as stack:
        stack.enter_context(WorkbookLock(plan.target, request.files).acquire(request.wait))
        tracker = _tracker(plan)
        stack.callback(tracker.close)
        stack.enter_context(_configured(plan, tracker))
        _warn_of_open_file(plan.current, tracker)
        store: CheckpointStore = plan.build("checkpoint", tracker.warn)
        stack.callback(store.close)
        beginning = begin(plan, store, tracker.warn)
        plan = beginning.plan
        session = RunSession(beginning, store, tracker, request.files)
        return asyncio.run(session.run())


def rehearse(request: RunRequest) -> DryRun:
    """Say what `perform` would do. Writes nothing, asks nobody.

    :raises IhacpaError: what `perform` would raise before its first record.
    """
    return look(prepare(request))


def run(
    workbook: str | Path | None = None,
    *,
    processor: str | Callable[..., Any] | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
    first_row: int | None = None,
    key: str | None = None,
    config: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    recovery: RecoveryOptions | None = None,
    **settings: Any,
) -> RunSummary:
    """Run over a workbook, as the command ``ihacpa`` does, and return its summary.

    >>> run("book.xlsx", processor=my_function, header_row=1, key="Order")   # doctest: +SKIP

    :param workbook: the workbook; None takes the one that ``ihacpa.toml`` names.
    :param processor: the name of one, or a function that takes a `Record` and returns a mapping from header or letter
        to a value or `Cell`, or None to skip it.
    :param sheet: the sheet's name; the active one by default. `header_row`, `first_row` and `key` as in ``[sheet]``.
    :param options: any other setting by its dotted key, as in ``{"strategy.memory.target": 0.6}``.
    :param settings: keys of ``[ihacpa]``: ``strategy="memory"``, ``save_every="end"``.
    :raises IhacpaError: the run could not begin, or could not go on; `exit_code` and `hint` say more.
    """
    _refuse_event_loop()
    function = processor if callable(processor) else None
    named: dict[str, Any] = {f"ihacpa.{name}": value for name, value in settings.items()}
    named |= {"sheet.name": sheet, "sheet.header_row": header_row, "sheet.first_row": first_row, "sheet.key": key}
    named["ihacpa.workbook"] = None if workbook is None else str(workbook)
    named["ihacpa.processor"] = _word(function) if function else processor
    named.setdefault("ihacpa.progress", ["none"])
    named |= options or {}
    request = RunRequest(
        cwd=Path.cwd(),
        config=None if config is None else Path(config),
        env=dict(os.environ),
        flags={key: (value, key.removeprefix("ihacpa.")) for key, value in named.items() if value is not None},
        selection=selection or Selection(),
        recovery=recovery or RecoveryOptions(),
        function=function,
    )
    return perform(request)


@contextmanager
def _configured(plan: Plan, tracker: ProgressTracker) -> Iterator[None]:
    """Hook plugins have their settings, and are told when the run is over, whatever became of it."""
    hooks = Dispatcher(plan.plugins)
    try:
        hooks.configure(lambda entry: given_to(plan.settings, entry.plugin_id, plan.request.env))
        yield
    finally:
        for failure in hooks.unconfigure():
            tracker.warn(str(failure))


def _tracker(plan: Plan) -> ProgressTracker:
    """The run's voice, with those who hear it: reporters that are closed with the run, and observers."""
    tracker = ProgressTracker(mask=Secrets(secrets_of(plan.settings, plan.request.env)).mask)
    choices = plan.settings.selected["progress"]
    for choice, reporter in zip(choices, plan.build("progress", tracker.warn), strict=True):
        tracker.listen(f"progress {choice.word}", reporter_listener(reporter), reporter.close)
    dispatcher = Dispatcher(plan.plugins)
    tracker.observe(dispatcher.notify)
    return tracker


def _warn_of_open_file(workbook: Path, tracker: ProgressTracker) -> None:
    owner = owner_of_open_file(workbook)
    if owner:
        tracker.warn(
            f"{workbook.name} is open ({owner}): what is typed there now and saved later would replace the results; "
            "close it without saving, or save it before the run ends"
        )


def _refuse_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        "ihacpa_core.run() blocks, and an event loop is running here",
        hint="await asyncio.to_thread(ihacpa_core.run, ...)",
    )


def _word(function: Callable[..., Any]) -> str:
    return f"python:{function.__module__}:{getattr(function, '__qualname__', type(function).__name__)}"
