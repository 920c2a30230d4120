"""Marks implementations that break rules on purpose, and makes the contract classes that try them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from ihacpa_core.testing.contracts import Contract

C = TypeVar("C")


def breaks(*rules: str) -> Callable[[C], C]:
    """Say which rules an implementation breaks: the names of the tests, without ``test_``."""

    def mark(implementation: C) -> C:
        implementation.breaks = tuple(f"test_{rule}" for rule in rules)
        return implementation

    return mark


def tried(namespace: dict[str, Any], contract: type[Contract], fixture: str, **more: Any) -> dict[str, type[Contract]]:
    """For each broken implementation in `namespace`, a class ``TestName`` that holds the contract against it."""
    return {
        f"Test{name}": type(f"Test{name}", (contract,), {"broken": made, "__module__": namespace["__name__"], **more}
                            | {fixture: _fixture(made)})
        for name, made in list(namespace.items())
        if "breaks" in getattr(made, "__dict__", {})
    }  # fmt: skip


def _fixture(made: Any) -> Any:
    @pytest.fixture
    def make(self: Any) -> Any:
        return made

    return make
