"""The options and commands that active hook plugins add to the command line."""

from __future__ import annotations

import os
import sys
from argparse import BooleanOptionalAction, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_origin

from ihacpa_core.cli.options import CommandParser, add_settings_options, run_parser
from ihacpa_core.config.describe import stripped
from ihacpa_core.config.extensions import Extensions, active_extensions
from ihacpa_core.errors import ExitCode
from ihacpa_core.parser import Commands, PluginCommand, PluginOption
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.discovery import Entry
from ihacpa_core.plugins.table import PluginTable

_LISTS = (list, tuple, set, frozenset)


def settings_typed(argv: Sequence[str]) -> tuple[Namespace, list[str]]:
    """The options that say which settings hold, wherever they stand in `argv`, and the other words."""
    common = CommandParser(add_help=False, allow_abbrev=False)
    add_settings_options(common.add_argument_group("settings"))
    return common.parse_known_args(list(argv))


def typed_extensions(argv: Sequence[str], plugins: PluginTable | None = None) -> Extensions:
    """What the hook plugins add that the settings and `argv` switch on; they are loaded into `plugins`.

    :raises PluginError: a plugin declares what cannot be, or what another one has.
    """
    settled, _ = settings_typed(argv)
    return active_extensions(
        Path(settled.directory).resolve() if settled.directory else Path.cwd(),
        Path(settled.config) if settled.config else None,
        os.environ,
        settled.override,
        settled.plugins,
        plugins or PluginTable(),
    )


def show_all_help(argv: Sequence[str]) -> int:
    """Print the help with the options and commands of active plugins; returns the exit code."""
    from ihacpa_core.cli.main import commands

    plugins = PluginTable()
    extensions = typed_extensions(argv, plugins)
    added = {command.name: command.summary for command in added_commands(plugins, commands())}
    sys.stdout.write(run_parser(extensions, added).format_help())
    for error in extensions.failures:
        sys.stderr.write(f"ihacpa: note: {error}\n")
    return ExitCode.OK


def add_plugin_options(parser: CommandParser, extensions: Extensions) -> None:
    """Add a group of flags for each plugin.

    :raises PluginError: a flag is one of ihacpa's own.
    """
    groups = {name: parser.add_argument_group(f"plugin: {name}") for name in extensions.tables}
    for option in extensions.options:
        if parser.knows(option.flag):
            entry = extensions.owners[option.table]
            why = f"{option.flag} is an option of ihacpa itself"
            raise BrokenPlugin(entry, "declares an option of others", why=why, hint="give it another name")
        groups[option.table].add_argument(option.flag, dest=_dest(option), help=_help(option), **_shape(option))


def plugin_flags(args: Namespace, options: Sequence[PluginOption]) -> dict[str, tuple[Any, str]]:
    """The values of plugins' options that were typed: dotted key to (value, flag)."""
    typed = {f"{option.table}.{option.key}": (getattr(args, _dest(option)), option.flag) for option in options}
    return {key: (value, flag) for key, (value, flag) in typed.items() if value is not None}


def added_commands(plugins: PluginTable, taken: Mapping[str, str]) -> list[PluginCommand]:
    """The commands that the loaded hook plugins add.

    :param taken: the names of the commands that are there without them.
    :raises PluginError: a plugin failed to add its own, or adds one that is there already.
    """
    from ihacpa_core.plugins.dispatch import Dispatcher

    made: list[tuple[Entry, Commands]] = []

    def commands_for(entry: Entry) -> Commands:
        made.append((entry, Commands()))
        return made[-1][1]

    Dispatcher(plugins).add_commands(commands_for)
    owners = dict.fromkeys(taken, "ihacpa itself")
    for entry, commands in made:
        for command in commands.commands:
            if command.name in owners:
                why = f"'ihacpa {command.name}' is a command of {owners[command.name]}"
                raise BrokenPlugin(entry, "adds a command that is there already", why=why, hint="give it another name")
            owners[command.name] = entry.label
    return [command for _, commands in made for command in commands.commands]


def _dest(option: PluginOption) -> str:
    return f"plugin_option_{option.table}_{option.key}"


def _help(option: PluginOption) -> str:
    default = "" if option.default is None or option.secret else f"; default: {option.default}"
    secret = " (env:NAME or file:PATH)" if option.secret else ""
    return f"{option.help}{secret}{default}".replace("%", "%%")


def _shape(option: PluginOption) -> dict[str, Any]:
    """How argparse takes the values; what they have to be is checked with the other settings, all in one pass."""
    bare, _ = stripped(option.type)
    if bare is bool:
        return {"action": BooleanOptionalAction, "default": None}
    metavar = "|".join(map(str, option.choices)) or option.key.upper()
    if (get_origin(bare) or bare) in _LISTS:
        return {"action": "append", "metavar": metavar}
    return {"metavar": metavar}
