"""The plugin table: which words select what, and what is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pluggy

from ihacpa_core import hookspecs
from ihacpa_core.errors import PluginError
from ihacpa_core.markers import PROJECT
from ihacpa_core.offers import Offer
from ihacpa_core.plugins.builtins import BUILTINS, ROLES, Builtin
from ihacpa_core.plugins.discovery import Entry, builtin_entries, discover
from ihacpa_core.plugins.importing import guarded, import_entry, import_file
from ihacpa_core.plugins.names import canonical, did_you_mean
from ihacpa_core.plugins.rules import check_hooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An offer that a word selects, and what followed its name after a colon."""

    offer: Offer[Any]
    entry: Entry
    argument: str = ""


class PluginTable:
    """Every plugin that can be selected, and those that were.

    Entry-point metadata is read when it is first needed, a plugin's module when it is selected.

    :param builtins: the built-in plugins; tests bring their own.
    """

    def __init__(self, builtins: Iterable[Builtin] = BUILTINS) -> None:
        self._builtins = tuple(builtins)
        self._loaded: dict[str, object] = {}
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(hookspecs)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that is announced: the built-ins first, then the others by distribution and name."""
        return (*builtin_entries(self._builtins), *discover())

    def entries_of(self, role: str) -> list[Entry]:
        """What is announced for a role; an empty role word means the always-on hook plugins."""
        return [entry for entry in self.entries if entry.role == role]

    def names(self, role: str) -> list[str]:
        """The names that select an offer of `role`, each once; aliases are left out."""
        return list(dict.fromkeys(entry.name for entry in self.entries_of(role)))

    def words(self, role: str) -> list[str]:
        """The names and aliases that select an offer of `role`."""
        return list(dict.fromkeys(word for entry in self.entries_of(role) for word in entry.words))

    def name_of(self, role: str, word: str) -> str:
        """The name that `word`, a name or an alias, stands for; `word` itself if nothing is known of it."""
        matches = _matching(self.entries_of(role), word)
        return matches[0].name if matches else word

    def find(self, role: str, word: str) -> Found:
        """Load what `word` selects: ``NAME``, an alias, ``NAME:ARGUMENT``, ``DISTRIBUTION:NAME``.

        :raises PluginError: unknown, offered by several distributions, broken, or breaking the rules of the hooks.
        """
        entry, argument = self._resolve(role, word)
        offer = self._offer(entry)
        if argument and not offer.takes_argument:
            raise PluginError(f"{role} '{entry.name}' takes nothing after the colon", why=f"found '{word}'")
        if offer.takes_argument and not argument:
            raise PluginError(f"{role} '{entry.name}' needs something after a colon", hint=offer.summary)
        return Found(offer=offer, entry=entry, argument=argument)

    def enable(self, word: str, base: Path) -> None:
        """Load the always-on hook plugin `word`: an entry point, its distribution, ``./file.py`` or a dotted module.

        :param base: where a relative path starts from.
        :raises PluginError: unknown, broken, or breaking the rules of the hooks.
        """
        if word.endswith(".py") or "/" in word or "\\" in word:
            path = (base / word).resolve()
            self._register(f"file:{path}", f"plugin {word}", import_file(path))
            return
        for entry in self._hook_entries(word):
            self._load(entry)

    def loaded(self) -> list[tuple[str, object]]:
        """The plugins that were loaded, as (plugin id, plugin), in the order in which hooks are called."""
        return sorted(self._loaded.items(), key=lambda item: item[0])

    def available(self, role: str) -> str:
        """``size (ihacpa 0.1.0); burst (ihacpa-acme 2.1)``: what there is to choose from."""
        by_distribution: dict[str, list[str]] = {}
        for entry in self.entries_of(role):
            by_distribution.setdefault(f"{entry.distribution} {entry.version}".strip(), []).append(entry.name)
        return "; ".join(f"{', '.join(names)} ({owner})" for owner, names in by_distribution.items()) or "none"

    # --- from a word to an entry --------------------------------------------------------------------------------------

    def _resolve(self, role: str, word: str) -> tuple[Entry, str]:
        entries = self.entries_of(role)
        head, colon, rest = word.partition(":")
        if matches := _matching(entries, head):
            return _only(role, head, matches), rest
        if colon:
            name, _, argument = rest.partition(":")
            owned = [entry for entry in entries if entry.distribution == canonical(head)]
            if matches := _matching(owned, name):
                return _only(role, name, matches), argument
        raise self._unknown(role, word, head)

    def _unknown(self, role: str, word: str, head: str) -> PluginError:
        guess = did_you_mean(head, self.words(role))
        listed = f"available: {self.available(role)}"
        return PluginError(f"unknown {role or 'plugin'} '{word}'", hint=f"{guess} {listed}".strip())

    def _hook_entries(self, word: str) -> Iterator[Entry]:
        entries = self.entries_of("")
        by_distribution = [entry for entry in entries if entry.distribution == canonical(word)]
        if by_distribution and not _matching(entries, word):
            yield from by_distribution
        elif "." in word and not _matching(entries, word) and _can_import(word):
            yield Entry(role="", name=word, distribution="module", target=word)
        else:
            yield self._resolve("", word)[0]

    # --- from an entry to an offer ------------------------------------------------------------------------------------

    def _offer(self, entry: Entry) -> Offer[Any]:
        plugin = self._load(entry)
        hook = ROLES[entry.role].hook
        offers = self._ask(entry, plugin, hook)
        for offer in offers:
            if offer.name == entry.name:
                return offer
        listed = ", ".join(f"'{offer.name}'" for offer in offers) or "nothing"
        raise PluginError(
            f"{entry.label} does not offer '{entry.name}'",
            why=f"{hook}() offers {listed}",
            hint=f"an entry point bears the name of its offer; tell the authors of {entry.distribution}",
        )

    def _ask(self, entry: Entry, plugin: object, hook: str) -> list[Offer[Any]]:
        implementations = getattr(self.manager.hook, hook).get_hookimpls()
        functions = [implementation.function for implementation in implementations if implementation.plugin is plugin]
        offers = guarded(
            entry.label, f"failed in {hook}()", lambda: [offer for function in functions for offer in function()], entry
        )
        for offer in offers:
            if not isinstance(offer, Offer):
                raise PluginError(f"{entry.label}: {hook}() yields a {type(offer).__name__}, not an Offer")
        return offers

    def _load(self, entry: Entry) -> object:
        plugin = self._loaded.get(entry.plugin_id)
        if plugin is None:
            plugin = import_entry(entry)
            self._register(entry.plugin_id, entry.label, plugin)
        return plugin

    def _register(self, plugin_id: str, label: str, plugin: object) -> None:
        if any(plugin is other for other in self._loaded.values()):
            # One module behind several entry points: registered once, under the first name.
            self._loaded[plugin_id] = plugin
            return
        check_hooks(self.manager, plugin, label)
        try:
            self.manager.register(plugin, name=plugin_id)
            self.manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"{label} breaks the rules of the hooks", why=str(error)) from error
        self._loaded[plugin_id] = plugin


def _matching(entries: Iterable[Entry], word: str) -> list[Entry]:
    return [entry for entry in entries if word in entry.words]


def _only(role: str, word: str, matches: Sequence[Entry]) -> Entry:
    if len(matches) == 1:
        return matches[0]
    sides = " and ".join(match.label for match in matches)
    choices = " or ".join(f"'{match.distribution}:{match.name}'" for match in matches)
    raise PluginError(f"{role or 'plugin'} '{word}' is offered more than once", why=sides, hint=f"write {choices}")


def _can_import(module: str) -> bool:
    def look() -> bool:
        return find_spec(module) is not None

    try:
        return guarded(f"plugin {module}", "cannot be imported", look)
    except PluginError as error:
        if isinstance(error.__cause__, (ModuleNotFoundError, ValueError)):
            return False  # no such package: told as an unknown plugin, with what there is
        raise
