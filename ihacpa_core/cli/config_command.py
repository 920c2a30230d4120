"""``ihacpa config show|check``: what the settings are, and where each value comes from."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.config.show import render, render_toml
from ihacpa_core.errors import ExitCode
from ihacpa_core.plugins.table import PluginTable


def main(argv: Sequence[str]) -> int:
    """Show or check the settings; returns the exit code."""
    args = _parser().parse_args(list(argv))
    settings = _load(args)
    if args.action == "check":
        sys.stdout.write(f"{settings.file or 'the defaults'}: no mistake\n")
    elif args.json:
        rows = [{"key": key, "value": value, "origin": str(origin)} for key, value, origin in render(settings)]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(render_toml(settings))
    return ExitCode.OK


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa config",
        description="Show every setting with where it comes from, or check them all.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=("show", "check"), help="show: as TOML, with origins; check: list mistakes")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_settings_options(parser.add_argument_group("settings"))
    return parser


def _load(args: Namespace) -> Settings:
    return load_settings(
        Path(args.directory).resolve() if args.directory else Path.cwd(),
        Path(args.config) if args.config else None,
        dict(os.environ),
        {},
        tuple(args.override),
        PluginTable(),
    )
