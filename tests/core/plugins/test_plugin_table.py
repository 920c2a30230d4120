"""Which words select what, what is imported, and what is said when that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ihacpa_core import PluginError
from ihacpa_core.plugins.builtins import BUILTINS, COMMANDS, ROLES, Builtin
from ihacpa_core.plugins.rules import hook_arguments
from ihacpa_core.plugins.table import PluginTable

Install = Callable[..., Path]

BURST = """
    from ihacpa_core import Offer, hookimpl

    @hookimpl
    def ihacpa_strategies():
        return [
            Offer(name="burst", factory=lambda options, context: "burst", summary="bursts"),
            Offer(name="file", factory=lambda options, context: context, takes_argument=True, summary="file:PATH"),
        ]
"""
STRATEGY = "ihacpa.strategy"


@pytest.fixture
def acme(install: Install) -> PluginTable:
    """A table where ihacpa-acme offers the strategies `burst` and `file`."""
    install("Ihacpa_Acme", {STRATEGY: {"burst": "acme_burst", "file": "acme_burst"}}, {"acme_burst": BURST})
    return PluginTable()


def test_a_built_in_is_found_by_name_and_alias() -> None:
    """The built-in strategy `size` answers to its alias, too; options and factory come with the offer."""
    table = PluginTable()

    assert table.find("strategy", "size").offer.name == "size"
    assert table.find("strategy", "fixed-size").offer.options is table.find("strategy", "size").offer.options
    assert table.name_of("strategy", "fixed-size") == "size"
    assert table.loaded()[0][0] == "ihacpa:ihacpa.strategy:size"


def test_the_table_of_built_ins_is_well_formed() -> None:
    """No word selects two offers of a role; every role's hook exists; modules are where DESIGN puts them."""
    words = [(b.role, word) for b in BUILTINS for word in (b.name, *b.aliases)]

    assert len(words) == len(set(words))
    assert {b.role for b in BUILTINS} == set(ROLES)
    assert {role.hook for role in ROLES.values()} <= set(hook_arguments())
    for builtin in BUILTINS:
        assert builtin.module == f"ihacpa_plugins.{builtin.role}.{builtin.name.replace('-', '_')}"
    assert [command.name for command in COMMANDS] == ["advisories", "report", "diff", "explain", "format", "cells"]


def test_third_parties_are_listed_without_an_import(acme: PluginTable) -> None:
    """Names, versions and owners come from metadata alone."""
    assert acme.names("strategy") == ["size", "memory", "time", "burst", "file"]
    assert acme.available("strategy").endswith("; burst, file (ihacpa-acme 2.1)")
    assert "acme_burst" not in sys.modules


def test_a_third_party_is_selected_by_name_or_with_its_distribution(acme: PluginTable) -> None:
    """`burst` and `ihacpa-acme:burst` are the same; the distribution's name may be spelt as pip allows."""
    for word in ("burst", "ihacpa-acme:burst", "Ihacpa_Acme:burst"):
        assert acme.find("strategy", word).offer.name == "burst"


def test_an_argument_follows_a_colon(acme: PluginTable) -> None:
    """What follows the name of an offer that takes an argument is handed on, colons too."""
    assert acme.find("strategy", "file:a.py:f").argument == "a.py:f"
    assert acme.find("strategy", "ihacpa-acme:file:a.py:f").argument == "a.py:f"
    with pytest.raises(PluginError, match="takes nothing after the colon"):
        acme.find("strategy", "burst:5")
    with pytest.raises(PluginError, match="needs something after a colon") as caught:
        acme.find("strategy", "file")

    assert caught.value.hint == "file:PATH"


def test_an_unknown_word_gets_a_guess_and_a_list(acme: PluginTable) -> None:
    """The error names what was most likely meant, and everything there is with its owner."""
    with pytest.raises(PluginError, match="unknown strategy 'brust'") as caught:
        acme.find("strategy", "brust")

    assert caught.value.hint.startswith("did you mean 'burst'? available: size, memory, time (ihacpa ")


def test_a_name_that_two_distributions_offer_is_refused_when_selected(install: Install) -> None:
    """The error names both sides; writing the distribution's name settles it; other names are not concerned."""
    install("ihacpa-acme", {STRATEGY: {"burst": "acme_burst", "size": "acme_burst"}}, {"acme_burst": BURST})
    install("ihacpa-other", {STRATEGY: {"burst": "acme_burst"}}, {}, version="0.3")
    table = PluginTable()

    with pytest.raises(PluginError, match="offered more than once") as caught:
        table.find("strategy", "burst")

    assert "ihacpa-acme 2.1" in caught.value.why
    assert "ihacpa-other 0.3" in caught.value.why
    assert caught.value.hint == "write 'ihacpa-acme:burst' or 'ihacpa-other:burst'"
    assert table.find("strategy", "ihacpa-other:burst").entry.distribution == "ihacpa-other"
    with pytest.raises(PluginError, match="strategy 'size' is offered more than once"):
        table.find("strategy", "size")
    assert table.find("strategy", "ihacpa:size").entry.builtin


