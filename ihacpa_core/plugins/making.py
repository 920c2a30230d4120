"""Makes the parts that the settings select, inside the guard that names whose they are."""

from __future__ import annotations

from typing import Any

from ihacpa_core.errors import IhacpaError
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.importing import guarded
from ihacpa_core.plugins.table import Found
from ihacpa_core.review import ReviewSource
from ihacpa_core.roles import (
    BatchStrategy,
    CheckpointStore,
    Executor,
    Processor,
    ProgressReporter,
    RunContext,
    SaveBackend,
)

CLASSES: dict[str, type] = {
    "strategy": BatchStrategy,
    "checkpoint": CheckpointStore,
    "save": SaveBackend,
    "progress": ProgressReporter,
    "processor": Processor,
    "executor": Executor,
    "source": ReviewSource,
}
"""What an offer of a role makes."""


def make(found: Found, options: Any, context: RunContext) -> Any:
    """The part that `found` offers.

    :raises PluginError: its factory raised, or made something else than the role asks for.
    :raises IhacpaError: what the factory says itself is wrong with its options.
    """
    entry, offer = found.entry, found.offer
    try:
        part = guarded(entry.label, "cannot be made", lambda: offer.factory(options, context), entry)
    except BrokenPlugin as error:
        if isinstance(error.__cause__, IhacpaError):
            raise error.__cause__ from error
        raise
    wanted = CLASSES[entry.role]
    if not isinstance(part, wanted):
        raise BrokenPlugin(
            entry,
            "cannot be made",
            why=f"its factory returned {type(part).__name__}, not a {wanted.__name__}",
            hint=f"let it return an instance of a subclass of ihacpa_core.{wanted.__name__}",
        )
    return part
