"""What the documents show is true: commands are run, code is executed, settings are loaded, links lead somewhere.

A fenced block is one of: `console` (commands after ``$``, and what they print; ``...`` stands for anything), `python`,
`toml`, `text` or `mermaid` for pictures. Python and TOML whose first line is a comment with a file's path is that file
for the rest of the document. A block that cannot be run says why: ``<!-- not run: reason -->`` stands before it.
All blocks of a document share a copy of the examples, an environment that pip can install into, and an index on the
loopback interface.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.testing import contracts
from ihacpa_core.testing.index import LoopbackIndex
from ihacpa_core.testing.index_facts import made_up_versions

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PLUGIN_PAGES = ROOT / "docs" / "plugins"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
REASONS = {"it installs", "it asks the network"}
"""Why a block is not run. Another reason needs another look."""

BLOCK = re.compile(r"^(?:<!-- not run: (?P<reason>[^>]*) -->\n)?```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
NOT_ON_THE_INDEX = "acme-internal-billing-client"
SLOW = "PyYAML"
"""The package whose first look-up hangs in a run that is to be interrupted: row 29 of the example."""
MARK = "<<ended with"
EDITABLES = list((Path(sys.prefix) / "wheelhouse").glob("editables-*.whl"))


@dataclass(frozen=True)
class Block:
    """A fenced block: its document, the line of its fence, and what is in it."""

    document: str
    line: int
    kind: str
    reason: str
    body: str

    @property
    def place(self):
        return f"{self.document}:{self.line}"


def blocks_of(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [
        Block(name, text[: found.start("kind")].count("\n") + 1, found["kind"], found["reason"] or "", found["body"])
        for found in BLOCK.finditer(text)
    ]


# --- the place in which a document is tried ---------------------------------------------------------------------------


class Workplace:
    """A copy of the examples, the commands `ihacpa`, `python` and `pip`, and no network but the loopback index."""

    def __init__(self, folder, index):
        self.folder = folder / "examples"
        self._index = index
        self._home = folder / "home"
        shutil.copytree(EXAMPLES, self.folder, ignore=shutil.ignore_patterns("__pycache__", ".ihacpa"))
        self._home.mkdir()
        python = environment(folder / "environment")
        commands = folder / "bin"
        commands.mkdir()
        for name, line in {
            "ihacpa": f'"{python}" -m ihacpa_core',
            "python": f'"{python}"',
            "pip": f'"{sys.executable}" -m pip --python "{python}"',
        }.items():
            command = commands / name
            command.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
            command.chmod(0o755)
        ours = ("IHACPA_", "COV_", "PYTEST", "PIP_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        nowhere = "http://127.0.0.1:9"
        self._env = kept | {
            "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
            "PYTHONDONTWRITEBYTECODE": "1",  # a file that is changed twice in a second keeps its first bytecode
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # a negative option: 0 is what switches the isolation off
            "HOME": str(self._home),
            "XDG_CACHE_HOME": str(self._home),
            "XDG_DATA_HOME": str(self._home),
            "NO_COLOR": "1",
            "COLUMNS": "80",
            "IHACPA_SOURCE__PYPI__URL": index.url,
            "HTTP_PROXY": nowhere,
            "HTTPS_PROXY": nowhere,
            "ALL_PROXY": nowhere,
            "NO_PROXY": "127.0.0.1",
        }

    def try_out(self, block):
        """Run, execute or load `block`."""
        match block.kind:
            case "console":
                self._console(block)
            case "python":
                self._python(block)
            case "toml":
                self._toml(block)

    def _console(self, block):
        steps = list(steps_of(block))
        if any(command.startswith("timeout ") for command, _ in steps):
            self._hang_once()
        tell = f"_code=$?; echo '{MARK}' $_code; (exit $_code)"
        done = self._shell("".join(f"{command}\n{tell}\n" for command, _ in steps))
        told = re.split(rf"^{MARK} (\d+)\n", done.stdout, flags=re.M)
        assert len(told) == 2 * len(steps) + 1, f"{block.place}: the shell stopped early:\n{done.stdout}"
        followed = [command for command, _ in steps[1:]] + [""]
        for (command, shown), printed, code, then in zip(steps, told[::2], told[1::2], followed, strict=False):
            if shown.strip(".\n"):
                assert matches(shown, printed), f"{block.place}: $ {command}\nshown:\n{shown}\nprinted:\n{printed}"
            elif then != "echo $?":
                good = {"0", "3"} if shown else {"0"}
                assert code in good, f"{block.place}: $ {command}\nended with {code}:\n{printed}"

    def _hang_once(self):
        """Let the next run of the example get no further than to one row, so that it is still going on when it ends."""
        (self._home / "ihacpa" / "pypi.sqlite").unlink(missing_ok=True)
        self._index.fail(SLOW, "slow", times=1)

    def _python(self, block):
        path = self._written(block)
        command = f"python {path.relative_to(self.folder)}" if path else "python -"
        done = self._shell(command, "" if path else block.body)

        assert done.returncode == 0, f"{block.place}:\n{done.stdout}"

    def _toml(self, block):
        path = self._written(block)
        if path and path.name == "pyproject.toml":
            return  # pip reads it
        if path is None:
            path = self.folder / "fragment.toml"
            path.write_text(block.body, encoding="utf-8")
        # Tables of offers that are not selected are not checked in a run; here they are.
        done = self._shell(f"ihacpa config check --all --config {path.name}")

        assert done.returncode == 0, f"{block.place}:\n{done.stdout}"

    def _written(self, block):
        """The file that the block says it is, written; None if it says nothing."""
        named = re.match(r"# (?P<name>[\w./-]+\.(?:py|toml))\n", block.body)
        if named is None:
            return None
        path = self.folder / named["name"]
        example = EXAMPLES / named["name"]
        if example.exists():
            body = block.body.partition("\n")[2].strip()
            assert body in example.read_text(encoding="utf-8"), f"{block.place} is not what stands in {example.name}"
        assert path.parent.is_dir(), f"{block.place}: nothing has made {path.parent.name}"
        path.write_text(block.body, encoding="utf-8")
        return path

    def _shell(self, script, given=""):
        return subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=self.folder,
            env=self._env,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )


def environment(folder):
    """The Python of a new environment, which sees what is installed here and what pip installs there."""
    venv.create(folder, symlinks=True)
    site = next((folder / "lib").glob("python*")) / "site-packages"
    seen = [f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"]
    # What hatchling needs for `pip install -e`, where it is not installed: `make test` puts it there.
    seen += map(str, EDITABLES)
    (site / "here.pth").write_text("\n".join(seen) + "\n")
    return folder / "bin" / "python"


def can_install():
    return bool(EDITABLES) or importlib.util.find_spec("editables") is not None


def steps_of(block):
    """The commands of a console block, each with the lines that are shown after it."""
    command, shown = None, []
    for line in block.body.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, "\n".join(shown).strip("\n")
            command, shown = line[2:], []
        elif command is None:
            raise AssertionError(f"{block.place}: {line!r} comes before the first command")
        else:
            shown.append(line)
    yield command or "", "\n".join(shown).strip("\n")


def matches(shown, printed):
    """Whether `printed` is what is `shown`; ``...`` on a line of its own stands for any lines, else for any text.

    How many spaces there are does not count: columns are as wide as what stands in them.
    """
    pattern = ""
    for line in narrow(shown):
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.split("...")) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in narrow(printed))) is not None


def narrow(text):
    return [re.sub(r" +", " ", line).rstrip() for line in text.strip("\n").splitlines()]


@pytest.fixture
def workplace(tmp_path):
    with (EXAMPLES / "packages-40.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["package"] != NOT_ON_THE_INDEX]
    packages = {row["package"]: made_up_versions(row["package"], row["version"]) for row in rows}
    with LoopbackIndex(packages) as index:
        yield Workplace(tmp_path, index)


# --- the documents ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_what_a_document_shows_is_what_happens(name, workplace):
    """Every block of a document does what the document says, one after the other."""
    blocks = blocks_of(name)
    if any("$ pip install -e" in block.body for block in blocks if not block.reason) and not can_install():
        pytest.skip("hatchling needs editables here: `make test` fetches it")
    for block in blocks:
        if not block.reason:
            workplace.try_out(block)


@pytest.mark.parametrize("name", NAMES)
def test_every_block_can_be_tried_or_says_why_not(name):
    """A block has one of the known kinds, pictures hide no commands, and few reasons keep a block from being run."""
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = blocks_of(name)

    assert len(re.findall(r"^\s*(?:```|~~~)", text, re.M)) == 2 * len(blocks), "a fence that is indented or left open"
    assert text.count("<!-- not run:") == sum(bool(block.reason) for block in blocks), "a reason without its block"
    for block in blocks:
        assert block.kind in {"console", "python", "toml", "text", "mermaid"}, f"{block.place}: {block.kind!r}"
        assert block.kind != "text" or "\n$ " not in f"\n{block.body}", f"{block.place}: a command in a picture"
        assert not block.reason or block.reason in REASONS, f"{block.place}: {block.reason!r}"


@pytest.mark.parametrize("name", [*NAMES, "CHANGELOG.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name):
    """Every link to a file of the project leads to a file that is there, and to a heading that it has."""
    path = ROOT / name
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for found in LINK.finditer(prose):
        target, _, anchor = found["target"].partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), f"{name}: {found['target']}"
        if anchor:
            assert anchor in anchors(there), f"{name}: {found['target']}"


def anchors(path):
    """The anchors that GitHub gives to the headings of a document."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_the_first_screen_tells_how_to_begin():
    """README's first thirty lines have the two commands, the pip lines, the promise, and a door for each reader."""
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30])

    for wanted in (
        "make demo", "make test", "python3 -m venv .venv", ".venv/bin/pip install -e .", ".venv/bin/ihacpa",
        "never leaves a half-written workbook", "never loses a finished row",
        "docs/analyst.md", "docs/administrator.md", "docs/plugins/README.md",
    ):  # fmt: skip
        assert wanted in first


