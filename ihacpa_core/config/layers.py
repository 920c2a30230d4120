"""The layers that settings come from: a file, the environment, the command line. Each becomes a tree with origins."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ihacpa_core.config.convert import as_variable, fields_of, read_text
from ihacpa_core.config.lines import KeyPath, key_lines, split_key
from ihacpa_core.config.mistakes import Mistakes
from ihacpa_core.config.model import TABLES, CoreOptions
from ihacpa_core.config.tree import DEFAULT, Layer, Node, Origin, Table, grow, laid_over, nested
from ihacpa_core.errors import UsageError
from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.plugins.names import nearest

FILE_NAME = "ihacpa.toml"
PROJECT_FILE = "pyproject.toml"
SECTION = ("tool", "ihacpa")
PREFIX = "IHACPA_"
CONFIG_VARIABLE = "IHACPA_CONFIG"
RESERVED = frozenset({CONFIG_VARIABLE, "IHACPA_TEST_DATA"})
"""Variables that begin like settings and are none."""

_ERROR_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


class Words(Protocol):
    """What the layers ask the plugin table: which words select an offer of a role."""

    def words(self, role: str) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A settings file, read: its place, and what it says."""

    path: Path | None
    tree: Table


# --- the file ---------------------------------------------------------------------------------------------------------


def read_file(cwd: Path, config: Path | None, named_by: str, mistakes: Mistakes) -> SettingsFile:
    """The file `config`; without one, the settings of the folder `cwd` or its nearest parent that has any.

    :param named_by: what named `config`: ``--config`` or a variable.
    :raises UsageError: it cannot be read.
    """
    if config is not None:
        path = _absolute(cwd / config)
        return SettingsFile(path, _parsed(path, _read(path, named_by), cwd, mistakes))
    for folder in (_absolute(cwd), *_absolute(cwd).parents):
        path, text = folder / FILE_NAME, ""
        if not path.is_file():
            path = folder / PROJECT_FILE
            # Looked at as text first: other people's pyproject.toml files need not be valid for ihacpa to work.
            if not path.is_file() or "ihacpa" not in (text := _read(path, "")) or not _has_section(text):
                continue
        return SettingsFile(path, _parsed(path, text or _read(path, ""), cwd, mistakes))
    return SettingsFile(None, Table(DEFAULT))


def _read(path: Path, named_by: str) -> str:
    by = f" that {named_by} names" if named_by else ""
    try:
        # Notepad begins UTF-8 files with a mark that TOML does not know.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", why=str(error), hint="save it with the encoding UTF-8") from error
    except OSError as error:
        hint = "ihacpa --config FILE, or no --config for the nearest ihacpa.toml"
        raise UsageError(f"the settings file {path}{by} cannot be read", why=error.strerror or "", hint=hint) from error


def _has_section(text: str) -> bool:
    try:
        tool = tomllib.loads(text).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        # The section may well be ours; the mistake is told when the file is read as settings.
        return re.search(r"^\s*\[\s*tool\s*\.\s*ihacpa\b", text, re.MULTILINE) is not None
    return isinstance(tool, dict) and SECTION[1] in tool


def _parsed(path: Path, text: str, cwd: Path, mistakes: Mistakes) -> Table:
    section = SECTION if path.name == PROJECT_FILE else ()
    source = _shown(path, cwd)
    try:
        value: Any = tomllib.loads(text)
        lines = key_lines(text)
    except tomllib.TOMLDecodeError as error:
        _note_syntax_error(error, text, source, mistakes)
        return Table(DEFAULT)
    except RecursionError:
        mistakes.add(Origin(Layer.FILE, source), ("syntax",), "nested too deeply")
        return Table(DEFAULT)

    def locate(at: KeyPath) -> Origin:
        whole: KeyPath = (*section, *at)
        known = (lines[whole[:length]] for length in range(len(whole), 0, -1) if whole[:length] in lines)
        return Origin(Layer.FILE, source, next(known, 0), "".join(f"{key}." for key in section))

    for key in section:
        value = value.get(key, {})
    tree = grow(value, locate)
    if isinstance(tree, Table):
        return tree
    mistakes.add(tree.origin, (), "expected a table")
    return Table(DEFAULT)


def _note_syntax_error(error: tomllib.TOMLDecodeError, text: str, source: str, mistakes: Mistakes) -> None:
    place = _ERROR_PLACE.search(str(error))
    all_lines = text.splitlines() or [""]
    line = int(place["line"]) if place and place["line"] else len(all_lines)
    column = f" at column {place['column']}" if place and place["column"] else ""
    problem = _ERROR_PLACE.sub("", str(error))
    bad = all_lines[min(line, len(all_lines)) - 1]
    hint = "in 'single quotes' a backslash is a backslash" if "\\" in bad and '"' in bad else ""
    mistakes.add(Origin(Layer.FILE, source, line), ("syntax",), f"not TOML{column}: {problem}", hint)


