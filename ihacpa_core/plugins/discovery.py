"""The plugins of other distributions, as their metadata announces them. Nothing is imported here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ihacpa_core._version import __version__
from ihacpa_core.plugins.builtins import BUILTINS, HOOKS_GROUP, OWN_DISTRIBUTION, ROLES, Builtin
from ihacpa_core.plugins.names import canonical

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

_REQUIREMENT_NAME = re.compile(r"\s*([A-Za-z0-9._-]*[A-Za-z0-9])")


class Source(StrEnum):
    """What announces a plugin."""

    BUILTIN = "built in"
    INSTALLED = "installed"
    FILE = "file"
    MODULE = "module"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One announced plugin.

    :param role: the role word, empty for an always-on hook plugin.
    :param distribution: its canonical name; `version` and `location` say which one it is.
    :param target: what is imported: ``acme.burst``, ``acme.burst:plugin``, or the path of a file.
    :param requires: what the distribution says it needs of ihacpa, as it says it: ``ihacpa<2,>=1``.
    """

    role: str
    name: str
    distribution: str
    target: str
    version: str = ""
    location: str = ""
    summary: str = ""
    aliases: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    source: Source = Source.INSTALLED

    @property
    def builtin(self) -> bool:
        """Whether it comes with ihacpa itself."""
        return self.source is Source.BUILTIN

    @property
    def group(self) -> str:
        """The entry-point group that announces it."""
        return ROLES[self.role].group if self.role else HOOKS_GROUP

    @property
    def plugin_id(self) -> str:
        """The name that it goes by in messages, and by which plugins are put in order."""
        return f"file:{self.target}" if self.source is Source.FILE else f"{self.distribution}:{self.group}:{self.name}"

    @property
    def title(self) -> str:
        """``plugin ihacpa.strategy:burst``: the entry point, or the file."""
        return f"plugin {self.name}" if self.source is Source.FILE else f"plugin {self.group}:{self.name}"

    @property
    def owner(self) -> str:
        """``ihacpa-acme 2.1 (/site-packages)``: distribution, version, place."""
        if self.source is Source.FILE:
            return f"none, it is the file {self.target}"
        place = f" ({self.location})" if self.location else ""
        return f"{f'{self.distribution} {self.version}'.strip()}{place}"

    @property
    def label(self) -> str:
        """The entry as a message names it on one line."""
        return self.title if self.source is Source.FILE else f"{self.title} of {self.owner}"

    @property
    def words(self) -> tuple[str, ...]:
        """The words that select it."""
        return (self.name, *self.aliases)


def file_entry(word: str, base: Path) -> Entry:
    """The hook plugin in a file; a relative path starts from `base`."""
    path = (base / Path(word).expanduser()).resolve()
    return Entry(role="", name=word, distribution="file", target=str(path), source=Source.FILE)


def module_entry(module: str) -> Entry:
    """The hook plugin in a module that is named by its dotted name."""
    return Entry(role="", name=module, distribution="module", target=module, source=Source.MODULE)


def builtin_entries(builtins: Iterable[Builtin] = BUILTINS) -> list[Entry]:
    """The static table, in the form that entry points take."""
    return [
        Entry(
            role=builtin.role,
            name=builtin.name,
            distribution=OWN_DISTRIBUTION,
            version=__version__,
            target=builtin.module,
            summary=builtin.summary,
            aliases=builtin.aliases,
            source=Source.BUILTIN,
        )
        for builtin in builtins
    ]


def discover() -> list[Entry]:
    """What every installed distribution announces, sorted by (distribution, entry point).

    The order of `importlib.metadata` is that of the folder on disk and differs between machines. A distribution that is
    found twice on the path counts once: the first shadows the second, as an import would.
    """
    from importlib.metadata import distributions

    found: dict[str, list[Entry]] = {}
    for distribution in distributions():
        if entries := _entries_of(distribution):
            found.setdefault(entries[0].distribution, entries)
    everything = [entry for entries in found.values() for entry in entries]
    return sorted(everything, key=lambda entry: (entry.distribution, entry.group, entry.name))


def _entries_of(distribution: Distribution) -> list[Entry]:
    # Entry points before the name: they are in a small file, and few distributions have any of ours.
    groups = {role.group: role.word for role in ROLES.values()} | {HOOKS_GROUP: ""}
    try:
        points = [point for point in distribution.entry_points if point.group in groups]
        return [_entry(point, groups[point.group], canonical(distribution.name), distribution) for point in points]
    except Exception:  # noqa: BLE001  left-over or garbled metadata of anything that was ever installed: announces nothing
        return []


def _entry(point: EntryPoint, role: str, name: str, distribution: Distribution) -> Entry:
    return Entry(
        role=role,
        name=point.name,
        distribution=name,
        version=distribution.version,
        location=str(distribution.locate_file("")),
        target=point.value,
        summary=distribution.metadata["Summary"] or "",
        requires=tuple(text for text in distribution.requires or () if _is_about_us(text)),
    )


def _is_about_us(requirement: str) -> bool:
    name = _REQUIREMENT_NAME.match(requirement)
    return name is not None and canonical(name[1]) == OWN_DISTRIBUTION


def misfit(entry: Entry) -> str:
    """The requirement of `entry`'s distribution that this version of ihacpa does not meet; empty if it meets all."""
    for text in entry.requires:
        if not _meets(text, __version__):
            return text
    return ""


def _meets(text: str, installed: str) -> bool:
    # Needed by few plugins: costs 10 ms.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return True  # a garbled requirement says nothing; pip had its chance to refuse it
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return True
    return requirement.specifier.contains(installed, prereleases=True)


def unmet(requirements: Sequence[str]) -> list[tuple[str, str]]:
    """Which of `requirements`, such as ``ihacpa-acme>=1.2``, are not met by what is installed: (text, problem)."""
    problems = ((text, _unmet(text)) for text in requirements)
    return [(text, problem) for text, problem in problems if problem]


def _unmet(text: str) -> str:
    # Needed by few settings: costs 10 ms.
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
        installed = version(requirement.name)
    except InvalidRequirement:
        return f"expected a requirement such as 'ihacpa-acme>=1.2', found '{text}'"
    except PackageNotFoundError:
        return f"'{text}' is required and not installed"
    if requirement.specifier.contains(installed, prereleases=True):
        return ""
    return f"'{text}' is required, {installed} is installed"
