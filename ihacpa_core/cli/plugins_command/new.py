"""``ihacpa plugins new NAME --role ROLE``: a distribution to begin with, which installs, is tested and works."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from ihacpa_core._version import __version__
from ihacpa_core.cli.plugins_command.survey import HOOKS
from ihacpa_core.errors import UsageError
from ihacpa_core.markers import HOOK_API
from ihacpa_core.plugins.builtins import BUILTINS, HOOKS_GROUP, ROLES

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
_PREFIX: Final = "ihacpa-"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is written of a role: what it is called, what the example does, and how a person selects it."""

    noun: str
    summary: str
    use: str


_SELECT = """\
Select it by one word:

```toml
# ihacpa.toml
[ihacpa]
{role} = "$offer"

[{role}.$offer]
{option}
```
"""


def _select(role: str, option: str) -> str:
    return _SELECT.format(role=role, option=option)


KINDS: Final = {
    "strategy": Kind("strategy", "Batches that begin small and double.", _select("strategy", "most = 25")),
    "checkpoint": Kind(
        "checkpoint store",
        "A journal of lines with checksums, in one file.",
        _select("checkpoint", 'file = "journal.log"'),
    ),
    "save": Kind(
        "save backend", "Saves through another backend, and protects columns.", _select("save", 'protected = ["A"]')
    ),
    "progress": Kind("progress reporter", "A line on standard error now and then.", _select("progress", "every = 25")),
    "processor": Kind("processor", "Counts the letters of a column.", _select("processor", 'source = "Name"')),
    "executor": Kind("executor", "A bounded number of workers.", _select("executor", "workers = 8")),
    "source": Kind(
        "review source",
        "Tells the package review what stands in a list of your own.",
        """\
Name it among the sources of the review:

```toml
# ihacpa.toml
[processor.package-review]
sources = ["pypi", "osv", "$offer"]

[source.$offer]
path = "list.json"
```
""",
    ),
    HOOKS: Kind(
        "hook plugin",
        "Writes down how each run ended.",
        """\
Switch it on, for one run with `-p $offer`, or for all:

```toml
# ihacpa.toml
[ihacpa]
plugins = ["$offer"]
```
""",
    ),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A distribution that was written, and how to go on."""

    folder: Path
    offer: str
    role: str
    files: tuple[str, ...]

    def next_steps(self) -> str:
        """What was made and what to type next."""
        place = shlex.quote(str(self.folder))
        listed = "\n".join(f"  {name}" for name in self.files)
        return (
            f"wrote {self.folder}:\n{listed}\n\nnext:\n"
            f"  pip install -e {shlex.quote(f'{self.folder}[test]')}\n"
            f"  python -m pytest {place}\n"
            f"  ihacpa plugins info {self.offer}\n"
        )


def write_plugin(name: str, role: str, parent: Path) -> Written:
    """Write the distribution `name` into a folder of that name in `parent`.

    :raises UsageError: the name does not suit, or the folder is there already.
    """
    offer = _offer_name(name, role)
    folder = parent / name
    texts = _texts(offer, role)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} is there already", hint="choose another name, or --output DIR")
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"{folder} cannot be written", why=why, hint="choose another folder: --output DIR") from error
    return Written(folder, offer, role, tuple(texts))


def _offer_name(name: str, role: str) -> str:
    """The word that will select it.

    :raises UsageError: it has another form, or is a built-in's.
    """
    offer = name.removeprefix(_PREFIX)
    if not _NAME.fullmatch(offer) or len(offer) > 60 or offer == HOOKS_GROUP:
        raise UsageError(
            f"'{name}' is no name for a plugin",
            why="it is made of lower-case letters, digits and single hyphens, and begins with a letter",
            hint="ihacpa plugins new my-plugin --role ROLE",
        )
    taken = {word for builtin in BUILTINS if builtin.role == role for word in (builtin.name, *builtin.aliases)}
    if offer in taken:
        hint = f"ihacpa plugins new my-{offer} --role {role}"
        raise UsageError(f"{role} '{offer}' is built in", why="two offers of one name cannot be told apart", hint=hint)
    return offer


def _texts(offer: str, role: str) -> dict[str, str]:
    """The files: path to text."""
    words = _words(offer, role)
    words["run_test"] = _filled("common/run_test.py", words).rstrip("\n")
    words["use"] = Template(KINDS[role].use).substitute(words).strip()
    package = f"src/{words['package']}"
    made = {
        "pyproject.toml": _filled("common/pyproject.toml", words),
        "README.md": _filled("common/README.md", words),
        f"{package}/__init__.py": _filled("common/__init__.py", words),
        f"{package}/plugin.py": _filled(f"{role}/plugin.py", words),
        f"{package}/py.typed": "",
        "tests/conftest.py": _filled("common/conftest.py", words),
        "tests/test_plugin.py": _filled(f"{role}/test_plugin.py", words),
    }
    return {path: f"{text.rstrip()}\n" if text else "" for path, text in made.items()}


def _words(offer: str, role: str) -> dict[str, str]:
    """What takes the place of the names in the templates."""
    kind = KINDS[role]
    return {
        "offer": offer,
        "distribution": f"{_PREFIX}{offer}",
        "package": f"ihacpa_{offer.replace('-', '_')}",
        "name": "".join(_capitals(offer.split("-"))),
        "role": role,
        "role_name": kind.noun,
        "group": ROLES[role].group if role in ROLES else HOOKS_GROUP,
        "attribute": ":plugin" if role == HOOKS else "",
        "summary": kind.summary,
        # A zip file whose disk was full, as the contract of savers lets it be, complains when it is thrown away.
        "filters": '"error", "ignore::pytest.PytestUnraisableExceptionWarning"' if role == "save" else '"error"',
        "versions": _versions(__version__),
        "hook_api": str(HOOK_API),
    }


def _capitals(parts: Iterable[str]) -> Iterable[str]:
    return (part[:1].upper() + part[1:] for part in parts)


def _versions(version: str) -> str:
    """The versions of ihacpa that a plugin written for this one may expect to fit: ``>=0.1,<1``."""
    major, minor = version.split(".")[:2]
    return f">={major}.{minor},<{int(major) + 1}"


def _filled(template: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{template}.tmpl").read_text(encoding="utf-8")).substitute(words)
