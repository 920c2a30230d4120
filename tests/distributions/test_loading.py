"""What a person reads when a plugin cannot be used: real distributions, installed by pip, and the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from small_wheels import Distribution, install

from ihacpa_core._version import __version__
from ihacpa_core.errors import ExitCode
from ihacpa_core.testing import Project

OFFER = """
    from pathlib import Path
    from ihacpa_core import BatchStrategy, Offer, hookimpl

    Path(__file__).with_suffix(".imported").touch()

    class Three(BatchStrategy):
        def next_size(self, state):
            return 3

    @hookimpl
    def ihacpa_strategies():
        return [Offer(name=name, factory=lambda options, context: Three()) for name in ("three", "twin", "size")]
"""
HOOK = "from ihacpa_core import hookimpl\n\n"
STRATEGY, HOOKS = "ihacpa.strategy", "ihacpa"
DISTRIBUTIONS = (
    Distribution("ihacpa-good", {STRATEGY: {"three": "good"}, HOOKS: {"good-hook": "good_hook"}}, {
        "good": OFFER, "good_hook": f"{HOOK}@hookimpl\ndef ihacpa_report_header():\n    return 'good morning'\n",
    }),
    Distribution("ihacpa-lacking", {"ihacpa.checkpoint": {"s3": "lacking"}}, {"lacking": "\n\nimport no_such_boto3\n"}),
    Distribution("ihacpa-spelling", {HOOKS: {"spelling": "spelling"}}, {
        "spelling": f"{HOOK}@hookimpl\ndef ihacpa_batch_comitted(event):\n    return None\n",
    }),
    Distribution("ihacpa-bare", {HOOKS: {"bare": "bare"}}, {"bare": "def ihacpa_batch_committed(event): ...\n"}),
    Distribution("ihacpa-lazy", {HOOKS: {"lazy": "lazy"}}, {
        "lazy": f"{HOOK}@hookimpl\nasync def ihacpa_batch_committed(event):\n    return None\n",
    }),
    Distribution("ihacpa-old", {STRATEGY: {"old": "old"}}, {"old": OFFER}, requires=("ihacpa<0.0.1",)),
    Distribution("ihacpa-tomorrow", {STRATEGY: {"tomorrow": "tomorrow"}}, {
        "tomorrow": f"ihacpa_hook_api = 2\n{OFFER}".replace("\n    ", "\n"),
    }),
    Distribution("ihacpa-twin-a", {STRATEGY: {"twin": "twin_a"}}, {"twin_a": OFFER}),
    Distribution("ihacpa-twin-b", {STRATEGY: {"twin": "twin_b"}}, {"twin_b": OFFER}, version="0.3"),
    Distribution("ihacpa-shadow", {"ihacpa.progress": {"json": "shadow"}}, {
        "shadow": OFFER.replace("ihacpa_strategies", "ihacpa_progress_reporters").replace("size", "json")
        .replace("BatchStrategy", "ProgressReporter"),
    }),
    Distribution("ihacpa-raising", {HOOKS: {"raising": "raising"}}, {
        "raising": f"{HOOK}@hookimpl\ndef ihacpa_batch_committed(event):\n    raise RuntimeError('not today')\n",
    }),
    Distribution("ihacpa-typed", {"ihacpa.progress": {"typed": "typed"}}, {
        "typed": """
            import msgspec
            from ihacpa_core import Offer, ProgressReporter, hookimpl

            class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
                every: int = 5

            @hookimpl
            def ihacpa_progress_reporters():
                return [Offer(name="typed", factory=lambda options, context: ProgressReporter(), options=Options)]
        """,
    }),
    Distribution("ihacpa-leftover", {STRATEGY: {"leftover": "module_that_is_gone"}}, requires=()),
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """All of them, installed; every test sees them all, and only what it selects may matter."""
    return install(DISTRIBUTIONS, tmp_path_factory.mktemp("distributions"))


@pytest.fixture
def project(tmp_path, site, monkeypatch):
    """A workbook of seven rows, and the distributions on the path."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
    for mark in site.glob("*.imported"):
        mark.unlink()
    made = Project(tmp_path)
    made.write_workbook(["Name", "Length"], [[f"item-{n}"] for n in range(7)])
    made.write("work.py", "def work(record):\n    return {'Length': len(record.key)}\n")
    made.write("ihacpa.toml", SETTINGS)
    return made


SETTINGS = """\
[ihacpa]
workbook = "book.xlsx"
processor = "python:work.py:work"

[sheet]
header_row = 1
key = "Name"
"""


def imported(site: Path) -> list[str]:
    return sorted(mark.stem for mark in site.glob("*.imported"))


