"""What all contracts share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from ihacpa_core.roles import RunContext
from ihacpa_core.testing.context import run_context

T = TypeVar("T")


class Contract:
    """A role's rules, a test each. The name of the test is the name of the rule, its docstring says the rule.

    :param exempt: rules that cannot apply to this implementation, each with the reason.
    :param patience: seconds after which something that waits is taken to wait for ever.
    """

    exempt: ClassVar[Mapping[str, str]] = {}
    patience: ClassVar[float] = 30.0

    @classmethod
    def rules(cls) -> tuple[str, ...]:
        """The names of the rules, sorted."""
        return tuple(sorted(name for name in dir(cls) if name.startswith("test_")))

    @pytest.fixture
    def context(self, tmp_path: Path) -> RunContext:
        """What the part is told about its run."""
        return run_context(tmp_path)

    @pytest.fixture(autouse=True)
    def _judged(self, pytestconfig: pytest.Config) -> None:
        if not pytestconfig.pluginmanager.has_plugin("ihacpa_core.testing.verdict"):
            pytest.fail('the verdict needs pytest_plugins = ["ihacpa_core.testing.plugin"] in your conftest.py')

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in a loop of its own.

        :raises AssertionError: it did not end, or left tasks behind.
        """

        complaints: list[str] = []

        async def watched() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(str(told["message"])))
            result = await asyncio.wait_for(work, self.patience)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"still running at the end: {left}"
            assert complaints == []
            return result

        try:
            return asyncio.run(watched())
        except TimeoutError as error:
            raise AssertionError(f"it did not end within {self.patience:g} s") from error


def missing_fixture(name: str, meaning: str) -> Any:
    """Fail, since the author has not said something that the contract needs to know."""
    pytest.fail(f"override the fixture {name}: {meaning}", pytrace=False)
