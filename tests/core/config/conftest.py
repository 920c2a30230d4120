"""A plugin table whose built-ins are small fakes, with options of every kind."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_offers import FAKES, fake_module

from ihacpa_core import ConfigError, Offer
from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.plugins.builtins import Builtin
from ihacpa_core.plugins.table import PluginTable

Load = Callable[..., Settings]


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> PluginTable:
    """The table of fakes."""
    builtins = []
    for (role, name), (options, more) in FAKES.items():
        offer = Offer(name=name, factory=lambda options, context: options, options=options, **more)
        module = fake_module(role, offer)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        aliases = more.get("aliases", ())
        builtins.append(Builtin(role=role, name=name, module=module.__name__, summary="", aliases=aliases))
    return PluginTable(builtins)


@pytest.fixture
def load(tmp_path: Path, plugins: PluginTable) -> Load:
    """Load the settings of a folder: `text` is its ihacpa.toml, the other arguments are the other layers."""

    def load(text: str | None = None, **more: Any) -> Settings:
        if text is not None:
            (tmp_path / "ihacpa.toml").write_text(text, encoding="utf-8")
        layers: dict[str, Any] = {"config": None, "env": {}, "flags": {}, "overrides": ()} | more
        return load_settings(layers.pop("cwd", tmp_path), plugins=plugins, **layers)

    return load


@pytest.fixture
def mistakes(load: Load) -> Callable[..., list[str]]:
    """The mistakes that loading finds, as lines."""

    def mistakes(text: str | None = None, **more: Any) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, **more)
        return [str(mistake) for mistake in caught.value.mistakes]

    return mistakes