@pytest.mark.parametrize(
    ("source", "what", "why", "hint"),
    [
        (
            "import boto3_missing",
            "cannot be imported",
            "No module named 'boto3_missing' [",
            "pip install boto3_missing",
        ),
        ("1 / 0", "cannot be imported", "ZeroDivisionError: division by zero [", "update or repair ihacpa-bad"),
        ("def f(:", "cannot be imported", "SyntaxError", "or choose another strategy"),
        ("exit(3)", "cannot be imported", "SystemExit: 3", "or choose another strategy"),
        ("", "does not offer 'bad'", "offers nothing", "bears the name of its offer"),
        ("ihacpa_x = 5", "does not offer 'bad'", "", ""),
        ("def ihacpa_strategies(): return []", "ihacpa_strategies() is not decorated", "", "put @hookimpl above it"),
        (
            "@hookimpl\ndef ihacpa_strategeis(): ...",
            "no hook ihacpa_strategeis()",
            "",
            "did you mean 'ihacpa_strategies'",
        ),
        ("@hookimpl\ndef ihacpa_warning(evnt): ...", "has no argument 'evnt'", "it has: event", "did you mean 'event'"),
        ("@hookimpl\ndef ihacpa_warning(event=None): ...", "has a default", "", "remove the default"),
        ("@hookimpl\ndef ihacpa_warning(*event): ...", "takes '*event'", "", "name the arguments"),
        ("@hookimpl(wrapper=True)\ndef ihacpa_warning(event): yield", "is a wrapper", "", "return a middleware"),
        ("@hookimpl\ndef ihacpa_strategies(): return 1 / 0", "failed in ihacpa_strategies()", "ZeroDivisionError", ""),
        ("@hookimpl\ndef ihacpa_strategies(): return ['bad']", "yields a str, not an Offer", "", ""),
        ("@hookimpl\ndef ihacpa_strategies(): return None", "failed in ihacpa_strategies()", "TypeError", ""),
    ],
)
def test_a_broken_plugin_is_named_with_cause_and_fix(
    install: Install, source: str, what: str, why: str, hint: str
) -> None:
    """Whatever a plugin does wrong, the error names entry point, distribution, version, cause and what to do."""
    install("ihacpa-bad", {STRATEGY: {"bad": "acme_bad"}}, {"acme_bad": ""})
    (Path(sys.path[0]) / "acme_bad.py").write_text(f"from ihacpa_core import hookimpl\n{source}\n")

    with pytest.raises(PluginError) as caught:
        PluginTable().find("strategy", "bad")

    assert caught.value.what.startswith("plugin ihacpa.strategy:bad of ihacpa-bad 2.1 (")
    assert what in str(caught.value)
    assert why in caught.value.why
    assert hint in caught.value.hint


def test_the_line_that_failed_is_named(install: Install) -> None:
    """The cause ends with file and line of the plugin's own code, not of the machinery that imports it."""
    site = install("ihacpa-bad", {STRATEGY: {"bad": "acme_line"}}, {"acme_line": "\n\nimport no_such_thing\n"})

    with pytest.raises(PluginError) as caught:
        PluginTable().find("strategy", "bad")

    assert caught.value.why.endswith(f"[{site / 'acme_line.py'}:3]")


def test_an_entry_point_without_its_module_asks_for_a_new_installation(install: Install) -> None:
    """Metadata that outlived its code is told as such."""
    install("ihacpa-gone", {STRATEGY: {"gone": "acme_gone.deep"}}, {})

    with pytest.raises(PluginError) as caught:
        PluginTable().find("strategy", "gone")

    assert caught.value.hint.startswith("install ihacpa-gone again")


def test_a_class_that_was_not_called_is_refused(install: Install) -> None:
    """An entry point names a module or an instance; an attribute of a module may be one."""
    source = """
        from ihacpa_core import Offer, hookimpl

        class Plugin:
            @hookimpl
            def ihacpa_strategies(self):
                return [Offer(name="one", factory=lambda options, context: None)]

        plugin = Plugin()
    """
    points = {STRATEGY: {"one": "acme_class:plugin", "two": "acme_class:Plugin"}}
    install("ihacpa-class", points, {"acme_class": source})

    assert PluginTable().find("strategy", "one").offer.name == "one"
    with pytest.raises(PluginError, match="is a class"):
        PluginTable().find("strategy", "two")


