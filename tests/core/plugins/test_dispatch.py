"""Hooks are called in a defined order, each kept from the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from ihacpa_core import WarningRaised, hookimpl
from ihacpa_core.events import Event
from ihacpa_core.plugins.dispatch import EVENT_HOOKS, Dispatcher
from ihacpa_core.plugins.rules import hook_arguments
from ihacpa_core.plugins.table import PluginTable

Enable = Callable[..., Dispatcher]


@pytest.fixture
def enable(tmp_path: Path) -> Enable:
    """A dispatcher over hook plugins, given as {file name: source}; they are enabled in the order given."""

    def enable(**sources: str) -> Dispatcher:
        table = PluginTable([])
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(f"from ihacpa_core import hookimpl\nHEARD = []\n{source}\n")
            table.enable(f"./{name}.py", tmp_path)
        enable.table = table  # type: ignore[attr-defined]
        return Dispatcher(table)

    return enable


def heard(enable: Any) -> dict[str, list[Any]]:
    """What each plugin noted."""
    return {Path(plugin_id).stem: plugin.HEARD for plugin_id, plugin in enable.table.loaded()}


LISTEN = "@hookimpl\ndef ihacpa_warning(event):\n    HEARD.append(event.message)"
RAISE = "@hookimpl\ndef ihacpa_warning(event):\n    raise RuntimeError('no')"
IGNORE = "@hookimpl\ndef ihacpa_warning():\n    HEARD.append('called')"
EVENT = WarningRaised(message="attention")


def test_an_observer_that_raises_is_named_and_silences_nobody(enable: Enable) -> None:
    """The others hear the event; the failure says which plugin, which hook, and what it raised."""
    dispatcher = enable(a=LISTEN, b=RAISE, c=LISTEN, d=IGNORE)

    failures = dispatcher.notify(EVENT)

    assert heard(enable) == {"a": ["attention"], "b": [], "c": ["attention"], "d": ["called"]}
    assert [Path(failure.plugin_id).name for failure in failures] == ["b.py"]
    assert str(failures[0]).endswith("b.py failed in ihacpa_warning(): RuntimeError: no")


def test_ctrl_c_is_never_swallowed(enable: Enable) -> None:
    """An observer is isolated from the others, not from the person who stops the run."""
    dispatcher = enable(a="@hookimpl\ndef ihacpa_warning(event):\n    raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        dispatcher.notify(EVENT)


def test_an_observer_that_leaves_is_isolated_as_well(enable: Enable) -> None:
    """`exit()` in an observer is a fault of its own, and the next one still hears the event."""
    dispatcher = enable(a="@hookimpl\ndef ihacpa_warning(event):\n    raise SystemExit(3)")

    [failure] = dispatcher.notify(EVENT)

    assert isinstance(failure.error, SystemExit)


def test_every_event_has_its_hook() -> None:
    """Each event type is announced by a hook of its own, with the event as the only argument."""
    assert set(EVENT_HOOKS) == set(get_args(Event))
    assert {hook_arguments()[hook] for hook in EVENT_HOOKS.values()} == {("event",)}


def test_headers_come_in_the_order_of_plugin_ids(enable: Enable) -> None:
    """Lines and lists of lines are joined in the order of ids, whatever the order of loading."""
    header = "@hookimpl\ndef ihacpa_report_header():\n    return {}"
    dispatcher = enable(c=header.format("1 / 0"), b=header.format("['b1', 'b2']"), a=header.format("'a1\\na2'"))

    lines, failures = dispatcher.report_header()

    assert lines == ["a1", "a2", "b1", "b2"]
    assert isinstance(failures[0].error, ZeroDivisionError)


def test_no_other_module_names_a_hook() -> None:
    """Strings that name hooks stand in the specifications, the table of roles and the dispatcher only."""
    root = Path(inspect.getfile(PluginTable)).parents[1]
    allowed = {"hookspecs.py", "builtins.py", "dispatch.py"}
    names = set(hook_arguments())

    for path in root.rglob("*.py"):
        if path.name not in allowed:
            text = path.read_text(encoding="utf-8")
            assert not [name for name in names if f'"{name}"' in text], path


def test_hookimpl_is_public() -> None:
    """Plugins take the decorator from the public face."""
    assert hookimpl.project_name == "ihacpa"
