"""What is switched on and off, by which word, and what counts when words contradict each other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ihacpa_core import ConfigError, PluginError
from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.plugins.table import PluginTable

Install = Callable[..., Path]
Load = Callable[..., Settings]

OFFERS = """
    from ihacpa_core import Offer, hookimpl

    @hookimpl
    def ihacpa_strategies():
        return [Offer(name=name, factory=lambda options, context: None) for name in ("burst", "size")]
"""
HOOKS = "from ihacpa_core import hookimpl\n"


@pytest.fixture
def plugins(install: Install) -> PluginTable:
    """A table with the strategies `burst` (of two distributions) and the hook plugins `bell` and `gong`."""
    install(
        "ihacpa-acme",
        {"ihacpa.strategy": {"burst": "acme_offers"}, "ihacpa": {"bell": "acme_bell", "gong": "acme_gong"}},
        {"acme_offers": OFFERS, "acme_bell": HOOKS, "acme_gong": HOOKS},
    )
    install("ihacpa-other", {"ihacpa.strategy": {"burst": "other_offers"}}, {"other_offers": OFFERS})
    return PluginTable()


@pytest.fixture
def load(tmp_path: Path, plugins: PluginTable) -> Load:
    """Settings of a folder: its ihacpa.toml, the words of -p, the environment."""

    def load(text: str = "", switches: Sequence[str] = (), **more: Any) -> Settings:
        (tmp_path / "ihacpa.toml").write_text(text, encoding="utf-8")
        layers: dict[str, Any] = {"env": {}, "overrides": ["processor=python:work.py:work"]} | more
        overrides = layers.pop("overrides")
        return load_settings(tmp_path, None, layers.pop("env"), {}, overrides, plugins, switches=switches, **layers)

    return load


def on(plugins: PluginTable) -> list[str]:
    """The names of the hook plugins that were loaded."""
    return [plugins.entry_of(plugin_id).name for plugin_id, _ in plugins.loaded() if ":ihacpa:" in plugin_id]


def imported() -> list[str]:
    return sorted({"acme_offers", "acme_bell", "acme_gong", "other_offers"} & set(sys.modules))


def mistakes(load: Load, *arguments: Any, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(*arguments, **more)
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "env", "switches", "expected"),
    [
        ("", {}, ["bell"], ["bell"]),
        ("", {}, ["bell", "gong"], ["bell", "gong"]),
        ("", {}, ["ihacpa-acme"], ["bell", "gong"]),
        ("", {}, ["ihacpa-acme:gong"], ["gong"]),
        ("", {}, ["ihacpa-acme", "no:bell"], ["gong"]),
        ("", {}, ["bell", "no:bell", "bell"], ["bell"]),
        ("[ihacpa]\nplugins = 'bell'", {}, ["gong"], ["bell", "gong"]),
        ("[ihacpa]\nplugins = ['bell', 'gong']", {}, ["no:bell"], ["gong"]),
        ("[ihacpa]\nplugins = ['bell', 'no:gong']", {}, ["gong"], ["bell", "gong"]),
        ("[ihacpa]\nplugins = ['bell']", {"IHACPA_PLUGINS": "gong"}, [], ["gong"]),
        ("[ihacpa]\nplugins = ['bell']", {"IHACPA_PLUGINS": "gong, bell"}, [], ["bell", "gong"]),
        ("[ihacpa]\nplugins = ['bell']", {"IHACPA_PLUGINS": '["gong"]'}, ["no:gong"], []),
        ("[ihacpa]\nplugins = ['bell']", {"IHACPA_PLUGINS": "no:bell"}, ["bell"], ["bell"]),
    ],
)
def test_which_hook_plugins_are_on(
    load: Load, plugins: PluginTable, text: str, env: dict[str, str], switches: list[str], expected: list[str]
) -> None:
    """The command line adds to what the settings say and counts more; the environment takes the place of the file."""
    load(text, switches, env=env)

    assert on(plugins) == expected
    assert imported() == [f"acme_{name}" for name in expected]


@pytest.mark.parametrize("word", ["no:burst", "no:strategy:burst", "no:ihacpa-other", "no:ihacpa-other:burst"])
def test_what_is_off_is_never_imported(load: Load, plugins: PluginTable, word: str) -> None:
    """By entry point, role and name, or distribution: the other distribution's `burst` is not even looked at."""
    if "ihacpa-other" in word:
        assert load("[ihacpa]\nstrategy = 'burst'", [word]).one("strategy").name == "burst"
        assert imported() == ["acme_offers"]
    else:
        load("", [word])
        assert imported() == []