def refused(project: Project, *words: str) -> str:
    """What is printed of a run that does not start; the workbook is as it was, and nothing lies beside it."""
    before = project.workbook.read_bytes()

    result = project.run(*words, expect=ExitCode.USAGE)

    assert project.workbook.read_bytes() == before
    assert not (project.folder / ".ihacpa").exists()
    assert "Traceback" not in result.stderr
    return result.stderr


def told(project: Project, site: Path, *words: str) -> list[str]:
    """The lines between the first and the last of an error that is one mistake, without the place of the site."""
    first, *lines, last = refused(project, *words).splitlines()
    assert first == "ihacpa: error: the settings hold one mistake, nothing was written"
    assert last.startswith("  hint: ")
    return [line.replace(str(site), "SITE") for line in lines]


def test_a_good_one_works_beside_all_the_others(project, site):
    """Selected by one word; of all that is installed only what is selected is imported."""
    result = project.run("--strategy", "three", "-p", "good-hook", expect=ExitCode.OK)

    assert "good morning" in result.stderr
    assert imported(site) == ["good"]
    assert [project.cells()[f"B{row}"] for row in range(2, 9)] == [6] * 7


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["plugins"], ["plugins", "--json"]])
def test_commands_that_work_whatever_is_installed(project, site, command):
    """None of them imports a plugin, broken or not."""
    project.run(*command, expect=ExitCode.OK)

    assert imported(site) == []


def test_an_import_that_fails(project, site):
    """Five lines: the plugin, its distribution, the cause with its line, what selects it, and what to do."""
    project.write("ihacpa.toml", SETTINGS.replace("[sheet]", 'checkpoint = "s3"\n\n[sheet]'))

    missing = "no_such_boto3"
    assert told(project, site) == [
        "  ihacpa.toml:5: ihacpa.checkpoint: plugin ihacpa.checkpoint:s3 cannot be imported",
        "    distribution  ihacpa-lacking 2.1 (SITE)",
        "    cause         ModuleNotFoundError: No module named 'no_such_boto3' [SITE/lacking.py:3]",
        "    selected by   ihacpa.toml:5",
        f"    fix           install what provides '{missing}' (pip install {missing}), or choose another checkpoint",
    ]


def test_a_module_that_is_gone(project, site):
    """Metadata that outlived its code asks for a new installation."""
    lines = told(project, site, "--strategy", "leftover")

    assert lines[0] == "  --strategy: ihacpa.strategy: plugin ihacpa.strategy:leftover cannot be imported"
    assert lines[-1].startswith("    fix           install ihacpa-leftover again, its module 'module_that_is_gone'")


def test_a_misspelt_hook(project, site):
    """It would never be called: refused, with the name that was most likely meant."""
    assert told(project, site, "-p", "spelling") == [
        "  -p spelling: ihacpa.plugins: plugin ihacpa:spelling implements ihacpa_batch_comitted(), which is no hook",
        "    distribution  ihacpa-spelling 2.1 (SITE)",
        "    cause         there is no hook ihacpa_batch_comitted(), so it would never be called",
        "    selected by   -p spelling",
        "    fix           did you mean 'ihacpa_batch_committed'?",
    ]


def test_a_hook_without_its_decorator(project, site):
    """It would never be called, either."""
    assert told(project, site, "-p", "bare") == [
        "  -p bare: ihacpa.plugins: plugin ihacpa:bare has a function ihacpa_batch_committed() without its decorator",
        "    distribution  ihacpa-bare 2.1 (SITE)",
        "    cause         ihacpa_batch_committed() is not decorated, so it would never be called",
        "    selected by   -p bare",
        "    fix           put @hookimpl above it, or give it a name without 'ihacpa_'",
    ]


def test_an_async_observer(project, site):
    """It would be called and never run."""
    lines = told(project, site, "-p", "lazy")

    assert lines[0].endswith("plugin ihacpa:lazy implements ihacpa_batch_committed() as an async function")
    assert lines[-1] == "    fix           write def, not async def"


def test_another_version_of_ihacpa(project, site):
    """What a distribution requires is read before anything of it is imported."""
    who = "--strategy: ihacpa.strategy: plugin ihacpa.strategy:old"
    assert told(project, site, "--strategy", "old") == [
        f"  {who} is made for another version of ihacpa and was not imported",
        "    distribution  ihacpa-old 2.1 (SITE)",
        f"    cause         it requires 'ihacpa<0.0.1', ihacpa {__version__} is installed",
        "    selected by   --strategy",
        "    fix           pip install --upgrade ihacpa-old, or choose another strategy",
    ]
    assert imported(site) == []


