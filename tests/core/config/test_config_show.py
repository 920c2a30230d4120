"""The settings are shown with where each value came from."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.config.settings import Settings
from ihacpa_core.config.show import HIDDEN, literal, render, render_toml

Load = Callable[..., Settings]

FILE = """\
[ihacpa]
strategy = "memory"

[strategy.size]
batch_size = 5

[source.pypi]
token = "hunter2"

[processor.package-review.columns]
"my notes" = ""
"""


def test_every_value_is_shown_with_its_origin(load: Load) -> None:
    """Defaults, values from each layer, and tables that are not in use."""
    rows = {key: (value, str(origin)) for key, value, origin in render(load(FILE, env={"IHACPA_SAVE_EVERY": "end"}))}

    assert rows["ihacpa.strategy"] == ("memory", "ihacpa.toml:2")
    assert rows["ihacpa.save_every"] == ("end", "IHACPA_SAVE_EVERY")
    assert rows["strategy.memory.interval"] == ("5m", "default")
    assert rows["strategy.size.batch_size"] == (5, "ihacpa.toml:5")
    assert rows['processor.package-review.columns."my notes"'] == ("", "ihacpa.toml:11")


def test_secrets_are_hidden(load: Load) -> None:
    """A secret is shown nowhere, whether its offer is in use or not; where it is kept may be seen."""
    in_use = load(FILE)
    not_in_use = load('[ihacpa]\nprocessor = "python:f.py:f"\n[source.pypi]\ntoken = "hunter2"\n')

    for settings in (in_use, not_in_use):
        assert ("source.pypi.token", HIDDEN) in [row[:2] for row in render(settings)]
        assert "hunter2" not in render_toml(settings)


def test_the_toml_text_is_toml_and_says_where_values_come_from(load: Load) -> None:
    """The text can be read back as the effective settings; each line ends with its origin."""
    settings = load(FILE.replace('"hunter2"', '"env:TOKEN"'))
    text = render_toml(settings)

    assert tomllib.loads(text) == settings.effective()
    assert 'strategy = "memory"' in text
    assert text.splitlines()[3].endswith("# ihacpa.toml:2")
    assert "# batch_size = 5  # ihacpa.toml:5, not selected, not checked" in text


values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=8,
)


@given(values)
def test_a_literal_reads_back_as_its_value(value: bool | int | float | str | date | list[object]) -> None:
    """Every value has a form on one line that TOML reads as the same value."""
    text = literal(value)

    assert "\n" not in text
    assert tomllib.loads(f"x = {text}")["x"] == value


def test_the_settings_are_light_to_import() -> None:
    """Importing the settings brings in neither pluggy nor openpyxl nor the metadata of distributions."""
    heavy = "{'pluggy', 'openpyxl', 'importlib.metadata', 'packaging', 'rich', 'sqlite3', 'asyncio', 'tomli_w'}"
    code = f"import sys, ihacpa_core.config.check, ihacpa_core.config.show; print({heavy} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