@pytest.mark.parametrize(
    ("text", "switches", "told"),
    [
        (
            "[ihacpa]\nstrategy = 'burst'",
            ["no:burst"],
            "ihacpa.toml:2: ihacpa.strategy: strategy 'burst' is selected by ihacpa.toml:2 and disabled by -p no:burst",
        ),
        (
            "[ihacpa]\nplugins = ['no:size']",
            [],
            "default: ihacpa.strategy: strategy 'size' is selected by default and disabled by no:size in ihacpa.toml:2",
        ),
        (
            "[ihacpa]\nstrategy = 'fixed-size'",
            ["no:strategy:size"],
            "strategy 'fixed-size' is selected by ihacpa.toml:2 and disabled by -p no:strategy:size",
        ),
    ],
)
def test_selected_and_switched_off_is_a_contradiction(load: Load, text: str, switches: list[str], told: str) -> None:
    """The error names what selects it and what switches it off."""
    (mistake,) = mistakes(load, text, switches)

    assert told in mistake


@pytest.mark.parametrize(
    ("word", "told", "hint"),
    [
        ("no:brust", "-p no:brust: ihacpa.plugins: unknown plugin 'brust'", "did you mean 'burst'? available: size"),
        ("no:strategy:none", "unknown plugin 'strategy:none'", "available:"),
        ("no:./nowhere.py", "nowhere.py is not switched on", "switched on: none"),
        ("bel", "-p bel: ihacpa.plugins: unknown plugin 'bel'", "did you mean 'bell'? available: bell, gong"),
        ("no.such.module", "unknown plugin 'no.such.module'", "available: bell, gong"),
        ("burst", "'burst' of ihacpa-acme is a strategy, not a hook plugin", 'strategy = "burst" selects it'),
        ("./nowhere.py", "nowhere.py cannot be imported", "selected by   -p ./nowhere.py"),
    ],
)  # fmt: skip
def test_a_word_that_switches_nothing_is_an_error(load: Load, word: str, told: str, hint: str) -> None:
    """It is told where it was typed, with what was most likely meant and what there is."""
    (mistake,) = mistakes(load, "", [word])

    assert told in mistake
    assert hint in mistake


def test_every_wrong_word_is_told_at_once(load: Load) -> None:
    """Two words that switch nothing and an unknown strategy are three mistakes."""
    told = mistakes(load, "[ihacpa]\nstrategy = 'none'", ["nope", "no:nope"])

    assert len(told) == 3


def test_paths_start_where_they_are_written(load: Load, plugins: PluginTable, tmp_path: Path) -> None:
    """A file of the settings is relative to them, one of the command line or the environment to the current folder."""
    (tmp_path / "config").mkdir()
    for folder in (tmp_path, tmp_path / "config"):
        (folder / "hook.py").write_text(HOOKS)
    load("[ihacpa]\nconfig_dir = 'config'\nplugins = ['./hook.py']", ["./hook.py"])

    assert [plugin_id for plugin_id, _ in plugins.loaded() if plugin_id.startswith("file:")] == [
        f"file:{tmp_path / 'config' / 'hook.py'}",
        f"file:{tmp_path / 'hook.py'}",
    ]


def test_a_file_can_be_switched_off(load: Load, plugins: PluginTable, tmp_path: Path) -> None:
    """By the word that switches it on, wherever that is relative to."""
    (tmp_path / "hook.py").write_text("raise RuntimeError('imported')")

    load("[ihacpa]\nplugins = ['hook.py']", ["no:./hook.py"])

    assert not [plugin_id for plugin_id, _ in plugins.loaded() if plugin_id.startswith("file:")]


def test_a_run_is_repeated_with_its_switches(load: Load) -> None:
    """What `-p` said is among the effective settings, so that they repeat the run."""
    settings = load("[ihacpa]\nplugins = ['bell']", ["gong", "no:burst"])

    assert settings.effective()["ihacpa"]["plugins"] == ["bell", "gong", "no:burst"]
    assert str(settings.origin(("ihacpa", "plugins"))) == "-p no:burst"


def test_two_hook_plugins_of_one_name(install: Install, plugins: PluginTable, tmp_path: Path) -> None:
    """A name that two distributions announce has to be written with one of them."""
    install("ihacpa-zoo", {"ihacpa": {"bell": "acme_bell"}}, {})
    table = PluginTable()

    with pytest.raises(PluginError, match="plugin 'bell' is offered more than once") as caught:
        table.enable("bell", tmp_path)

    assert caught.value.hint == "write 'ihacpa-acme:bell' or 'ihacpa-zoo:bell'"
    table.enable("ihacpa-zoo:bell", tmp_path)
    assert [entry.distribution for entry in map(table.entry_of, (p for p, _ in table.loaded()))] == ["ihacpa-zoo"]
