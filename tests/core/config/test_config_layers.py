"""Where settings are found, which layer wins, and how their places are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from ihacpa_core.config.settings import Settings

Load = Callable[..., Settings]
Mistakes = Callable[..., list[str]]

FILE = """\
[ihacpa]
strategy = "memory"
workbook = "book.xlsx"
progress = "json"

[strategy.memory]
target = 0.5
min_size = 2
"""


def test_defaults_need_no_file(load: Load, tmp_path: Path) -> None:
    """Without any settings, every role has its default and the folder is the current one."""
    settings = load()

    assert settings.file is None
    assert settings.config_dir == tmp_path
    assert settings.one("strategy").options.batch_size == 10
    assert [source.name for source in settings.selected["source"]] == ["pypi"]
    assert settings.one("progress").name == "plain"


def test_each_layer_wins_over_the_one_below(load: Load) -> None:
    """Command line over environment over file over default, value by value, each with its origin."""
    env = {"IHACPA_STRATEGY__MEMORY__TARGET": "0.6", "IHACPA_STRATEGY__MEMORY__MIN_SIZE": "3"}
    settings = load(FILE, env=env, overrides=["strategy.memory.target=0.7"])

    options = settings.one("strategy").options
    assert (options.target, options.min_size, options.cap) == (0.7, 3, "512MB")
    assert {key: str(origin) for key, origin in settings.origins.items()} == {
        "ihacpa.strategy": "ihacpa.toml:2",
        "ihacpa.workbook": "ihacpa.toml:3",
        "ihacpa.progress": "ihacpa.toml:4",
        "strategy.memory.target": "-o strategy.memory.target",
        "strategy.memory.min_size": "IHACPA_STRATEGY__MEMORY__MIN_SIZE",
    }
    assert str(settings.origin(("strategy", "memory", "cap"))) == "default"


def test_a_named_flag_wins_and_is_named(load: Load, mistakes: Mistakes) -> None:
    """A flag sets its key, and is what a mistake is blamed on; a flag that was not given sets nothing."""
    settings = load(FILE, flags={"strategy": ("fixed-size", "--strategy"), "sheet.name": (None, "--sheet")})

    assert settings.one("strategy").name == "size"
    assert settings.one("strategy").word == "fixed-size"
    assert settings.sheet.name == ""
    assert mistakes(flags={"strategy": ("sise", "--strategy")})[0].startswith("--strategy: ihacpa.strategy: unknown")


def test_a_flag_can_mean_the_selected_offer(load: Load, mistakes: Mistakes) -> None:
    """`strategy.*.batch_size` is the option of whichever strategy is selected; one without it is a mistake."""
    flags = {"strategy.*.batch_size": ("25", "--batch-size")}

    assert load("", flags=flags).one("strategy").options.batch_size == 25
    assert mistakes(FILE, flags=flags) == [
        "--batch-size: strategy.memory.batch_size: unknown key - known: cap, interval, min_size, target"
    ]


@pytest.mark.parametrize(
    ("variable", "text", "read"),
    [
        ("IHACPA_CHECKPOINT_EVERY", "7", lambda s: s.core.checkpoint_every == 7),
        ("IHACPA_KEEP_CHECKPOINTS", "true", lambda s: s.core.keep_checkpoints is True),
        ("IHACPA_STATE_DIR", "2024", lambda s: s.core.state_dir == "2024"),
        ("IHACPA_PROGRESS", "plain, json", lambda s: [p.name for p in s.selected["progress"]] == ["plain", "json"]),
        ("IHACPA_PROGRESS", '["json"]', lambda s: s.one("progress").name == "json"),
        ("IHACPA_SHEET__KEY", "Name", lambda s: s.sheet.key == "Name"),
        (
            "IHACPA_PROCESSOR__PACKAGE_REVIEW__COLUMNS__NOTES",
            "",
            lambda s: s.options("processor", "package-review").columns == {"notes": ""},
        ),
        (
            "IHACPA_PROCESSOR__PACKAGE_REVIEW__SOURCES",
            "pypi,osv",
            lambda s: s.options("processor", "package-review").sources == ("pypi", "osv"),
        ),
        ("IHACPA_STRATEGY__FIXED_SIZE__BATCH_SIZE", "9", lambda s: s.options("strategy", "size").batch_size == 9),
        ("IHACPA_TEST_DATA", "/anything", lambda s: True),
        ("HOME", "/root", lambda s: True),
    ],
)
def test_variables_are_read_as_their_key_asks(
    load: Load, variable: str, text: str, read: Callable[[Settings], bool]
) -> None:
    """A variable is found by its name in capitals, and its text becomes what the key's type asks for."""
    assert read(load("", env={variable: text}))


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("IHACPA_STRATGY", "did you mean 'IHACPA_STRATEGY'?"),
        ("IHACPA_SHEET_KEY", "did you mean 'IHACPA_SHEET__KEY'?"),
        ("IHACPA_STRATEGY__MEMROY__TARGET", "did you mean"),
        ("IHACPA_XYZZY", "variables that begin with IHACPA_ are settings"),
    ],
)
def test_a_variable_that_names_no_setting_is_a_mistake(mistakes: Mistakes, variable: str, hint: str) -> None:
    """A mistyped variable is told, since it would be ignored in silence."""
    found = mistakes("", env={variable: "1"})

    assert found[0].startswith(f"{variable}: ")
    assert hint in found[0]


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("checkpoint_every=7", lambda s: s.core.checkpoint_every == 7),
        ("sheet.name = Packages 2024", lambda s: s.sheet.name == "Packages 2024"),
        ("sheet.name=2024", lambda s: s.sheet.name == "2024"),
        ('sheet.name="a=b"', lambda s: s.sheet.name == "a=b"),
        ("progress=json", lambda s: s.one("progress").name == "json"),
        ('progress=["json", "plain"]', lambda s: len(s.selected["progress"]) == 2),
        ("ihacpa.checkpoint_every=8", lambda s: s.core.checkpoint_every == 8),
        (
            'processor.package-review.columns."my field"=AB',
            lambda s: s.options("processor", "package-review").columns == {"my field": "AB"},
        ),
        (
            'processor.package-review.columns={notes="", github="K"}',
            lambda s: s.options("processor", "package-review").columns == {"notes": "", "github": "K"},
        ),
        ("processor=python:my.py:f", lambda s: s.one("processor").argument == "my.py:f"),
    ],
)
def test_overrides_set_any_key(load: Load, override: str, read: Callable[[Settings], bool]) -> None:
    """`-o KEY=VALUE` reads the value as TOML where it is TOML, else as text."""
    settings = load("", overrides=[override])

    assert read(settings)