# --- the reference ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says(generate):
    """The committed reference is what `python docs/generate.py` makes."""
    made = generate.pages()

    for folder in {Path(name).parent.name for name in made} - {PLUGIN_PAGES.name}:
        assert {f"{folder}/{path.name}" for path in (generate.DOCS / folder).glob("*.md")} <= set(made)
    for name, text in made.items():
        assert (generate.DOCS / name).read_text(encoding="utf-8") == text, f"run: python docs/generate.py ({name})"


def test_the_headings_of_the_hook_reference_are_the_signatures():
    """Every hook has a heading, which is its signature as the specification says it, and no other has one."""
    text = (PLUGIN_PAGES / "hooks.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### `(ihacpa_.*)`$", text, re.M)
    specified = ast.parse((ROOT / "ihacpa_core" / "hookspecs.py").read_text(encoding="utf-8")).body

    signatures = [
        f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
        for node in specified
        if isinstance(node, ast.FunctionDef) and node.name.startswith("ihacpa_")
    ]
    assert len(signatures) > 20
    assert headings == signatures


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_page(role):
    """A page names the role's hook and group, how to begin, and shows a test class that inherits the contract."""
    text = (PLUGIN_PAGES / f"{role}.md").read_text(encoding="utf-8")
    [contract] = [
        name for name in contracts.__all__ if f"The rules of the role `{role}`" in getattr(contracts, name).__doc__
    ]

    for wanted in (ROLES[role].hook, f"`{ROLES[role].group}`", f"({contract}):", f"--role {role}"):
        assert wanted in text


