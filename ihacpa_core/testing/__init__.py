"""For authors of plugins: what their tests need. Nothing here is imported by the product.

Fixtures come with ``pytest_plugins = ["ihacpa_core.testing.plugin"]`` in a ``conftest.py``; the contract classes are
inherited from `ihacpa_core.testing.contracts`. Only those two need pytest. Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ihacpa_core.testing.clock import FakeClock
    from ihacpa_core.testing.context import Offered, offered, run_context
    from ihacpa_core.testing.contracts import (
        BatchStrategyContract,
        CheckpointStoreContract,
        ExecutorContract,
        ProcessorContract,
        ProgressReporterContract,
        SaveBackendContract,
        SourceContract,
    )
    from ihacpa_core.testing.faults import Crash, FaultyOps
    from ihacpa_core.testing.index import LoopbackIndex
    from ihacpa_core.testing.project import Project, Result, kill, wait_until
    from ihacpa_core.testing.recorder import HookRecorder

_HOMES = {
    "clock": ("FakeClock",),
    "context": ("Offered", "offered", "run_context"),
    "contracts": (
        "BatchStrategyContract", "CheckpointStoreContract", "ExecutorContract", "ProcessorContract",
        "ProgressReporterContract", "SaveBackendContract", "SourceContract",
    ),
    "faults": ("Crash", "FaultyOps"),
    "index": ("LoopbackIndex",),
    "project": ("Project", "Result", "kill", "wait_until"),
    "recorder": ("HookRecorder",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BatchStrategyContract",
    "CheckpointStoreContract",
    "Crash",
    "ExecutorContract",
    "FakeClock",
    "FaultyOps",
    "HookRecorder",
    "LoopbackIndex",
    "Offered",
    "ProcessorContract",
    "ProgressReporterContract",
    "Project",
    "Result",
    "SaveBackendContract",
    "SourceContract",
    "kill",
    "offered",
    "run_context",
    "wait_until",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