def test_a_broken_plugin_that_is_not_selected_harms_nobody(install: Install) -> None:
    """Garbled metadata and modules that raise do not keep a built-in from being found."""
    site = install("ihacpa-bad", {STRATEGY: {"bad": "acme_bad"}}, {"acme_bad": "1 / 0"})
    garbled = site / "garbled-1.dist-info"
    garbled.mkdir()
    (garbled / "entry_points.txt").write_text("[ihacpa.strategy]\nthis is no entry point\n")

    table = PluginTable()

    assert table.find("strategy", "size").offer.name == "size"
    assert "bad" in table.names("strategy")


HOOKS = """
    from ihacpa_core import hookimpl

    @hookimpl
    def ihacpa_report_header():
        return "hello"
"""


def test_always_on_plugins_by_name_distribution_file_and_module(install: Install, tmp_path: Path) -> None:
    """A hook plugin is named by its entry point, its distribution, a file, or a module."""
    install("ihacpa-notify", {"ihacpa": {"bell": "acme_bell"}}, {"acme_bell": HOOKS, "acme_file": HOOKS})
    (tmp_path / "json.py").write_text("from ihacpa_core import hookimpl\n")

    for word in ("bell", "ihacpa-notify", "ihacpa-notify:bell"):
        table = PluginTable()
        table.enable(word, tmp_path)
        assert [plugin_id for plugin_id, _ in table.loaded()] == ["ihacpa-notify:ihacpa:bell"]
    table = PluginTable()
    table.enable("./json.py", tmp_path)
    assert table.loaded()[0][0] == f"file:{tmp_path / 'json.py'}"
    assert sys.modules["json"].__name__ == "json"


def test_a_dotted_module_can_be_an_always_on_plugin(install: Install, tmp_path: Path) -> None:
    """A module that can be imported needs no entry point."""
    site = install("ihacpa-x", {}, {})
    (site / "acme_package").mkdir()
    (site / "acme_package" / "hooks.py").write_text("from ihacpa_core import hookimpl\n")
    table = PluginTable()

    table.enable("acme_package.hooks", tmp_path)

    assert table.loaded()[0][0] == "module:ihacpa:acme_package.hooks"


@pytest.mark.parametrize("word", ["nowhere", "nowhere.at.all", "./nowhere.py", "ihacpa_core.nowhere", "x..y"])
def test_an_always_on_plugin_that_is_not_there_is_an_error(word: str, tmp_path: Path) -> None:
    """A mistyped hook plugin is told; it would be missed in silence."""
    with pytest.raises(PluginError, match=r"nowhere|unknown plugin"):
        PluginTable().enable(word, tmp_path)


def test_only_the_selected_plugin_is_imported(acme: PluginTable, tmp_path: Path) -> None:
    """In a fresh process, finding a built-in imports that one and no other plugin, and nothing heavy."""
    code = """
import sys
from ihacpa_core.plugins.table import PluginTable
PluginTable().find("strategy", "size")
names = [name for name in sys.modules if name.startswith(("ihacpa_plugins.", "acme"))]
print(sorted(names), {"openpyxl", "httpx2", "sqlite3", "rich"} & set(sys.modules))
"""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), *sys.path])}

    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['ihacpa_plugins.strategy', 'ihacpa_plugins.strategy.size'] set()"


def test_every_order_on_disk_gives_the_same_table(install: Install) -> None:
    """Entries are sorted by distribution and name, whatever the order in which folders are listed."""
    for name in ("ihacpa-zeta", "ihacpa-alpha", "ihacpa-mid"):
        install(name, {STRATEGY: {"b": "x", "a": "x"}, "ihacpa": {"hook": "x"}}, {})
    found = [(entry.distribution, entry.name) for entry in PluginTable([]).entries_of("strategy")]

    assert found == sorted(found)
    assert len(found) == 6


def test_a_built_in_whose_module_is_missing_is_told_as_such() -> None:
    """A damaged installation of ihacpa itself gets the same kind of error as a plugin of others."""
    lost = Builtin(role="strategy", name="lost", module="ihacpa_plugins.strategy.lost", summary="")

    with pytest.raises(PluginError, match=r"plugin ihacpa\.strategy:lost of ihacpa"):
        PluginTable([lost]).find("strategy", "lost")