def test_the_readme_has_every_exit_code(generate):
    """README's table of exit codes is the reference's."""
    assert "\n".join(generate.exit_code_table()) in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("folder", "heading"),
    [("engine", "The engine"), ("plugins", "`ihacpa_core/plugins`"), ("config", "`ihacpa_core/config`")],
)
def test_every_module_of_a_folder_has_its_line(folder, heading):
    """The map of a folder in docs/architecture.md names each module once, and none that is gone."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition(f"### {heading}")[2]
    named = re.findall(r"^\| `(\w+)` \|", re.split(r"^##", text, flags=re.M)[0], re.M)
    there = [path.stem for path in (ROOT / "ihacpa_core" / folder).glob("*.py") if path.stem != "__init__"]

    assert sorted(named) == sorted(there)


def test_every_part_of_the_core_has_its_place():
    """docs/architecture.md names every module and every folder of the core."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = [path.name for path in (ROOT / "ihacpa_core").iterdir() if path.suffix in ("", ".py")]

    assert not [name for name in parts if name[0] != "_" and not re.search(rf"\b{re.escape(name)}", text)]


# --- the words of the result ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vouched", [(), ("--complete-for", "PYSEC,GHSA")])
def test_every_word_of_a_result_is_explained(vouched, workplace):
    """What begins a result or a recommendation of the example stands in the analyst's guide, word for word."""
    from openpyxl import load_workbook

    guide = (ROOT / "docs" / "analyst.md").read_text(encoding="utf-8")
    workplace._shell(f"ihacpa advisories import advisories {' '.join(vouched)} && ihacpa packages.xlsx")

    sheet = load_workbook(workplace.folder / "packages.xlsx").active
    texts = {str(sheet[f"{column}{row}"].value) for column in "MPRTVW" for row in range(4, sheet.max_row + 1)}
    heads = {text.partition(" - ")[0] for text in texts if text != "None"}
    assert len(heads) > 3
    assert not {head for head in heads if f"`{head}" not in guide}
