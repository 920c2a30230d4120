"""What every implementation of a role must do, as pytest classes that its author inherits.

One fixture says how the part is made, everything else comes with the class::

    class TestBurst(BatchStrategyContract):
        @pytest.fixture
        def make_strategy(self):
            return offered("ihacpa_acme.burst", "burst", size=20)

The fixture returns a function of a `RunContext`; `offered` makes one from an offer, and a class or a function at the
top of a module does as well. A rule that cannot apply is named in `exempt`, with the reason; it is reported, and not
counted as held. Needs pytest; the strategy's contract also needs hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ihacpa_core.testing.contracts.base import Contract
    from ihacpa_core.testing.contracts.executor import ExecutorContract
    from ihacpa_core.testing.contracts.processor import ProcessorContract
    from ihacpa_core.testing.contracts.progress import ProgressReporterContract
    from ihacpa_core.testing.contracts.save import SaveBackendContract
    from ihacpa_core.testing.contracts.source import SourceContract
    from ihacpa_core.testing.contracts.store import CheckpointStoreContract
    from ihacpa_core.testing.contracts.strategy import BatchStrategyContract

_HOMES = {
    "BatchStrategyContract": "strategy",
    "CheckpointStoreContract": "store",
    "Contract": "base",
    "ExecutorContract": "executor",
    "ProcessorContract": "processor",
    "ProgressReporterContract": "progress",
    "SaveBackendContract": "save",
    "SourceContract": "source",
}

__all__ = [
    "BatchStrategyContract",
    "CheckpointStoreContract",
    "Contract",
    "ExecutorContract",
    "ProcessorContract",
    "ProgressReporterContract",
    "SaveBackendContract",
    "SourceContract",
]

# So that a broken rule shows both sides of its comparison, as in the author's own tests.
pytest.register_assert_rewrite(*(f"{__name__}.{home}" for home in (*_HOMES.values(), "_checkpoint_rules", "_damage")))


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
