"""Commands that plugins bring along: parsed here, answered there."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.plugins.builtins import BuiltinCommand
from ihacpa_core.plugins.table import PluginTable


def run_plugin_command(command: BuiltinCommand, argv: Sequence[str]) -> int:
    """Run a plugin's command; returns the exit code.

    The module has `add_arguments(parser)` and `run(args, parts)`, where ``parts(role, name)`` gives an offer's options
    as the settings have them, and the folder that relative paths in them start from.
    """
    module: Any = import_module(command.module)
    # Taken out first, so that they may stand before and after the words of the command.
    common = CommandParser(add_help=False, allow_abbrev=False)
    add_settings_options(common.add_argument_group("settings"))
    settled, rest = common.parse_known_args(list(argv))
    parser = CommandParser(
        prog=f"ihacpa {command.name}",
        description=f"{command.summary[:1].upper()}{command.summary[1:]}.",
        epilog=common.format_help().partition("\n\n")[2],
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    args = parser.parse_args(rest)

    def parts(role: str, name: str) -> tuple[Any, Path]:
        settings = _settings(settled, role, name)
        return settings.options(role, name), settings.config_dir

    code: int = module.run(args, parts)
    return code


def _settings(settled: Namespace, role: str, name: str) -> Settings:
    return load_settings(
        Path(settled.directory).resolve() if settled.directory else Path.cwd(),
        Path(settled.config) if settled.config else None,
        dict(os.environ),
        {},
        tuple(settled.override),
        PluginTable(),
        also=[(role, name)],
    )
