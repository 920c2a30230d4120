"""The arrows of docs/architecture.md hold: who may import whom, and what start-up costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import ihacpa_core

ROOT = Path(__file__).parents[1]
CORE = ROOT / "ihacpa_core"
PLUGINS = ROOT / "plugins" / "ihacpa_plugins"
VOCABULARY = {
    "errors",
    "fileops",
    "records",
    "state",
    "events",
    "journal",
    "review",
    "roles",
    "offers",
    "hookspecs",
    "markers",
    "health",
    "parser",
}


def imports(path):
    """The modules that a file imports, with the names taken from each."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or "", tuple(alias.name for alias in node.names)


def modules(folder):
    return sorted(folder.rglob("*.py"))


@pytest.mark.parametrize("path", modules(PLUGINS), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_plugins_reach_only_the_public_face(path):
    """A built-in plugin lives on what every plugin may use: `ihacpa_core` and what it exports."""
    for module, names in imports(path):
        if module.partition(".")[0] == "ihacpa_core":
            assert module == "ihacpa_core"
            assert set(names) <= set(ihacpa_core.__all__) | {"__version__"}


@pytest.mark.parametrize("path", modules(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_no_plugin(path):
    """The core names its built-ins in a table and imports none of them; only `testing` knows the tests."""
    reached = {module for module, _ in imports(path)}

    assert not {module for module in reached if module.startswith("ihacpa_plugins")}
    if "testing" not in path.parts:
        assert not {module for module in reached if module.startswith("ihacpa_core.testing")}


def test_the_vocabulary_depends_on_nothing_but_itself():
    """Public vocabulary is imported by everything and imports no engine, settings or command line."""
    for name in sorted(VOCABULARY):
        for module, _ in imports(CORE / f"{name}.py"):
            if module.startswith("ihacpa_core."):
                assert module.removeprefix("ihacpa_core.") in VOCABULARY, f"{name} imports {module}"


def test_only_the_command_line_reaches_the_command_line():
    """cli → engine → vocabulary: nothing points back."""
    for path in modules(CORE):
        if "cli" not in path.parts and path.name != "__main__.py":
            assert not [module for module, _ in imports(path) if module.startswith("ihacpa_core.cli")], path


def test_everything_public_can_be_imported_and_is_sorted():
    """`__all__` is complete, without duplicates, and every name in it is there."""
    assert len(set(ihacpa_core.__all__)) == len(ihacpa_core.__all__)
    assert [name for name in ihacpa_core.__all__ if getattr(ihacpa_core, name, None) is None] == []


HEAVY = ["openpyxl", "httpx2", "sqlite3", "rich", "psutil", "stamina", "cvss", "filelock"]


def loaded_by(*command):
    """Which of the heavy modules a command imports."""
    code = (
        "import sys, json, io, contextlib\n"
        f"sys.argv = ['ihacpa', *{list(command)!r}]\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    from ihacpa_core.__main__ import main\n"
        "    main()\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(option):
    """`--version` and `--help` import neither openpyxl nor an HTTP client nor a database."""
    assert loaded_by(option) == []


def test_importing_the_package_loads_nothing_heavy():
    """`import ihacpa_core` pulls in neither openpyxl nor an HTTP client."""
    code = f"import sys, ihacpa_core; print([name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