@pytest.mark.parametrize("override", ["", "=5", "strategy", "a b=5"])
def test_an_override_that_is_none_is_a_mistake(mistakes: Mistakes, override: str) -> None:
    """What follows `-o` has a key and a value."""
    assert "expected KEY=VALUE" in mistakes("", overrides=[override])[0]


def test_the_nearest_parent_is_found(load: Load, tmp_path: Path) -> None:
    """The settings of a parent folder count below it, and relative paths start from theirs."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)

    settings = load(FILE, cwd=below)

    assert settings.file == tmp_path / "ihacpa.toml"
    assert settings.config_dir == tmp_path
    assert str(settings.origins["ihacpa.strategy"]) == f"{tmp_path / 'ihacpa.toml'}:2"


def test_pyproject_holds_the_same_tables(load: Load, mistakes: Mistakes, tmp_path: Path) -> None:
    """`[tool.ihacpa]` counts where there is no ihacpa.toml; keys and lines are those of the file."""
    text = '[project]\nname = "x"\n\n[tool.ihacpa.ihacpa]\nstrategy = "memory"\n\n[tool.ihacpa.strategy.memory]\n'
    (tmp_path / "pyproject.toml").write_text(text + "target = 0.4\n")
    settings = load()
    (tmp_path / "pyproject.toml").write_text(text + "target = 4\n")

    assert settings.one("strategy").options.target == 0.4
    assert str(settings.origins["strategy.memory.target"]) == "pyproject.toml:8"
    assert mistakes()[0].startswith("pyproject.toml:8: tool.ihacpa.strategy.memory.target: expected a number from 0.1")
    assert load("").one("strategy").name == "size"


def test_the_nearest_file_counts(load: Load, tmp_path: Path) -> None:
    """A pyproject.toml beside the workbook counts before an ihacpa.toml farther up, and after one beside it."""
    below = tmp_path / "a"
    below.mkdir()
    (tmp_path / "ihacpa.toml").write_text('[ihacpa]\nworkbook = "far.xlsx"\n')
    (below / "pyproject.toml").write_text('[tool.ihacpa.ihacpa]\nworkbook = "near.xlsx"\n')

    nearer = load(cwd=below).core.workbook
    (below / "ihacpa.toml").write_text('[ihacpa]\nworkbook = "own.xlsx"\n')

    assert (nearer, load(cwd=below).core.workbook) == ("near.xlsx", "own.xlsx")


def test_a_pyproject_of_somebody_else_is_passed_over(load: Load, tmp_path: Path) -> None:
    """A pyproject.toml without the section, or one that is no TOML, does not hide that of a parent."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.ihacpa.ihacpa]\nworkbook = "w.xlsx"\n')
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\ndependencies = ["ihacpa"]\n')
    (below / "pyproject.toml").write_text("ihacpa = = not TOML\n")

    assert load(cwd=below).core.workbook == "w.xlsx"


