from __future__ import annotations

import json
import re

import pytest

from ihacpa_core.errors import ExitCode

FAILING = """\
from ihacpa_core import BatchStrategy, Offer, hookimpl
from ihacpa_plugins.strategy.memory import MemoryOptions, MemoryStrategy


class Blind:
    \"\"\"A sensor that sees nothing from the second batch on.\"\"\"

    def __init__(self):
        self.looks = 0

    def look(self):
        from ihacpa_plugins.strategy._limits import Use
        self.looks += 1
        return Use(1, 10, "test") if self.looks == 1 else None

    def measure(self):
        return None


@hookimpl
def ihacpa_strategies():
    return [Offer(
        name="blind",
        factory=lambda options, context: MemoryStrategy(MemoryOptions(max_size=6), Blind(), context.warn),
    )]
"""
ENTRY = "[ihacpa.strategy]\nblind = blind_strategy\n"
METADATA = "Metadata-Version: 2.1\nName: blind\nVersion: 1.0\n"


def sizes(result):
    return [int(count) for count in re.findall(r"^batch \d+: (\d+) records", result.stderr, re.M)]


def log(project):
    return "".join(path.read_text() for path in sorted((project.folder / ".ihacpa/book.xlsx/logs").glob("*.log")))


@pytest.mark.parametrize("word", ["memory", "memory-adaptive"])
def test_memory_is_chosen_by_one_word(project, calls, word):
    """Thirty small rows fit: one batch, and the log says what was measured against which limit."""
    result = project.run("--strategy", word, "--progress", "plain", expect=ExitCode.OK)

    assert sizes(result) == [30]
    assert len(calls()) == 30
    assert re.search(r"batches begin with 50 records from batch 1, memory: \d+ of \d+ MB \(.+\)", log(project))


@pytest.mark.parametrize("word", ["time", "time-based"])
def test_time_is_chosen_by_one_word(project, calls, word):
    """A tenth of a second a batch, 40 ms a row, four at a time: about ten rows each, and a save after each batch."""
    args = ("--strategy", word, "-o", "strategy.time.interval=100ms", "--progress", "plain")
    result = project.run(*args, expect=ExitCode.OK)

    assert sum(sizes(result)) == len(calls()) == 30
    assert len(sizes(result)) >= 3
    assert "closed by time: 100ms" in log(project)


@pytest.mark.parametrize("strategy", ["memory", "time"])
def test_batch_size_belongs_to_a_strategy_that_has_one(project, calls, strategy):
    """--batch-size with a strategy that finds its own: exit 2, a hint, and nothing was touched."""
    result = project.run("--strategy", strategy, "--batch-size", "5", expect=ExitCode.USAGE)

    assert f"strategy.{strategy}.batch_size" in result.stderr
    assert "max_size" in result.stderr
    assert calls() == []
    assert not (project.folder / ".ihacpa").exists()


def test_a_limit_below_what_the_process_takes_is_told_and_lived_with(project, calls):
    """The smallest batches, one warning that says how much of how much, no save for each row, and a complete result."""
    args = ("--strategy", "memory", "-o", "strategy.memory.limit=5MB", "--progress", "plain", "--json")
    result = project.run(*args, expect=ExitCode.OK)

    assert sizes(result) == [1] * 30
    assert result.stderr.count("of 5 MB (configured limit)") == 1
    assert json.loads(result.stdout)["metrics"]["warnings"] == 1
    assert len(calls()) == 30


def test_limits_that_do_not_go_together_are_a_mistake_of_the_settings(project, calls):
    """Told before the workbook is touched, with the names of both."""
    args = ("-o", "strategy.memory.min_size=50", "-o", "strategy.memory.max_size=20")
    result = project.run("--strategy", "memory", *args, expect=ExitCode.USAGE)

    assert "min_size, 50, is above max_size, 20" in result.stderr
    assert calls() == []


def test_a_strategy_that_fails_while_the_run_goes_on_is_replaced(project, calls):
    """From the second batch on its sensor is blind: a warning, batches of ten, and every row is done."""
    project.write("blind_strategy.py", FAILING)
    folder = project.folder / "blind-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA)
    (folder / "entry_points.txt").write_text(ENTRY)

    result = project.run("--strategy", "blind", "--progress", "plain", expect=ExitCode.OK)

    assert sizes(result) == [3, 10, 10, 7]
    assert result.stderr.count("strategy blind raised PluginError: memory cannot be measured on this machine") == 1
    assert len(calls()) == 30
