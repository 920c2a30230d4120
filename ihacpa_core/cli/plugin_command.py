"""Commands that plugins bring along: parsed here, answered there."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ihacpa_core.cli.main import commands, unknown_command
from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.cli.plugin_options import added_commands, settings_typed, typed_extensions
from ihacpa_core.config.check import load_settings
from ihacpa_core.config.given import given_to
from ihacpa_core.config.settings import Settings
from ihacpa_core.engine.command_parts import CommandParts
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.parser import PluginCommand
from ihacpa_core.plugins.builtins import BuiltinCommand
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.plugins.trace import open_trace


def run_plugin_command(command: BuiltinCommand, argv: Sequence[str]) -> int:
    """Run the command of a built-in plugin; returns the exit code.

    The module has `add_arguments(parser)` and `run(args, parts)`, where `parts` is a `CommandParts`.
    """
    module: Any = import_module(command.module)
    # Taken out first, so that they may stand before and after the words of the command.
    settled, rest = settings_typed(argv)
    parser = _parser(command.name, command.summary, module.add_arguments)
    args = parser.parse_args(_with_output(parser, settled, rest))
    code: int = module.run(args, _parts(settled))
    return code


def run_added_command(word: str, argv: Sequence[str]) -> int:
    """Run the command `word` of a hook plugin that the settings or `argv` switch on; returns the exit code.

    :raises UsageError: there is none of that name.
    """
    settled, rest = settings_typed(argv)
    plugins = PluginTable(trace=open_trace(settled.trace_hooks, Path.cwd()))
    extensions = typed_extensions(argv, plugins)
    found = {command.name: command for command in added_commands(plugins, commands())}
    if word not in found:
        if extensions.failures:  # it may well be a command of the plugin that is not there
            raise extensions.failures[0]
        raise unknown_command(word, found)
    command = found[word]
    args = _parser(word, command.summary, command.add_arguments).parse_args(rest)
    return _configured(command, args, settled, plugins)


def _with_output(parser: CommandParser, settled: Namespace, rest: list[str]) -> list[str]:
    """What the command itself is given. Where it has ``--output``, ``-o FILE`` is that: a setting has a ``=``."""
    files = [word for word in settled.override if "=" not in word] if parser.knows("--output") else []
    settled.override = [word for word in settled.override if word not in files]
    return [*rest, *(word for file in files for word in ("--output", file))]


def _configured(command: PluginCommand, args: Namespace, settled: Namespace, plugins: PluginTable) -> int:
    """Run a command between the plugins' `ihacpa_configure` and `ihacpa_unconfigure`."""
    settings, hooks = _settings(settled, plugins), Dispatcher(plugins)
    try:
        hooks.configure(lambda entry: given_to(settings, entry.plugin_id, os.environ))
        return int(command.run(args, _parts(settled)) or 0)
    finally:
        for failure in hooks.unconfigure():
            print(f"ihacpa: warning: {failure}", file=sys.stderr)


def _parser(name: str, summary: str, add_arguments: Callable[[ArgumentParser], None] | None) -> CommandParser:
    common = CommandParser(add_help=False, allow_abbrev=False)
    add_settings_options(common.add_argument_group("settings"))
    parser = CommandParser(
        prog=f"ihacpa {name}",
        description=f"{summary[:1].upper()}{summary[1:]}.",
        epilog=common.format_help().partition("\n\n")[2],
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    if add_arguments is not None:
        add_arguments(parser)
    return parser


def _parts(settled: Namespace) -> CommandParts:
    return CommandParts(
        RunRequest(
            cwd=_folder(settled),
            config=Path(settled.config) if settled.config else None,
            env=dict(os.environ),
            overrides=tuple(settled.override),
            plugins=tuple(settled.plugins),
            trace_hooks=Path(settled.trace_hooks) if settled.trace_hooks else None,
        )
    )


def _settings(settled: Namespace, plugins: PluginTable) -> Settings:
    return load_settings(
        _folder(settled),
        Path(settled.config) if settled.config else None,
        dict(os.environ),
        {},
        tuple(settled.override),
        plugins,
        switches=tuple(settled.plugins),
    )


def _folder(settled: Namespace) -> Path:
    return Path(settled.directory).resolve() if settled.directory else Path.cwd()
