"""The options that hook plugins declare: one declaration, checked like every other setting."""

from __future__ import annotations

from textwrap import dedent

import pytest

from ihacpa_core import Parser, UsageError
from ihacpa_core.config.given import given_to
from ihacpa_core.config.show import render, render_toml

NOTIFY = """
from typing import Annotated
from msgspec import Meta
from ihacpa_core import Duration, hookimpl

@hookimpl
def ihacpa_addoption(parser):
    parser.addoption("--notify-url", help="where to post", default="http://localhost")
    parser.addoption("--notify-token", help="the key for it", secret=True)
    parser.addoption("--notify-level", help="from which level on", choices=("low", "high"), default="low")
    parser.addoption("--post-every", help="at most so often", type=Duration, default="5m", toml="notify.every")
    parser.addoption("--notify-times", help="tries", type=Annotated[int, Meta(ge=1)], default=3)
    parser.addoption("--notify-to", help="to whom", type=tuple[str, ...], default=())
"""


@pytest.fixture
def plugin(tmp_path):
    """Write a hook plugin into the folder of the settings."""

    def write(name, source):
        (tmp_path / f"{name}.py").write_text(dedent(source))
        return f'[ihacpa]\nplugins = ["./{name}.py"]\n'

    return write


def shown(settings):
    return {key: (value, str(origin)) for key, value, origin in render(settings) if key.startswith("notify.")}


def test_one_declaration_feeds_file_environment_and_flags(load, plugin):
    """The file, the environment, -o and the flag all set the option, each over the one before, with its origin."""
    text = plugin("notify", NOTIFY) + '[notify]\nurl = "http://file"\nlevel = "high"\n'

    settings = load(
        text,
        env={"IHACPA_NOTIFY__URL": "http://env", "IHACPA_NOTIFY__EVERY": "30s"},
        overrides=["notify.times=5"],
        flags={"notify.every": ("1h", "--post-every")},
    )

    assert shown(settings) == {
        "notify.url": ("http://env", "IHACPA_NOTIFY__URL"),
        "notify.level": ("high", "ihacpa.toml:5"),
        "notify.every": ("1h", "--post-every"),
        "notify.times": (5, "-o notify.times"),
        "notify.to": ([], "default"),
    }


def test_mistakes_are_told_with_all_others(mistakes, plugin):
    """A value of the wrong kind, an unknown key and an unknown variable are found in the one pass, with a guess."""
    text = plugin("notify", NOTIFY) + '[notify]\nlevel = "hgh"\nulr = ""\ntimes = 0\n[sheet]\nheader_row = 0\n'

    found = mistakes(text, env={"IHACPA_NOTIFY__EVRY": "1s"})

    assert 'ihacpa.toml:4: notify.level: expected one of "low", "high", found text "hgh"' in found[0]
    assert "did you mean 'high'" in found[0]
    assert found[1] == "ihacpa.toml:5: notify.ulr: unknown key - did you mean 'url'?"
    assert "notify.times: expected a whole number of at least 1" in found[2]
    assert "sheet.header_row" in found[3]
    assert found[4].startswith("IHACPA_NOTIFY__EVRY: notify__evry: no setting has this name - did you mean")


def test_a_secret_is_hidden_and_reaches_its_plugin_only(load, plugin, tmp_path):
    """A secret shows nowhere, is no value of a flag, and its own plugin is given what it stands for."""
    text = plugin("notify", NOTIFY) + '[notify]\ntoken = "hush"\n'
    plugin_id = f"file:{tmp_path / 'notify.py'}"

    settings = load(text)

    assert "hush" not in render_toml(settings)
    assert "hush" not in str(settings.effective())
    assert given_to(settings, plugin_id, {})["notify"]["token"] == "hush"
    assert "token" not in given_to(settings, "file:/another.py", {})["notify"]


def test_a_secret_comes_from_where_the_settings_say(load, plugin, tmp_path):
    """``env:NAME`` and ``file:PATH`` are followed when the plugin is given its settings, and told when not there."""
    text = plugin("notify", NOTIFY) + '[notify]\ntoken = "env:HUSH"\nurl = "env:NO_SECRET"\n'
    plugin_id = f"file:{tmp_path / 'notify.py'}"
    (tmp_path / "key.txt").write_text("from a file\n")

    by_variable, by_file = load(text), load(text, overrides=["notify.token=file:key.txt"])

    assert given_to(by_variable, plugin_id, {"HUSH": "hush"})["notify"]["token"] == "hush"
    assert given_to(by_variable, plugin_id, {"HUSH": "hush"})["notify"]["url"] == "env:NO_SECRET"
    assert given_to(by_file, plugin_id, {})["notify"]["token"] == "from a file"
    with pytest.raises(UsageError, match=r"notify.token is not there: the variable HUSH is not set"):
        given_to(by_variable, plugin_id, {})


def test_what_a_plugin_is_given_cannot_be_changed(load, plugin, tmp_path):
    """The settings are nested, hold the core's tables and None for what is not set, and are read-only."""
    given = given_to(load(plugin("notify", NOTIFY)), f"file:{tmp_path / 'notify.py'}", {})

    assert given["sheet"]["header_row"] == 3
    assert given["notify"]["token"] is None
    with pytest.raises(TypeError):
        given["notify"]["url"] = "x"


def test_the_table_of_a_plugin_that_is_off_is_kept(load, mistakes, plugin):
    """Switching a plugin off, or breaking it, makes no mistake of its table; a table of nobody is one."""
    text = plugin("notify", NOTIFY) + '[notify]\nanything = 1\ntoken = "hush"\n'

    settings = load(text, switches=["no:./notify.py"])

    assert shown(settings)["notify.anything"] == (1, "ihacpa.toml:4")
    assert shown(settings)["notify.token"] == ("(secret)", "ihacpa.toml:5")
    plugin("notify", "raise RuntimeError('broken')")
    assert ["RuntimeError: broken" in mistake for mistake in mistakes(text)] == [True]
    assert "notfy: unknown table" in mistakes("[notfy]\nurl = 1")[0]


@pytest.mark.parametrize(
    ("declaration", "told"),
    [
        ('"--x-y", help="", toml="strategy.x"', "ihacpa's own table"),
        ('"--x-y", help="", type=int, default="one"', "default of --x-y is not of its type"),
        ('"x-y", help=""', "--like-this"),
        ('"--x", help=""', "toml='table.key'"),
        ('"--x-y", help="", toml="x"', "toml='table.key'"),
        ('"--notify-url", help=""', "belongs to plugin ./notify.py"),
    ],
)
def test_a_declaration_that_cannot_be_is_the_plugins_mistake(declaration, told, mistakes, plugin):
    """What a plugin declares wrongly is told with its name and with what is wrong."""
    plugin("notify", NOTIFY)
    source = f"""
        from ihacpa_core import hookimpl

        @hookimpl
        def ihacpa_addoption(parser):
            parser.addoption({declaration})
    """
    plugin("bad", source)

    (found,) = mistakes('[ihacpa]\nplugins = ["./bad.py", "./notify.py"]\n')

    assert told in found or told.replace("./notify.py", "./bad.py") in found
    assert "plugin ./" in found


def test_an_option_is_declared_once():
    """The same flag or the same key twice is an error of the declaration."""
    parser = Parser()
    parser.addoption("--notify-url", help="")

    with pytest.raises(ValueError, match="twice"):
        parser.addoption("--other", help="", toml="notify.url")