def test_a_named_file_wins_over_the_nearest(load: Load, tmp_path: Path) -> None:
    """`--config`, and then IHACPA_CONFIG, name the file in place of the nearest one."""
    (tmp_path / "other.toml").write_text('[ihacpa]\nstrategy = "memory"\n')

    assert load("", config=Path("other.toml")).one("strategy").name == "memory"
    assert load("", env={"IHACPA_CONFIG": "other.toml"}).one("strategy").name == "memory"


def test_typed_paths_start_from_the_current_folder(load: Load, tmp_path: Path) -> None:
    """A workbook in the file is relative to the file; one that was typed, to the folder it was typed in."""
    below = tmp_path / "below"
    below.mkdir()

    assert load(FILE, cwd=below).core.workbook == "book.xlsx"
    assert load(FILE, cwd=below, flags={"workbook": ("b.xlsx", "WORKBOOK")}).core.workbook == str(below / "b.xlsx")
    assert load(FILE, cwd=below, flags={"workbook": (Path("/b.xlsx"), "WORKBOOK")}).core.workbook == "/b.xlsx"


def test_a_mark_at_the_beginning_does_no_harm(load: Load, tmp_path: Path) -> None:
    """Notepad's byte order mark is read over."""
    (tmp_path / "ihacpa.toml").write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())

    settings = load()

    assert str(settings.origins["strategy.memory.target"]) == "ihacpa.toml:7"


def test_effective_settings_repeat_the_run(load: Load, tmp_path: Path) -> None:
    """The effective settings, written to a file elsewhere and given back with `--config`, give the same settings."""
    env = {"IHACPA_PROCESSOR__PACKAGE_REVIEW__COLUMNS__NOTES": ""}
    first = load(FILE, env=env, overrides=['progress=["plain","json"]'], flags={"workbook": ("b.xlsx", "WORKBOOK")})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "settings.toml").write_bytes(tomli_w.dumps(first.effective()).encode())

    again = load(config=elsewhere / "settings.toml", cwd=elsewhere)

    assert again.effective() == first.effective()
    assert (again.core, again.sheet, again.config_dir) == (first.core, first.sheet, first.config_dir)
    assert [(s.role, s.name, s.options) for parts in again.selected.values() for s in parts] == [
        (s.role, s.name, s.options) for parts in first.selected.values() for s in parts
    ]


def test_effective_settings_hold_no_secret(load: Load) -> None:
    """A secret is left out of what is stored; where a secret is found stays in."""
    literal = load('[source.pypi]\ntoken = "hunter2"')
    named = load('[source.pypi]\ntoken = "env:PYPI_TOKEN"')

    assert "token" not in literal.effective()["source"]["pypi"]
    assert named.effective()["source"]["pypi"]["token"] == "env:PYPI_TOKEN"


def test_options_of_what_is_not_selected_are_not_there(load: Load) -> None:
    """Asking for the options of an offer that is not selected is an error of the caller."""
    with pytest.raises(LookupError, match="'memory' is not selected"):
        load().options("strategy", "memory")


def test_nothing_is_written_and_no_workbook_is_touched(load: Load, tmp_path: Path) -> None:
    """Loading settings that name a workbook leaves the folder as it was."""
    before = sorted(tmp_path.iterdir())
    settings: Any = load(overrides=["workbook=missing.xlsx"])

    assert settings.core.workbook.endswith("missing.xlsx")
    assert sorted(tmp_path.iterdir()) == before
