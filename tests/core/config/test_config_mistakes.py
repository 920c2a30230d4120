"""Every mistake is found in one pass, with its place, what was expected, what was found, and a guess."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ihacpa_core import ConfigError, ExitCode, PluginError, UsageError

Mistakes = Callable[..., list[str]]

SIX = """\
[ihacpa]
workbok = "book.xlsx"
strategy = "memroy"
checkpoint_every = "five"

[sheet]
header_row = 0

[strategy.memory]
interval = "5 parsecs"

[proccessor.package-review]
concurrency = 8
"""


def test_six_mistakes_are_all_shown_with_file_and_line(mistakes: Mistakes) -> None:
    """Typo, unknown word, wrong type, out of range, bad unit, unknown table: six mistakes, by line."""
    assert mistakes(SIX) == [
        "ihacpa.toml:2: ihacpa.workbok: unknown key - did you mean 'workbook'?",
        (
            "ihacpa.toml:3: ihacpa.strategy: unknown strategy 'memroy' - did you mean 'memory'? "
            "available: size, memory (ihacpa 0.1.0)"
        ),
        'ihacpa.toml:4: ihacpa.checkpoint_every: expected a whole number from 1 to 100000, found text "five"',
        "ihacpa.toml:7: sheet.header_row: expected a whole number from 1 to 1048575, found 0",
        (
            'ihacpa.toml:10: strategy.memory.interval: expected a duration such as "30s", "5m" or "1h30m", '
            'at least 1s and at most 1h, found text "5 parsecs"'
        ),
        "ihacpa.toml:12: proccessor: unknown table - did you mean 'processor'?",
    ]


def test_the_error_lists_all_mistakes_and_ends_with_usage(load: Callable[..., Any]) -> None:
    """The error itself, as the command line prints it, holds every mistake and the exit code for usage."""
    with pytest.raises(ConfigError, match="nothing was written") as caught:
        load(SIX)

    assert caught.value.exit_code is ExitCode.USAGE
    assert str(caught.value).count("ihacpa.toml:") == 6
    assert isinstance(caught.value.__cause__, PluginError)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ihacpa]\ngrace = 10", 'at most 1h, found 10 - write the unit, too: "10s"'),
        ('[ihacpa]\ngrace = "2h"', 'at most 1h, found text "2h"'),
        ('[ihacpa]\nfail_on = "hgih"', "found text \"hgih\" - did you mean 'high'?"),
        ('[ihacpa]\nsave_every = "often"', 'expected "batch", "auto", "end" or a duration such as'),
        ("[ihacpa]\nkeep_checkpoints = 1", "expected true or false, found 1"),
        ("[ihacpa]\nplugins = [1]", "ihacpa.plugins[0]: expected text, found 1"),
        ("[ihacpa.strategy]\nname = 1", "ihacpa.strategy: expected text, found a table"),
        ("[sheet]\nfirst_row = true", "expected a whole number from 2 to 1048576, found true"),
        ("[strategy]\nsize = 1", "strategy.size: expected a table [strategy.NAME], found 1"),
        ('strategy = "size"', 'expected a table, found text "size" - write strategy under [ihacpa]'),
        ('workbook = "b.xlsx"', "it does not stand in a table - write workbook under [ihacpa]"),
        ("[strategy.burst]\nx = 1", "strategy.burst: unknown strategy 'burst' - available: size, memory"),
        ('[strategy."*"]\nx = 1', "unknown strategy '*'"),
        ("[checkpoint.sqlite]\nx = 1", "unknown key, checkpoint 'sqlite' has no options"),
        ("[processor.package-review]\ncolumns = 5", "columns: expected a table, found 5"),
        ("[processor.package-review.columns]\nnotes = 5", "columns.notes: expected text, found 5"),
        ('[ihacpa]\nstrategy = "size:5"', "strategy 'size' takes nothing after the colon"),
        ('[ihacpa]\nrequire = ["pluggy>=99"]', "'pluggy>=99' is required, "),
        ('[ihacpa]\nrequire = ["ihacpa-nowhere"]', "is required and not installed"),
        ('[ihacpa]\nrequire = [">>"]', "expected a requirement such as"),
        ('[ihacpa]\nplugins = ["nowhere"]', "unknown plugin 'nowhere'"),
    ],
)
def test_one_mistake_says_what_was_expected_and_found(mistakes: Mistakes, text: str, expected: str) -> None:
    """Each kind of mistake has a message that names the file, the expectation and what stands there."""
    found = mistakes(text)

    assert len(found) == 1
    assert found[0].startswith("ihacpa.toml:")
    assert expected in found[0]


def test_an_unknown_source_is_told_where_it_is_named(mistakes: Mistakes) -> None:
    """An offer that options name is looked up, too; the mistake stands at the line of its name."""
    text = '[processor.package-review]\nconcurrency = 0\nsources = [\n  "pypi",\n  "ovs",\n]\n'

    assert mistakes(text) == [
        "ihacpa.toml:2: processor.package-review.concurrency: expected a whole number from 1 to 64, found 0",
        (
            "ihacpa.toml:5: processor.package-review.sources: unknown source 'ovs' - did you mean 'osv'? "
            "available: pypi, osv (ihacpa 0.1.0)"
        ),
    ]


def test_the_options_of_a_source_are_checked(mistakes: Mistakes) -> None:
    """The table of an offer that other options name is checked as that of a selected one."""
    assert mistakes("[source.pypi]\nurl = 1") == ["ihacpa.toml:2: source.pypi.url: expected text, found 1"]


def test_the_table_of_an_unselected_offer_is_kept_and_no_mistake(load: Callable[..., Any]) -> None:
    """Swapping a backend changes one word: the table of the other offer may stay, whatever it says."""
    settings = load('[strategy.memory]\ntarget = "later"')

    assert settings.one("strategy").name == "size"
    assert settings.unselected[0][:2] == (("strategy", "memory", "target"), "later")


def test_a_syntax_error_has_line_and_column(mistakes: Mistakes) -> None:
    """A file that is no TOML is one mistake, with its line; a Windows path gets the hint that it needs."""
    found = mistakes('[ihacpa]\nworkbook = "C:\\packages.xlsx"\n')

    assert found[0].startswith("ihacpa.toml:2: syntax: not TOML at column")
    assert found[0].endswith("in 'single quotes' a backslash is a backslash")


def test_a_syntax_error_does_not_hide_other_layers(mistakes: Mistakes) -> None:
    """With a broken file, the mistakes of the environment and the command line are still told."""
    found = mistakes("[ihacpa", env={"IHACPA_STRATGY": "size"}, overrides=["sheet.header_row=x"])

    assert [line.partition(": ")[0] for line in found] == ["ihacpa.toml:1", "IHACPA_STRATGY", "-o sheet.header_row"]


def test_deep_nesting_is_a_mistake_and_no_crash(mistakes: Mistakes) -> None:
    """A hostile file of ten thousand brackets is refused like any other."""
    assert "nested too deeply" in mistakes("x = " + "[" * 10_000 + "]" * 10_000)[0]


def test_a_file_that_is_not_there_is_named(load: Callable[..., Any]) -> None:
    """`--config` with a file that does not exist says which file and who named it."""
    with pytest.raises(UsageError, match=r"nowhere\.toml that --config names cannot be read"):
        load(config=Path("nowhere.toml"))

    with pytest.raises(UsageError, match="IHACPA_CONFIG names"):
        load(env={"IHACPA_CONFIG": "nowhere.toml"})


def test_a_file_in_another_encoding_is_told_so(load: Callable[..., Any], tmp_path: Path) -> None:
    """A file in Latin-1 is refused with the remedy, not with a traceback."""
    (tmp_path / "ihacpa.toml").write_bytes('[ihacpa]\nworkbook = "pürée.xlsx"'.encode("latin-1"))

    with pytest.raises(UsageError, match="not UTF-8"):
        load()


def test_a_secret_is_never_repeated_nor_taken_from_the_command_line(mistakes: Mistakes) -> None:
    """A secret of the wrong type is not printed; one on the command line is refused, without printing it."""
    in_file = mistakes("[source.pypi]\ntoken = 12345")
    typed = mistakes("", overrides=["source.pypi.token=hunter2"])

    assert "12345" not in in_file[0]
    assert "hunter2" not in typed[0]
    assert "env:VARIABLE" in typed[0]
