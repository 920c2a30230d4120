"""Each rule of each contract is broken on purpose by an implementation, which has to fail it."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ihacpa_core.testing import contracts

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BROKEN = {
    (path.stem, name, rule): getattr(importlib.import_module(path.stem), name)
    for path in sorted(HERE.glob("broken_*.py"))
    for name, made in vars(importlib.import_module(path.stem)).items()
    if hasattr(made, "broken")
    for rule in made.broken.breaks
}
RULES = [(name, rule) for name in contracts.__all__ if name != "Contract" for rule in getattr(contracts, name).rules()]


@functools.cache
def outcomes():
    """What became of each broken implementation, tried against the rules that it breaks, in one pytest of its own."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        ids = [f"{HERE.relative_to(ROOT) / file}.py::{cls}::{rule}" for file, cls, rule in BROKEN]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--tb=native",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            *ids,
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert report.exists(), done.stdout + done.stderr
        cases = ElementTree.parse(report).iter("testcase")
        return {
            (*case.get("classname", "").split(".")[-2:], case.get("name")): [
                child.tag for child in case if child.tag != "properties"
            ]
            for case in cases
        }


@pytest.mark.parametrize("case", BROKEN, ids="-".join)
def test_broken_implementation_fails(case):
    """An implementation that breaks a rule fails that rule's test, in the test itself and not on the way to it."""
    assert outcomes()[case] == ["failure"]


@pytest.mark.parametrize("rule", RULES, ids="-".join)
def test_each_rule_is_broken_by_somebody(rule):
    """No rule is there that nothing could fail."""
    contract = getattr(contracts, rule[0])
    assert any(issubclass(made, contract) and broken == rule[1] for (_, _, broken), made in BROKEN.items())


def test_each_broken_implementation_breaks_rules_that_exist():
    """A rule that was renamed is renamed here as well."""
    assert [case for case, made in BROKEN.items() if case[2] not in made.rules()] == []