def test_another_version_of_the_hooks(project, site):
    """A module that asks for hooks that this ihacpa does not have is refused."""
    lines = told(project, site, "--strategy", "tomorrow")

    assert lines[0].endswith("plugin ihacpa.strategy:tomorrow is made for another version of the hooks")
    assert lines[2] == f"    cause         it says ihacpa_hook_api = 2, ihacpa {__version__} has version 1"


@pytest.mark.parametrize(
    ("role", "word", "both"),
    [
        ("strategy", "twin", ("ihacpa-twin-a 2.1", "ihacpa-twin-b 0.3")),
        ("progress", "json", ("ihacpa-shadow 2.1", f"ihacpa {__version__}")),
    ],
)
def test_a_name_that_two_offer(project, site, role, word, both):
    """The one that is selected is an error that names both, before either is imported; one word settles it."""
    (line,) = told(project, site, f"--{role}", word)

    assert f"{role} '{word}' is offered more than once" in line
    assert all(name in line for name in both)
    assert imported(site) == []
    project.run(f"--{role}", f"{both[0].split()[0]}:{word}", expect=ExitCode.OK)


def test_a_disabled_name_settles_it_as_well(project, site):
    """Of two that offer a name, one is switched off: the other is meant."""
    project.run("--strategy", "twin", "-p", "no:ihacpa-twin-b", expect=ExitCode.OK)

    assert imported(site) == ["twin_a"]


def test_selected_and_disabled(project, site):
    """The error names what selects it and what switches it off."""
    (line,) = told(project, site, "--strategy", "three", "-p", "no:three")

    assert "strategy 'three' is selected by --strategy and disabled by -p no:three" in line
    assert imported(site) == []


def test_what_is_not_there(project, site):
    """A word of `-p no:` that switches nothing off is an error with a list."""
    (line,) = told(project, site, "-p", "no:tree")

    assert "unknown plugin 'tree' - did you mean 'three'? available: size" in line


def test_a_distribution_that_is_required(project, site):
    """`require` names distributions with versions; what is not met is told, with what to type."""
    project.write("ihacpa.toml", SETTINGS.replace("[sheet]", 'require = ["ihacpa-good>=3"]\n\n[sheet]'))

    (line,) = told(project, site)

    assert "'ihacpa-good>=3' is required, 2.1 is installed - pip install 'ihacpa-good>=3'" in line


def test_an_option_of_the_wrong_type(project, site):
    """A plugin's options are checked like ihacpa's own."""
    (line,) = told(project, site, "--progress", "typed", "-o", "progress.typed.every=often")

    assert line == '  -o progress.typed.every: progress.typed.every: expected a whole number, found text "often"'


def test_an_observer_that_raises(project, site):
    """The run goes on without it, says so with its name, and counts it."""
    result = project.run("-p", "raising", "--json", expect=ExitCode.OK)

    assert "ihacpa-raising:ihacpa:raising failed in ihacpa_batch_committed(): RuntimeError: not today" in result.stderr
    assert json.loads(result.stdout)["metrics"]["observer_errors"] == 1


def test_the_table_of_what_is_installed(project, site):
    """`ihacpa plugins` tells what is wrong before anything is selected: requirement, double names, no requirement."""
    rows = {
        (row["role"], row["distribution"], row["name"]): row
        for row in json.loads(project.run("plugins", "--json", expect=ExitCode.OK).stdout)
    }

    assert rows["strategy", "ihacpa-old", "old"]["state"] == "broken"
    assert rows["strategy", "ihacpa-old", "old"]["why"] == "requires 'ihacpa<0.0.1'"
    assert "also offered by ihacpa-twin-b" in rows["strategy", "ihacpa-twin-a", "twin"]["note"]
    assert "does not say which versions" in rows["strategy", "ihacpa-leftover", "leftover"]["note"]
    assert rows["strategy", "ihacpa-good", "three"]["summary"] == "ihacpa-good is small"


def test_every_plugin_can_be_looked_at(project, site):
    """`--check` imports each in its guard, names those that are broken with the cause, and ends with code 2."""
    result = project.run("plugins", "list", "--check", "--json", expect=ExitCode.USAGE)

    broken = {row["name"]: row["why"] for row in json.loads(result.stdout) if row["state"] == "broken"}
    assert sorted(broken) == ["bare", "lazy", "leftover", "old", "s3", "spelling", "tomorrow"]
    assert "No module named 'no_such_boto3'" in broken["s3"]


def test_a_broken_plugin_can_be_asked_about(project, site):
    """`info` tells what is wrong, in the five lines that a run would print."""
    result = project.run("plugins", "info", "s3", expect=ExitCode.OK)

    assert "plugin ihacpa.checkpoint:s3 cannot be imported" in result.stdout
    assert "No module named 'no_such_boto3'" in result.stdout
    assert "state         broken" in result.stdout
