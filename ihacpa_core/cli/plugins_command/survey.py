"""Every plugin that is installed or named, and how it stands: active, available, disabled or broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ihacpa_core.cli.plugins_command.chosen import Choice, Chosen
from ihacpa_core.config.convert import fields_of
from ihacpa_core.errors import PluginError
from ihacpa_core.plugins.discovery import Entry, misfit
from ihacpa_core.plugins.importing import guarded
from ihacpa_core.plugins.switches import decide
from ihacpa_core.plugins.table import PluginTable

HOOKS = "hooks"
"""What stands for a role where a plugin has none."""


class State(StrEnum):
    """How a plugin stands."""

    ACTIVE = "active"
    AVAILABLE = "available"
    DISABLED = "disabled"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One plugin.

    :param by: what selects it or switches it off.
    :param why: why it is broken.
    :param note: what else a person should know of it.
    """

    entry: Entry
    state: State
    by: str = ""
    why: str = ""
    note: str = ""

    @property
    def role(self) -> str:
        return self.entry.role or HOOKS

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        entry = self.entry
        return {
            "role": self.role,
            "name": entry.name,
            "aliases": list(entry.aliases),
            "state": self.state.value,
            "selected_by": self.by if self.state is not State.DISABLED else "",
            "disabled_by": self.by if self.state is State.DISABLED else "",
            "why": self.why,
            "note": self.note,
            "distribution": entry.distribution,
            "version": entry.version,
            "location": entry.location,
            "source": entry.source.value,
            "entry_point": entry.group,
            "target": entry.target,
            "requires": list(entry.requires),
            "summary": entry.summary,
        }


@dataclass(frozen=True, slots=True)
class Survey:
    """The rows in the order of roles, and what is selected and not there."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]

    def active(self) -> list[Entry]:
        """The plugins that a run would load."""
        return [row.entry for row in self.rows if row.by and row.state in (State.ACTIVE, State.BROKEN)]

    def checked(self, plugins: PluginTable) -> Survey:
        """The same after an import of each that is not switched off, one by one, each in its guard."""
        return Survey(tuple(_checked(row, plugins) for row in self.rows), self.missing)


def survey(plugins: PluginTable, chosen: Chosen) -> Survey:
    """Look at metadata and settings; nothing is imported."""
    decision = decide(plugins.entries, chosen.switches, {})
    plugins.disable(decision.off)
    missing = [f"{switch.by}: {error}{_hint(error)}" for switch, error in decision.failures]
    selected: dict[str, str] = {plugin_id: switch.by for plugin_id, (switch, _) in decision.on.items()}
    trouble: dict[str, str] = {}
    for choice in chosen.choices:
        missing += _select(plugins, choice, selected, trouble)
    extra = [entry for _, entry in decision.on.values() if entry not in plugins.entries]
    rows = [_row(plugins, entry, selected, trouble) for entry in (*plugins.entries, *extra)]
    return Survey(tuple(rows), tuple(missing))


def _select(plugins: PluginTable, choice: Choice, selected: dict[str, str], trouble: dict[str, str]) -> Iterator[str]:
    """Note what a choice selects; yields what it names and nobody has."""
    try:
        entry, _ = plugins.resolve(choice.role, choice.word, choice.by)
        selected[entry.plugin_id] = choice.by
    except PluginError as error:
        named = [entry for entry in plugins.entries_of(choice.role) if choice.word in entry.words]
        for entry in named:
            if not plugins.disabled_by(entry):
                selected[entry.plugin_id] = choice.by
                trouble[entry.plugin_id] = f"{error}{_hint(error)}"
        if not named or all(plugins.disabled_by(entry) for entry in named):
            yield f"{choice.by}: {error}{_hint(error)}"


def _hint(error: PluginError) -> str:
    return f" - {error.hint}" if error.hint else ""


def _row(plugins: PluginTable, entry: Entry, selected: dict[str, str], trouble: dict[str, str]) -> Row:
    by, off = selected.get(entry.plugin_id, ""), plugins.disabled_by(entry)
    if off:
        return Row(entry=entry, state=State.DISABLED, by=off)
    if requirement := misfit(entry):
        return Row(entry=entry, state=State.BROKEN, by=by, why=f"requires '{requirement}'")
    if entry.plugin_id in trouble:
        return Row(entry=entry, state=State.BROKEN, by=by, why=trouble[entry.plugin_id])
    state = State.ACTIVE if by else State.AVAILABLE
    return Row(entry=entry, state=state, by=by, note=", ".join(_notes(plugins.entries, entry)))


def _notes(entries: Iterable[Entry], entry: Entry) -> Iterator[str]:
    same = [other for other in entries if other.role == entry.role and set(other.words) & set(entry.words)]
    others = [other.distribution for other in same if other.plugin_id != entry.plugin_id]
    if others:
        yield f"also offered by {', '.join(others)}: write '{entry.distribution}:{entry.name}'"
    if entry.location and not entry.requires:
        yield f"{entry.distribution} does not say which versions of ihacpa it is made for"


def _checked(row: Row, plugins: PluginTable) -> Row:
    if row.state in (State.DISABLED, State.BROKEN):
        return row
    try:
        load(plugins, row.entry)
    except PluginError as error:
        return Row(entry=row.entry, state=State.BROKEN, by=row.by, why=error.why or error.what, note=row.note)
    return row


def load(plugins: PluginTable, entry: Entry) -> Any:
    """Import a plugin; its offer, or None if it is a hook plugin.

    :raises PluginError: it cannot be used, or its options cannot be read.
    """
    if not entry.role:
        plugins.load(entry)
        return None
    offer = plugins.offer(entry)
    if offer.options is not None:
        options = offer.options
        guarded(entry.label, "declares options that cannot be read", lambda: fields_of(options), entry)
    return offer
