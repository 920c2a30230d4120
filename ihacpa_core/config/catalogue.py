"""Every table that a settings file may have: the core's, those of all installed offers, those of hook plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ihacpa_core.config.convert import fields_of
from ihacpa_core.config.model import TABLES
from ihacpa_core.errors import PluginError
from ihacpa_core.plugins.builtins import ROLES

if TYPE_CHECKING:
    from ihacpa_core.plugins.discovery import Entry
    from ihacpa_core.plugins.table import PluginTable


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsTable:
    """One table: its path, what declares its keys, and what it is.

    :param aliases: other last words of `path` that mean the same table.
    :param builtin: it is there whatever else is installed.
    """

    path: tuple[str, ...]
    options: type
    summary: str = ""
    aliases: tuple[str, ...] = ()
    builtin: bool = True


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The tables, and what was left out of them: a sentence for each plugin that cannot be used."""

    tables: list[OptionsTable] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def catalogue(plugins: PluginTable, extensions: Mapping[str, type] | None = None) -> Catalogue:
    """Import every installed offer, and list the tables of all that can be used.

    :param extensions: the tables of hook plugins, by name.
    """
    made = Catalogue()
    made.tables.extend(OptionsTable(path=(name,), options=options) for name, options in TABLES.items())
    for name, options in (extensions or {}).items():
        made.tables.append(OptionsTable(path=(name,), options=options, summary=f"the plugin {name}", builtin=False))
    for entry in offer_entries(plugins):
        try:
            table = _table_of(plugins, entry)
        except PluginError as error:
            made.left_out.append(f"{error}; left out")
            continue
        if table is not None and table.path in [other.path for other in made.tables]:
            made.left_out.append(f"[{'.'.join(table.path)}] of {entry.label} has a name that is taken; left out")
        elif table is not None:
            made.tables.append(table)
    return made


def offer_entries(plugins: PluginTable) -> Iterator[Entry]:
    """Every announced offer, role by role, the built-in ones first."""
    for role in ROLES:
        entries: Iterable[Entry] = plugins.entries_of(role)
        yield from sorted(entries, key=lambda entry: not entry.builtin)


def _table_of(plugins: PluginTable, entry: Entry) -> OptionsTable | None:
    """:raises PluginError: the plugin cannot be used, or its declaration cannot be read."""
    from ihacpa_core.plugins.importing import guarded

    offer = plugins.offer(entry)
    if offer.options is None:
        return None
    options = offer.options
    guarded(entry.label, "declares options that cannot be read", lambda: fields_of(options), entry)
    return OptionsTable(
        path=(entry.role, entry.name),
        options=options,
        summary=offer.summary,
        aliases=tuple(word for word in entry.words if word != entry.name),
        builtin=entry.builtin,
    )