def _shown(path: Path, cwd: Path) -> str:
    here = _absolute(cwd)
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  Path.resolve would follow links, and show other names than typed


# --- the environment --------------------------------------------------------------------------------------------------


def read_environment(
    env: Mapping[str, str], words: Words, mistakes: Mistakes, extensions: Mapping[str, type] | None = None
) -> Table:
    """The settings among the variables: ``IHACPA_STRATEGY``, ``IHACPA_STRATEGY__MEMORY__TARGET``.

    :param extensions: the tables of hook plugins, each with what declares its keys.
    """
    tables = {**TABLES, **(extensions or {})}
    tree = Table(DEFAULT)
    for name in sorted(name for name in env if name.startswith(PREFIX) and name not in RESERVED):
        origin = Origin(Layer.ENVIRONMENT, name)
        path = _path_of_variable(name, words, tables)
        if path is None:
            meant = nearest(name.removeprefix(PREFIX), _variables(words, tables))
            hint = f"did you mean '{PREFIX}{meant}'?" if meant else f"variables that begin with {PREFIX} are settings"
            mistakes.add(origin, (name.removeprefix(PREFIX).lower(),), "no setting has this name", hint)
            continue
        tree = _added(tree, nested(path, _read_typed(env[name], origin)))
    return tree


def _path_of_variable(name: str, words: Words, tables: Mapping[str, type]) -> tuple[str, ...] | None:
    parts = name.removeprefix(PREFIX).split("__")
    if len(parts) == 1:
        key = _match(parts[0], _keys(CoreOptions))
        return ("ihacpa", key) if key else None
    table = _match(parts[0], [*tables, *ROLES])
    if table is not None and table in tables:
        key = _match(parts[1], _keys(tables[table])) if len(parts) == 2 else None
        return (table, key) if key else None
    offer = _match(parts[1], words.words(table)) if table and len(parts) > 2 else None
    return (table, offer, *(part.lower() for part in parts[2:])) if table and offer else None


def _match(part: str, known: Iterable[str]) -> str | None:
    return next((word for word in known if as_variable(word) == part), None)


def _variables(words: Words, tables: Mapping[str, type]) -> list[str]:
    """The names of all variables that are settings, without the prefix; those of options up to the offer's name."""
    core = [as_variable(key) for key in _keys(CoreOptions)]
    others = [f"{as_variable(table)}__{as_variable(key)}" for table in tables for key in _keys(tables[table])]
    offers = [f"{as_variable(role)}__{as_variable(word)}__" for role in ROLES for word in words.words(role)]
    return [*core, *others, *offers]


def _keys(options: type) -> list[str]:
    return [field.key for field in fields_of(options)]


# --- the command line -------------------------------------------------------------------------------------------------


def read_command_line(overrides: Sequence[str], flags: Mapping[str, tuple[Any, str]], mistakes: Mistakes) -> Table:
    """The settings among the arguments; a named flag counts more than ``-o``.

    :param overrides: what followed each ``-o``: ``KEY=VALUE``.
    :param flags: key to (value, flag); a value of None counts as not given. The key ``ROLE.*.KEY`` means the selected
        offer of a role, whichever it is.
    """
    tree = Table(DEFAULT)
    for override in overrides:
        tree = _with_override(tree, override, mistakes)
    for key, (value, flag) in flags.items():
        if value is not None:
            origin = Origin(Layer.COMMAND_LINE, flag)
            tree = _added(tree, nested(_path_of_flag(key), _flag_value(value, origin)))
    return tree


def _with_override(tree: Table, override: str, mistakes: Mistakes) -> Table:
    try:
        keys, rest = split_key(override)
    except ValueError:
        keys, rest = (), ""
    text = rest.strip()
    if not keys or not text.startswith("="):
        shown = override.partition("=")[0][:60]
        mistakes.add(Origin(Layer.COMMAND_LINE, f"-o {shown}"), (shown,), "expected KEY=VALUE", "-o save_every=batch")
        return tree
    origin = Origin(Layer.COMMAND_LINE, f"-o {'.'.join(keys)}")
    return _added(tree, nested(placed(keys), _read_typed(text[1:].strip(), origin)))


def _read_typed(text: str, origin: Origin) -> Node:
    return grow(read_text(text), lambda _: origin, text=text)


def _flag_value(value: Any, origin: Origin) -> Node:
    if isinstance(value, Path):
        value = str(value)
    plain = list(value) if isinstance(value, tuple) else value
    return grow(plain, lambda _: origin, text=value if isinstance(value, str) else None)


def _path_of_flag(key: str) -> tuple[str, ...]:
    return placed(split_key(key)[0] if '"' in key else tuple(key.split(".")))


def placed(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of ``[ihacpa]`` are written without the table's name."""
    return ("ihacpa", *keys) if len(keys) == 1 else keys


def _added(tree: Table, more: Table) -> Table:
    united = laid_over(tree, more)
    assert isinstance(united, Table)
    return united
