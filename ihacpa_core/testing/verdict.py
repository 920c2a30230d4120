"""Judges contract classes for pytest: what was skipped does not hold, and a contract of which nothing ran is an error.

Works with pytest-xdist: each worker judges what it ran.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import pytest

from ihacpa_core.plugins.names import did_you_mean
from ihacpa_core.testing.contracts.base import Contract

_PROPERTY = "ihacpa-contract"
_seen = pytest.StashKey[list[type[Contract]]]()


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Note which contract classes the modules of the session define."""
    module = getattr(collector, "obj", None)
    if inspect.isclass(obj) and issubclass(obj, Contract) and obj.__module__ == getattr(module, "__name__", ""):
        collector.config.stash.setdefault(_seen, []).append(obj)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Refuse contracts that would prove nothing, before anything is deselected; set exempted rules aside."""
    seen = config.stash.get(_seen, [])
    by_class: dict[type, list[pytest.Item]] = {}
    for item in items:
        if cls := _contract_of(item):
            by_class.setdefault(cls, []).append(item)
            _set_aside(item, cls)
    named = any("::" in argument for argument in config.args)
    for cls in dict.fromkeys(seen):
        _check_exemptions(cls)
        if not named and cls not in by_class and not _is_base(cls, seen):
            raise pytest.UsageError(_nothing_collected(cls))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outside of what makes an expected failure a skip
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A rule that was skipped, or was expected to fail, has failed, unless the class exempts it."""
    if call.excinfo is not None and _contract_of(item):
        # What a broken part left behind is cleared here: CPython 3.11 cannot run its finalizers while pytest parses
        # source for the report ("AST constructor recursion depth mismatch"), and the session would die of it.
        gc.collect()
    report = yield
    cls = _contract_of(item)
    if cls is not None and report.skipped and _rule(item) not in cls.exempt:
        report.outcome = "failed"
        report.longrepr = (
            f"a rule of a contract does not hold by being skipped: {_reason(report)}\n"
            f'if it cannot apply, say so: exempt = {{"{_rule(item)}": "why"}}'
        )
        vars(report).pop("wasxfail", None)  # a failure that bears it would not count
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each contract class with exemptions: how many rules hold, and which were set aside."""
    held: dict[str, set[str]] = {}
    aside: dict[str, set[str]] = {}
    for outcome, names in (("passed", held), ("skipped", aside)):
        for report in terminalreporter.getreports(outcome):
            contract = dict(report.user_properties).get(_PROPERTY)
            if contract:
                where, _, rule = report.nodeid.rpartition("::")
                names.setdefault(f"{where} ({contract})", set()).add(rule)
    for where, rules in sorted(aside.items()):
        count = len(held.get(where, ()))
        terminalreporter.write_line(
            f"{where}: {count} of {count + len(rules)} rules hold; exempt: {', '.join(sorted(rules))}"
        )


def _contract_of(item: pytest.Item) -> type[Contract] | None:
    cls = getattr(item, "cls", None)
    return cls if inspect.isclass(cls) and issubclass(cls, Contract) else None


def _rule(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", None) or item.name)


def _set_aside(item: pytest.Item, cls: type[Contract]) -> None:
    ours = Contract.__module__.rpartition(".")[0]
    item.user_properties.append((_PROPERTY, next(c.__name__ for c in cls.__mro__ if c.__module__.startswith(ours))))
    reason = cls.exempt.get(_rule(item))
    if reason is not None:
        item.add_marker(pytest.mark.skip(reason=f"exempt: {reason}"))


def _check_exemptions(cls: type[Contract]) -> None:
    rules = cls.rules()
    for name, reason in cls.exempt.items():
        if name not in rules:
            raise pytest.UsageError(f"{cls.__name__}: exempt names no rule: {name} {did_you_mean(name, rules)}".strip())
        if not reason.strip():
            raise pytest.UsageError(f"{cls.__name__}: exempt gives no reason for {name}")
    if set(rules) <= set(cls.exempt):
        raise pytest.UsageError(f"{cls.__name__}: every rule is exempt, so nothing is tested")


def _is_base(cls: type[Contract], seen: Iterable[type[Contract]]) -> bool:
    return any(other is not cls and issubclass(other, cls) for other in seen)


def _nothing_collected(cls: type[Contract]) -> str:
    return (
        f"{cls.__module__}.{cls.__name__} inherits a contract, and none of its rules was collected: "
        "its name has to begin with Test, and it must have no __init__"
    )


def _reason(report: pytest.TestReport) -> Any:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}" if report.wasxfail else "expected to fail"
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
