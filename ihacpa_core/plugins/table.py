"""The plugin table: which words select what, and what is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from ihacpa_core import hookspecs
from ihacpa_core.errors import PluginError
from ihacpa_core.markers import PROJECT
from ihacpa_core.offers import Offer
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.builtins import BUILTINS, ROLES, Builtin
from ihacpa_core.plugins.discovery import Entry, Source, builtin_entries, discover
from ihacpa_core.plugins.importing import guarded, import_entry
from ihacpa_core.plugins.names import canonical
from ihacpa_core.plugins.rules import check_hooks
from ihacpa_core.plugins.switches import Switch, decide, listed, only, unknown

if TYPE_CHECKING:
    from ihacpa_core.plugins.steps import Step
    from ihacpa_core.plugins.trace import HookTrace


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
    :param trace: notes every call of a hook; None notes nothing and costs nothing.
    """

    def __init__(self, builtins: Iterable[Builtin] = BUILTINS, trace: HookTrace | None = None) -> None:
        self._builtins = tuple(builtins)
        self._loaded: dict[str, object] = {}
        self._entries_by_id: dict[str, Entry] = {}
        self._off: dict[str, str] = {}
        self.steps: dict[str, list[Step]] = {}
        self.trace = trace
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

    def available(self, role: str) -> str:
        """``size (ihacpa 0.1.0); burst (ihacpa-acme 2.1)``: what there is to choose from."""
        return listed(self.entries_of(role))

    # --- selecting ----------------------------------------------------------------------------------------------------

    def find(self, role: str, word: str, by: str = "the settings") -> Found:
        """Load what `word` selects: ``NAME``, an alias, ``NAME:ARGUMENT``, ``DISTRIBUTION:NAME``.

        :param by: what selects it, for the message if it is switched off.
        :raises PluginError: unknown, switched off, offered by several distributions, broken, or breaking the rules of
            the hooks.
        """
        entry, argument = self.resolve(role, word, by)
        offer = self.offer(entry)
        if argument and not offer.takes_argument:
            raise PluginError(f"{role} '{entry.name}' takes nothing after the colon", why=f"found '{word}'")
        if offer.takes_argument and not argument:
            raise PluginError(f"{role} '{entry.name}' needs something after a colon", hint=offer.summary)
        return Found(offer=offer, entry=entry, argument=argument)

    def resolve(self, role: str, word: str, by: str = "the settings") -> tuple[Entry, str]:
        """The entry that `word` selects and what follows its name after a colon; nothing is imported.

        :raises PluginError: unknown, switched off, or offered by several distributions.
        """
        matches, name, argument = self._matches(role, word)
        left = [entry for entry in matches if entry.plugin_id not in self._off]
        if not left:
            off = self._off[matches[0].plugin_id]
            raise PluginError(
                f"{role} '{name}' is selected by {by} and disabled by {off}", hint="take one of them away"
            )
        return only(role, name, left), argument

    def switch(self, switches: Sequence[Switch]) -> list[tuple[Switch, PluginError]]:
        """Switch plugins on, which loads hook plugins, and off; returns what went wrong, with the switch that asked."""
        decision = decide(self.entries, switches, self._off)
        self._off = decision.off
        failures = list(decision.failures)
        for switch, entry in decision.on.values():
            try:
                self.load(entry)
            except PluginError as error:
                failures.append((switch, error))
        return failures

    def enable(self, word: str, base: Path, by: str = "the settings") -> None:
        """Load the always-on hook plugin `word`: an entry point, its distribution, ``./file.py`` or a dotted module.

        :param base: where a relative path starts from.
        :raises PluginError: unknown, broken, or breaking the rules of the hooks.
        """
        for _, error in self.switch([Switch(word, by, base)]):
            raise error

    def disable(self, off: Mapping[str, str]) -> None:
        """Take the plugins with these ids for switched off: id to what switched it off."""
        self._off.update(off)

    def disabled_by(self, entry: Entry) -> str:
        """What switched `entry` off; empty if nothing did."""
        return self._off.get(entry.plugin_id, "")

    # --- loading ------------------------------------------------------------------------------------------------------

    def loaded(self) -> list[tuple[str, object]]:
        """The plugins that were loaded, as (plugin id, plugin), in the order in which hooks are called."""
        return sorted(self._loaded.items(), key=lambda item: item[0])

    def entry_of(self, plugin_id: str) -> Entry:
        """The entry of a plugin that was loaded."""
        return self._entries_by_id[plugin_id]

    def hooks_of(self, entry: Entry) -> list[str]:
        """The names of the hooks that a loaded plugin implements."""
        return sorted(caller.name for caller in self.manager.get_hookcallers(self._loaded[entry.plugin_id]) or ())

    def load(self, entry: Entry) -> object:
        """Import and register the plugin of `entry`, if that was not done yet.

        :raises PluginError: broken, or breaking the rules of the hooks.
        """
        plugin = self._loaded.get(entry.plugin_id)
        if plugin is None:
            if entry.source is Source.MODULE and not _can_import(entry):
                raise unknown("plugin", entry.name, self.words(""), self.available(""))
            plugin = import_entry(entry)
            self._register(entry, plugin)
        return plugin

    def offers(self, entry: Entry) -> list[Offer[Any]]:
        """Everything that the plugin of `entry` offers for its role; loads it.

        :raises PluginError: broken, or breaking the rules of the hooks.
        """
        plugin, hook = self.load(entry), ROLES[entry.role].hook
        implementations = getattr(self.manager.hook, hook).get_hookimpls()
        functions = [implementation.function for implementation in implementations if implementation.plugin is plugin]
        offers = guarded(entry.label, f"failed in {hook}()", lambda: self._ask(functions, hook, entry.plugin_id), entry)
        for offer in offers:
            if not isinstance(offer, Offer):
                why = f"{hook}() yields a {type(offer).__name__}, not an Offer"
                raise BrokenPlugin(entry, "offers something else than an Offer", why=why, hint="return [Offer(...)]")
        return offers

    def _ask(self, functions: Sequence[Callable[[], Iterable[Any]]], hook: str, plugin_id: str) -> list[Any]:
        def ask() -> list[Any]:
            return [offer for function in functions for offer in function()]

        return ask() if self.trace is None else self.trace.call(hook, plugin_id, ask)

    def offer(self, entry: Entry) -> Offer[Any]:
        """The offer that `entry` announces; loads its plugin.

        :raises PluginError: broken, breaking the rules of the hooks, or not offering what it announces.
        """
        offers = self.offers(entry)
        for offer in offers:
            if offer.name == entry.name:
                return offer
        names = ", ".join(f"'{offer.name}'" for offer in offers) or "nothing"
        raise BrokenPlugin(
            entry,
            f"does not offer '{entry.name}'",
            why=f"{ROLES[entry.role].hook}() offers {names}",
            hint=f"an entry point bears the name of its offer; tell the authors of {entry.distribution}",
        )

    def _register(self, entry: Entry, plugin: object) -> None:
        if all(plugin is not other for other in self._loaded.values()):
            check_hooks(self.manager, plugin, entry)
            try:
                self.manager.register(plugin, name=entry.plugin_id)
                self.manager.check_pending()
            except (pluggy.PluginValidationError, ValueError) as error:
                if self.manager.is_registered(plugin):  # pluggy 1.6 and older leave it half registered
                    self.manager.unregister(plugin)
                raise BrokenPlugin(entry, "breaks the rules of the hooks", why=str(error)) from error
        # One module behind several entry points is registered once, under the first name.
        self._loaded[entry.plugin_id] = plugin
        self._entries_by_id[entry.plugin_id] = entry

    # --- from a word to an entry --------------------------------------------------------------------------------------

    def _matches(self, role: str, word: str) -> tuple[list[Entry], str, str]:
        """The entries that a word may mean, the name in it, and what follows."""
        entries = self.entries_of(role)
        head, colon, rest = word.partition(":")
        if matches := _matching(entries, head):
            return matches, head, rest
        if colon:
            name, _, argument = rest.partition(":")
            owned = [entry for entry in entries if entry.distribution == canonical(head)]
            if matches := _matching(owned, name):
                return matches, name, argument
        raise unknown(role, word, self.words(role), self.available(role))


def _matching(entries: Iterable[Entry], word: str) -> list[Entry]:
    return [entry for entry in entries if word in entry.words]


def _can_import(entry: Entry) -> bool:
    def look() -> bool:
        return find_spec(entry.target) is not None

    try:
        return guarded(entry.label, "cannot be imported", look, entry)
    except PluginError as error:
        if isinstance(error.__cause__, (ModuleNotFoundError, ValueError)):
            return False  # no such package: told as an unknown plugin, with what there is
        raise
