"""`ihacpa plugins`: what there is, what is selected and by what, who is called when, and a new plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ihacpa_core.cli.main import main
from ihacpa_core.cli.plugins_command.new import KINDS, TEMPLATES
from ihacpa_core.errors import ExitCode
from ihacpa_core.plugins.builtins import BUILTINS, ROLES
from ihacpa_core.plugins.table import PluginTable

HOOK = "from ihacpa_core import hookimpl\n\n@hookimpl\ndef ihacpa_report_header():\n    return 'hello'\n"
SETTINGS = """\
[ihacpa]
strategy = "fixed-size"
progress = ["json", "plain"]
plugins = ["./hello.py"]

[processor.package-review]
sources = ["osv"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with settings and a hook plugin, in which commands are typed; `ihacpa` runs in this process."""
    for name in [name for name in os.environ if name.startswith("IHACPA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ihacpa.toml").write_text(SETTINGS)
    (tmp_path / "hello.py").write_text(HOOK)
    return tmp_path


@pytest.fixture
def typed(folder, capsys):
    """Type a command; returns what it printed, after a look at its exit code."""

    def typed(*words, code=ExitCode.OK):
        assert main(["plugins", *words]) == code
        return capsys.readouterr()

    return typed


def rows(printed):
    return {(row["role"], row["name"]): row for row in json.loads(printed.out)}


# --- list -------------------------------------------------------------------------------------------------------------


def test_list_says_what_is_selected_and_by_what(typed):
    """Every offer with its state; the selected ones with file and line, defaults as such, aliases understood."""
    found = rows(typed("--json"))

    assert {(role, name): row["selected_by"] for (role, name), row in found.items() if row["state"] == "active"} == {
        ("strategy", "size"): "ihacpa.toml:2",
        ("checkpoint", "sqlite"): "default",
        ("save", "openpyxl"): "default",
        ("progress", "json"): "ihacpa.toml:3",
        ("progress", "plain"): "ihacpa.toml:3",
        ("processor", "package-review"): "default",
        ("executor", "local"): "default",
        ("source", "osv"): "ihacpa.toml:7",
        ("hooks", "./hello.py"): "./hello.py in ihacpa.toml:4",
    }
    assert found["source", "pypi"]["state"] == "available"


def test_list_follows_environment_and_command_line(typed, monkeypatch):
    """They count as they do for a run."""
    monkeypatch.setenv("IHACPA_PROGRESS", "none")
    monkeypatch.setenv("IHACPA_PLUGINS", "no:sqlite")

    found = rows(typed("-o", "strategy=size", "-p", "no:rich", "--json"))

    assert found["progress", "none"]["selected_by"] == "IHACPA_PROGRESS"
    assert found["strategy", "size"]["selected_by"] == "-o strategy"
    assert (found["progress", "rich"]["state"], found["progress", "rich"]["disabled_by"]) == ("disabled", "-p no:rich")
    assert found["checkpoint", "sqlite"]["disabled_by"] == "no:sqlite in IHACPA_PLUGINS"
    assert ("hooks", "./hello.py") not in found


def test_list_names_what_is_selected_and_not_there(typed, folder):
    """A word that nobody offers, and one that is switched off, are told; the list is there all the same."""
    (folder / "ihacpa.toml").write_text('[ihacpa]\nstrategy = "sise"\nplugins = ["nope"]\n')

    printed = typed("-p", "no:sqlite")

    assert "ihacpa.toml:2: unknown strategy 'sise' - did you mean 'size'? available: size" in printed.out
    assert "unknown plugin 'nope'" in printed.out
    assert "checkpoint 'sqlite' is selected by default and disabled by -p no:sqlite" in printed.out
    assert "  available  size (fixed-size)" in printed.out


@pytest.mark.parametrize("text", ["[ihacpa\n", "[ihacpa]\nstrategy = 5\nnope = 1\n", "[strange]\nx = 1\n"])
def test_list_works_with_settings_that_hold_mistakes(typed, folder, text):
    """What can be read counts."""
    (folder / "ihacpa.toml").write_text(text)

    printed = typed()

    assert "strategy:\n  active" in printed.out


def test_list_imports_nothing(folder):
    """Neither a plugin nor anything heavy."""
    code = (
        "import sys\nfrom ihacpa_core.cli.main import main\nmain(['plugins'])\n"
        "names = [n for n in sys.modules if n.startswith(('ihacpa_plugins.', 'ihacpa_file_'))]\n"
        "heavy = {'openpyxl', 'httpx2', 'sqlite3', 'rich', 'psutil'} & set(sys.modules)\n"
        "print(names, heavy, file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[] set()"
    assert "./hello.py" in done.stdout


def test_check_imports_each_and_says_which_are_broken(typed, folder):
    """The file plugin cannot be imported: that is told, with the cause, and the code says so."""
    (folder / "hello.py").write_text("\nimport no_such_thing\n")

    found = rows(typed("--check", "--json", code=ExitCode.USAGE))

    row = found["hooks", "./hello.py"]
    assert (row["state"], row["selected_by"]) == ("broken", "./hello.py in ihacpa.toml:4")
    assert row["why"].startswith("ModuleNotFoundError: No module named 'no_such_thing' [")
    assert [name for (_, name), row in found.items() if row["state"] == "broken"] == ["./hello.py"]


def test_what_built_in_processors_need_is_known_without_an_import():
    """The table of built-ins says which sources the review asks by default, as its options do."""
    table = PluginTable()
    for builtin in BUILTINS:
        if builtin.role == "processor":
            offer = table.find("processor", builtin.name + (":x.py:f" if builtin.takes_argument else "")).offer
            needed = [word for _, word in offer.needs(offer.options())] if offer.options else []
            assert needed == list(builtin.needs.words if builtin.needs else ())


# --- info -------------------------------------------------------------------------------------------------------------


def test_info_tells_everything(typed):
    """State, owner, module, hooks, and each option with range, default and description."""
    (told,) = json.loads(typed("info", "size", "--json").out)

    assert (told["role"], told["state"], told["selected_by"]) == ("strategy", "active", "ihacpa.toml:2")
    assert told["hooks"] == ["ihacpa_strategies"]
    assert Path(told["file"]).name == "size.py"
    assert told["options"] == [
        {
            "key": "batch_size",
            "expected": "a whole number from 1 to 100",
            "default": 10,
            "description": "records in a batch",
            "secret": False,
        }
    ]


def test_info_as_text(typed):
    """The same for a person; options stand as they are written in TOML."""
    text = typed("info", "strategy:fixed-size").out

    assert "strategy size: " in text
    assert (
        "  [strategy.size]\n  batch_size = 10\n      a whole number from 1 to 100\n      records in a batch\n" in text
    )


def test_info_of_every_built_in(typed):
    """Whatever the options of an offer are, they can be told."""
    for builtin in BUILTINS:
        (told,) = json.loads(typed("info", f"{builtin.role}:{builtin.name}", "--json").out)
        assert told["state"] in ("active", "available")
        assert told["file"].endswith(".py")


def test_info_of_a_hook_plugin(typed):
    """A hook plugin has hooks and no role."""
    (told,) = json.loads(typed("info", "./hello.py", "--json").out)

    assert (told["role"], told["hooks"], told["options"]) == ("hooks", ["ihacpa_report_header"], [])


def test_info_does_not_import_what_is_switched_off(typed, folder):
    """A plugin that is switched off is told from its metadata."""
    (told,) = json.loads(typed("info", "rich", "-p", "no:rich", "--json").out)

    assert (told["state"], told["disabled_by"], told["file"]) == ("disabled", "-p no:rich", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["info", "sise"], "unknown plugin 'sise'"),
        (["info"], "info tells about one plugin"),
        (["list", "size"], "list takes no name"),
        (["new"], "new writes a plugin of a name and a role"),
        (["new", "my-store"], "new writes a plugin of a name and a role"),
        (["new", "Size!", "--role", "strategy"], "'Size!' is no name for a plugin"),
        (["new", "../x", "--role", "strategy"], "'../x' is no name for a plugin"),
        (["new", "size", "--role", "strategy"], "strategy 'size' is built in"),
        (["--hook", "batch_comitted"], "there is no hook 'batch_comitted'"),
        (["show"], "invalid choice: 'show'"),
    ],
)
def test_mistyped_commands_say_what_to_type(folder, capsys, words, told):
    """Each is a usage error with a hint."""
    assert main(["plugins", *words]) == ExitCode.USAGE

    printed = capsys.readouterr()
    assert told in printed.err
    assert "  hint: " in printed.err
    assert printed.out == ""


# --- the order of calls -----------------------------------------------------------------------------------------------


def test_hook_shows_the_order_of_calls(typed, folder):
    """By plugin id, whatever the order in which they are switched on; the `ihacpa_` may be left out."""
    (folder / "another.py").write_text(HOOK)

    printed = typed("--hook", "report_header", "-p", "./another.py", "--json")

    told = json.loads(printed.out)
    assert told["hook"] == "ihacpa_report_header"
    assert [row["plugin"] for row in told["order"]] == [f"file:{folder / name}" for name in ("another.py", "hello.py")]


def test_hook_as_text_and_without_anybody(typed):
    """A line each, or a sentence."""
    assert "  1. file:" in typed("--hook", "ihacpa_report_header").out
    assert typed("--hook", "ihacpa_warning").out == "ihacpa_warning(): no active plugin implements it\n"


def test_hook_leaves_out_what_is_broken_and_says_so(typed, folder):
    """The others are shown."""
    (folder / "broken.py").write_text("1 / 0")

    printed = typed("--hook", "report_header", "-p", "./broken.py")

    assert "hello.py" in printed.out
    assert "left out: plugin" in printed.err
    assert "broken.py" in printed.err


# --- new --------------------------------------------------------------------------------------------------------------


def test_there_is_a_template_for_every_role():
    """And for hook plugins."""
    assert set(KINDS) == {*ROLES, "hooks"}
    assert all((TEMPLATES / role / "plugin.py.tmpl").is_file() for role in KINDS)


@pytest.mark.parametrize("role", sorted(KINDS))
def test_new_writes_a_distribution(typed, folder, role):
    """Metadata that name the entry point, modules that compile, and what to type next."""
    printed = typed("new", "my-thing", "--role", role, "--output", "out")

    made = folder / "out" / "my-thing"
    project = tomllib.loads((made / "pyproject.toml").read_text())["project"]
    group = f"ihacpa.{role}" if role in ROLES else "ihacpa"
    assert project["name"] == "ihacpa-my-thing"
    assert project["entry-points"][group]["my-thing"].startswith("ihacpa_my_thing.plugin")
    for path in made.rglob("*.py"):
        compile(path.read_text(), path, "exec")
    assert f"pip install -e '{made}[test]'" in printed.out
    assert "my-thing" in (made / "README.md").read_text()


def test_new_takes_a_distributions_name_as_well(typed, folder):
    """`ihacpa-acme` is the distribution, `acme` the word that selects it."""
    typed("new", "ihacpa-acme", "--role", "strategy")

    text = (folder / "ihacpa-acme" / "pyproject.toml").read_text()
    assert 'name = "ihacpa-acme"' in text
    assert 'acme = "ihacpa_acme.plugin"' in text


def test_new_overwrites_nothing(typed, folder, capsys):
    """A folder that holds something is left alone."""
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("important")

    assert main(["plugins", "new", "mine", "--role", "save"]) == ExitCode.USAGE

    assert "mine is there already" in capsys.readouterr().err
    assert [path.name for path in (folder / "mine").iterdir()] == ["notes.txt"]


def test_new_into_a_place_that_cannot_be_written(folder, capsys):
    """A system error is told as ours."""
    (folder / "file").write_text("")

    assert main(["plugins", "new", "mine", "--role", "save", "--output", "file"]) == ExitCode.USAGE

    assert "cannot be written" in capsys.readouterr().err
