from __future__ import annotations

import pytest

from ihacpa_core import BatchStrategy, Offer, RunContext, UsageError
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.discovery import Entry
from ihacpa_core.plugins.making import make
from ihacpa_core.plugins.table import Found


class Tens(BatchStrategy):
    def next_size(self, state):
        return 10


class Abstract(BatchStrategy):
    """Misses its one method."""


def found(factory):
    entry = Entry(role="strategy", name="mine", distribution="acme", target="acme.mine")
    return Found(offer=Offer(name="mine", factory=factory), entry=entry)


@pytest.fixture
def context(tmp_path):
    return RunContext(run_id="r", workbook=tmp_path / "b.xlsx", state_dir=tmp_path, config_dir=tmp_path)


def test_a_part_is_what_its_factory_makes(context):
    """A factory that keeps its promise is called with options and context, and no more."""
    part = make(found(lambda options, given: Tens() if given is context else None), None, context)

    assert isinstance(part, Tens)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (lambda options, context: 1 / 0, "ZeroDivisionError"),
        (lambda options, context: Abstract(), "abstract"),
        (lambda options, context: exit(3), "SystemExit"),
        (lambda options, context: None, "returned NoneType, not a BatchStrategy"),
        (lambda options, context: Tens, "returned ABCMeta, not a BatchStrategy"),
    ],
)
def test_a_factory_that_fails_is_told_with_its_distribution(factory, said, context):
    """Whatever a factory raises or returns, the message names whose it is and what was wrong."""
    with pytest.raises(BrokenPlugin, match="cannot be made") as caught:
        make(found(factory), None, context)

    assert said in caught.value.why
    assert "mine" in str(caught.value)


def test_what_a_factory_says_of_its_options_is_said(context):
    """A mistake that the factory explains itself is told in its words."""

    def factory(options, context):
        raise UsageError("no file nowhere.py", hint="give its path")

    with pytest.raises(UsageError, match="no file nowhere") as caught:
        make(found(factory), None, context)

    assert caught.value.hint == "give its path"
