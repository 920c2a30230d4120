"""One setting that a person wants in the file: what KEY and VALUE mean, and whether the file would be right with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ihacpa_core.config.check import load_settings
from ihacpa_core.config.convert import Converter, fields_of, read_text
from ihacpa_core.config.describe import extra_of
from ihacpa_core.config.edit import Keys, with_value
from ihacpa_core.config.extensions import Extensions, active_extensions
from ihacpa_core.config.layers import FILE_NAME, PROJECT_FILE, SECTION, placed, read_file
from ihacpa_core.config.lines import key_lines, split_key
from ihacpa_core.config.mistakes import Mistakes
from ihacpa_core.config.model import TABLES
from ihacpa_core.config.settings import rows_of
from ihacpa_core.config.tree import DEFAULT, Layer, Node, Origin, Table, dotted, grow, laid_over, nested
from ihacpa_core.errors import UsageError
from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.plugins.table import PluginTable

BY = "config set"
"""What mistakes of the new value are told to come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A settings file with one value changed; nothing is written yet.

    :param text: what the file is to hold; `line` is where the value stands in it.
    """

    path: Path
    text: str
    key: str
    value: Any
    line: int


def plan_change(cwd: Path, config: Path | None, key: str, text: str) -> Change:
    """What the settings file becomes with `text`, as a person types it after ``-o KEY=``, at `key`.

    The environment is left aside: the file has to be right by itself.

    :param config: the settings file; None takes the nearest one, or ``ihacpa.toml`` in `cwd` if there is none.
    :raises ConfigError: the file would hold mistakes.
    :raises UsageError: it cannot be read, or cannot be changed without loss.
    """
    path = _path_of(key)
    file = read_file(cwd, config, "--config", Mistakes())
    place = file.path or cwd / FILE_NAME
    plugins = PluginTable()
    options = _options_of(path, plugins, active_extensions(cwd, config, {}, (), (), plugins))
    if options is None:  # the check says what is wrong with the key, and what was meant
        load_settings(cwd, config, {}, {dotted(path): (read_text(text), BY)}, (), PluginTable())
        raise UsageError(f"{key} is no setting", hint="ihacpa config show lists them")
    value = _typed(_Typed(path, text, cwd, place.parent), file.tree, options)
    load_settings(cwd, config, {}, {dotted(path): (value, BY)}, (), PluginTable())
    return _change(place, path, value)


@dataclass(frozen=True, slots=True)
class _Typed:
    """What was typed, and where; `folder` is the settings file's."""

    path: Keys
    text: str
    cwd: Path
    folder: Path

    @property
    def table(self) -> Keys:
        """The path of the options' table; the rest of `path` stands in it."""
        return self.path[: 2 if self.path[0] in ROLES else 1]


def _path_of(key: str) -> Keys:
    try:
        keys, rest = split_key(key)
    except ValueError:
        keys, rest = (), key
    if not keys or rest.strip():
        raise UsageError(f"'{key}' is no key", hint="write it as `ihacpa config show --json` does")
    return placed(keys)


def _options_of(path: Keys, plugins: PluginTable, extensions: Extensions) -> type | None:
    """What declares the options among which `path` stands; None if it stands nowhere.

    :raises PluginError: the plugin that would say so cannot be used.
    """
    tables = {**TABLES, **extensions.tables}
    if path[0] in tables:
        return tables[path[0]] if len(path) > 1 else None
    if path[0] in ROLES and len(path) > 2:
        for entry in plugins.entries_of(path[0]):
            if path[1] in entry.words:
                return plugins.offer(entry).options
    return None


def _typed(typed: _Typed, tree: Table, options: type) -> Any:
    """The value, as TOML has it.

    :raises ConfigError: it is not what the options ask for.
    :raises UsageError: it is a table.
    """
    origin = Origin(Layer.COMMAND_LINE, BY)
    table: Node | None = tree
    for key in typed.table:
        table = table.members.get(key) if isinstance(table, Table) else None
    node = grow(read_text(typed.text), lambda _: origin, text=typed.text)
    united = laid_over(table or Table(DEFAULT), nested(typed.path[len(typed.table) :], node))
    mistakes = Mistakes()
    assert isinstance(united, Table)
    made = Converter(mistakes, typed.cwd).options(united, options, typed.table)
    mistakes.raise_all()
    rows = {path: value for path, value, _ in rows_of(made, typed.table)}
    if typed.path not in rows:
        raise UsageError(f"{dotted(typed.path)} is a table", hint=f"set its keys: {dotted(typed.path)}.KEY VALUE")
    return _relative(typed, made) or rows[typed.path]


def _relative(typed: _Typed, made: Any) -> str:
    """A path that was typed in one folder, as it is written for another; empty if the value is none, or absolute."""
    kind: type = type(made)
    keys = [one.key for one in fields_of(kind) if extra_of(one.type).get("path")]
    if typed.path[len(typed.table) :] not in [(key,) for key in keys] or typed.text.startswith("~"):
        return ""
    plain = read_text(typed.text)
    if not isinstance(plain, str) or not plain or Path(plain).is_absolute():
        return ""
    config_dir = getattr(made, "config_dir", "")
    base = typed.folder if typed.path[-1] == "config_dir" else typed.folder / config_dir
    return os.path.relpath(typed.cwd / plain, base).replace(os.sep, "/")


def _change(place: Path, path: Keys, value: Any) -> Change:
    section = SECTION if place.name == PROJECT_FILE else ()
    old = place.read_bytes().decode("utf-8") if place.exists() else ""
    new = with_value(old, path, value, section=section)
    line = key_lines(new.removeprefix("\ufeff").replace("\r\n", "\n"))[(*section, *path)]
    return Change(path=place, text=new, key=dotted((*section, *path)), value=value, line=line)
