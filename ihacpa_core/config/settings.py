"""The settings of a run: checked, typed, and each with its origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from ihacpa_core.config.convert import fields_of, is_options
from ihacpa_core.config.model import CoreOptions, SheetOptions
from ihacpa_core.config.tree import DEFAULT, Origin, dotted
from ihacpa_core.offers import Offer

Row = tuple[tuple[str, ...], Any, bool]
"""One value: its path, the value in TOML's types, whether it is secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """An offer that the settings select, with its options.

    :param word: how it was selected: ``fixed-size``, ``ihacpa-acme:memory``, ``python:my.py:f``.
    :param name: the name of the offer, and of its table ``[ROLE.NAME]``.
    :param argument: what followed the name after a colon.
    :param origin: where it was selected.
    """

    role: str
    word: str
    name: str
    offer: Offer[Any]
    options: Any = None
    argument: str = ""
    origin: Origin = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that decides a run.

    :param selected: the selected offers by role; those that options named through `Offer.needs` are among them.
    :param origins: where each value that is no default comes from, by its dotted key (``ihacpa.strategy``).
    :param config_dir: the folder that relative paths start from, absolute.
    :param file: the settings file, if there is one.
    :param extensions: the tables of hook plugins: name to their options; `owners`: name to the plugin's id.
    :param unselected: values of tables whose offers are not selected: kept, and not checked.
    """

    core: CoreOptions
    sheet: SheetOptions
    selected: Mapping[str, tuple[Selected, ...]]
    origins: Mapping[str, Origin]
    config_dir: Path
    file: Path | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    unselected: tuple[tuple[tuple[str, ...], Any, Origin], ...] = ()

    def one(self, role: str) -> Selected:
        """The selected offer of a role that has exactly one."""
        return self.selected[role][0]

    def options(self, role: str, name: str) -> Any:
        """The options of a selected offer; None if it has none.

        :raises LookupError: it is not selected.
        """
        for selected in self.selected.get(role, ()):
            if selected.name == name:
                return selected.options
        raise LookupError(f"{role} '{name}' is not selected")

    def origin(self, path: tuple[str, ...]) -> Origin:
        """Where the value at `path` comes from."""
        return self.origins.get(dotted(path), DEFAULT)

    def rows(self) -> Iterator[Row]:
        """Every value of the core's tables, of hook plugins and of the selected offers, defaults too."""
        yield from rows_of(self.core, ("ihacpa",))
        yield from rows_of(self.sheet, ("sheet",))
        for name, options in self.extensions.items():
            yield from rows_of(options, (name,))
        for role, parts in self.selected.items():
            for selected in parts:
                if selected.options is not None:
                    yield from rows_of(selected.options, (role, selected.name))

    def effective(self) -> dict[str, Any]:
        """The settings as nested tables that repeat the run when they are written to a TOML file and read again.

        Secrets are left out; what says where a secret is (``env:NAME``, ``file:PATH``) stays.
        """
        tables: dict[str, Any] = {}
        for path, value, secret in self.rows():
            if secret and not str(value).startswith(("env:", "file:")):
                continue
            table = tables
            for key in path[:-1]:
                table = table.setdefault(key, {})
            table[path[-1]] = value
        return tables


def rows_of(options: Any, path: tuple[str, ...]) -> Iterator[Row]:
    """Every value of an options object that stands at `path`."""
    kind: type = type(options)
    for one in fields_of(kind):
        yield from _value_rows(getattr(options, one.name), (*path, one.key), one.secret)


def _value_rows(value: Any, path: tuple[str, ...], secret: bool) -> Iterator[Row]:
    if value is None:  # TOML has no word for it: the key is left out
        return
    if is_options(type(value)):
        yield from rows_of(value, path)
    elif isinstance(value, Mapping) and value:
        for key, member in value.items():
            yield from _value_rows(member, (*path, str(key)), secret)
    else:
        yield path, _with_lists(msgspec.to_builtins(value, builtin_types=(date, datetime, time))), secret


def _with_lists(value: Any) -> Any:
    return [_with_lists(item) for item in value] if isinstance(value, list | tuple) else value
