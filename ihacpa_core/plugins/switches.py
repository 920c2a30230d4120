"""What is switched on and off by ``-p NAME``, ``-p no:NAME``, ``IHACPA_PLUGINS`` and ``[ihacpa] plugins``.

Decided by names alone, before anything is imported: a plugin that is switched off never is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ihacpa_core.errors import PluginError
from ihacpa_core.plugins.builtins import HOOKS_GROUP
from ihacpa_core.plugins.discovery import Entry, file_entry, module_entry
from ihacpa_core.plugins.names import canonical, did_you_mean

OFF = "no:"
"""How a word begins that switches a plugin off."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A word that switches plugins on or off.

    :param word: an entry point, a distribution, ``ROLE:NAME``, ``./file.py`` or a dotted module; after ``no:`` to
        switch off.
    :param by: where it stands, for messages: ``-p no:memory``, ``ihacpa.toml:12``.
    :param base: the folder that a relative path starts from.
    """

    word: str
    by: str
    base: Path

    @property
    def name(self) -> str:
        """The word without its ``no:``."""
        return self.word.removeprefix(OFF)

    @property
    def is_off(self) -> bool:
        return self.word.startswith(OFF)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the switches come to; of two about the same plugin, the later one counts.

    :param on: the hook plugins to load, with what switches each on.
    :param off: plugin id to what switches it off.
    """

    on: dict[str, tuple[Switch, Entry]] = field(default_factory=dict)
    off: dict[str, str] = field(default_factory=dict)
    failures: list[tuple[Switch, PluginError]] = field(default_factory=list)


def is_path(word: str) -> bool:
    """Whether a word names a file."""
    return word.endswith(".py") or "/" in word or "\\" in word


def decide(entries: Sequence[Entry], switches: Iterable[Switch], off: Mapping[str, str]) -> Decision:
    """Go through `switches` in order.

    :param entries: everything that is announced.
    :param off: what is switched off already.
    """
    decision = Decision(off=dict(off))
    for switch in switches:
        try:
            if switch.is_off:
                _switch_off(entries, switch, decision)
            else:
                _switch_on(entries, switch, decision)
        except PluginError as error:
            decision.failures.append((switch, error))
    return decision


def meant_by(entries: Iterable[Entry], word: str) -> list[Entry]:
    """The entries that a word means: by entry point or alias, ``ROLE:NAME``, ``DISTRIBUTION:NAME``, distribution."""
    everything = list(entries)
    head, _, name = word.partition(":")
    tests: tuple[Callable[[Entry], bool], ...] = (
        lambda entry: word in entry.words,
        lambda entry: entry.role == head and name in entry.words,
        lambda entry: entry.distribution == canonical(head) and name in entry.words,
        lambda entry: entry.distribution == canonical(word),
    )
    found = ([entry for entry in everything if is_meant(entry)] for is_meant in tests)
    return next(filter(None, found), [])


def _switch_off(entries: Sequence[Entry], switch: Switch, decision: Decision) -> None:
    if is_path(switch.name):
        meant = [file_entry(switch.name, switch.base)]
        if meant[0].plugin_id not in decision.on:
            on = ", ".join(entry.name for _, entry in decision.on.values())
            raise PluginError(f"{switch.name} is not switched on", hint=f"switched on: {on or 'none'}")
    else:
        meant = meant_by([*entries, *(entry for _, entry in decision.on.values())], switch.name)
    if not meant:
        raise _unknown(entries, switch, decision)
    for entry in meant:
        decision.on.pop(entry.plugin_id, None)
        decision.off[entry.plugin_id] = switch.by


def _switch_on(entries: Sequence[Entry], switch: Switch, decision: Decision) -> None:
    meant = [file_entry(switch.name, switch.base)] if is_path(switch.name) else meant_by(entries, switch.name)
    if not meant and "." in switch.name:
        meant = [module_entry(switch.name)]
    back_on = [decision.off.pop(entry.plugin_id, None) for entry in meant]
    hooks = [entry for entry in meant if not entry.role]
    if not meant:
        raise _unknown(entries, switch, decision)
    if not hooks and not any(back_on):
        raise _is_an_offer(meant[0])
    for entry in _one_of_each_name(switch, hooks):
        decision.on[entry.plugin_id] = switch, entry


def _one_of_each_name(switch: Switch, hooks: Sequence[Entry]) -> Iterator[Entry]:
    for entry in hooks:
        others = [other for other in hooks if other.name == entry.name]
        yield only("", switch.name, others)


def only(role: str, word: str, matches: Sequence[Entry]) -> Entry:
    """The one match.

    :raises PluginError: several distributions offer the name; the error says who, and what to write.
    """
    if len(matches) == 1:
        return matches[0]
    sides = " and ".join(match.label for match in matches)
    choices = " or ".join(f"'{match.distribution}:{match.name}'" for match in matches)
    raise PluginError(f"{role or 'plugin'} '{word}' is offered more than once", why=sides, hint=f"write {choices}")


def unknown(kind: str, word: str, known: Iterable[str], available: str) -> PluginError:
    """A word that selects nothing, with what was most likely meant and what there is."""
    guess = did_you_mean(word, known)
    return PluginError(f"unknown {kind} '{word}'", hint=f"{guess} available: {available}".strip())


def listed(entries: Iterable[Entry]) -> str:
    """``size (ihacpa 0.1.0); burst (ihacpa-acme 2.1)``: what there is to choose from."""
    owners: dict[str, list[str]] = {}
    for entry in entries:
        owners.setdefault(f"{entry.distribution} {entry.version}".strip(), []).append(entry.name)
    return "; ".join(f"{', '.join(names)} ({owner})" for owner, names in owners.items()) or "none"


def _unknown(entries: Sequence[Entry], switch: Switch, decision: Decision) -> PluginError:
    chosen = [entry for _, entry in decision.on.values() if entry.plugin_id not in {one.plugin_id for one in entries}]
    candidates = [*entries, *chosen] if switch.is_off else [entry for entry in entries if not entry.role]
    known = [word for entry in candidates for word in (*entry.words, entry.distribution)]
    return unknown("plugin", switch.name, known, listed(candidates))


def _is_an_offer(entry: Entry) -> PluginError:
    return PluginError(
        f"'{entry.name}' of {entry.distribution} is a {entry.role}, not a hook plugin",
        why=f"-p and plugins switch on hook plugins, those of the entry-point group '{HOOKS_GROUP}'",
        hint=f'{entry.role} = "{entry.name}" selects it',
    )
