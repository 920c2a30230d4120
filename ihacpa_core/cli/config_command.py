"""``ihacpa config``: what the settings are, where each value comes from, whether they are right; and changing one."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.config.check import load_settings
from ihacpa_core.config.settings import Settings
from ihacpa_core.errors import ConfigError, ExitCode, UsageError
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.plugins.trace import open_trace

ACTIONS = {
    "show": "every value, with where it comes from",
    "check": "list every mistake",
    "schema": "a JSON Schema of the settings file, for editors",
    "set": "change one value in the settings file",
    "path": "where the settings file is",
}


def main(argv: Sequence[str]) -> int:
    """Carry out one of the actions; returns the exit code."""
    args = _parser().parse_args(list(argv))
    answer: Callable[[Namespace], int] = _ANSWERS[args.action]
    return answer(args)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa config",
        description="Show, check or change the settings.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=CommandParser)
    made = {name: _action(actions, name, summary) for name, summary in ACTIONS.items()}
    made["show"].add_argument("--json", action="store_true", help="as JSON")
    made["check"].add_argument("--all", action="store_true", help="also import and check what nothing selects")
    made["check"].add_argument("--json", action="store_true", help="the mistakes as JSON on standard output")
    made["set"].add_argument("key", metavar="KEY", help="as after -o: save_every, strategy.size.batch_size")
    made["set"].add_argument("value", metavar="VALUE", help="as after -o: a word, or TOML")
    return parser


def _action(actions: Any, name: str, summary: str) -> CommandParser:
    parser: CommandParser = actions.add_parser(
        name,
        help=summary,
        description=f"{summary[:1].upper()}{summary[1:]}.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    add_settings_options(parser.add_argument_group("settings"))
    return parser


def _show(args: Namespace) -> int:
    from ihacpa_core.config.show import render, render_toml

    settings = _load(args)
    if args.json:
        rows = [{"key": key, "value": value, "origin": str(origin)} for key, value, origin in render(settings)]
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False, default=str) + "\n")
    else:
        sys.stdout.write(render_toml(settings))
    return ExitCode.OK


def _check(args: Namespace) -> int:
    try:
        settings = _load(args, everything=args.all)
    except ConfigError as error:
        if not args.json:
            raise
        told = [{"where": m.where, "key": m.key, "problem": m.problem, "hint": m.hint} for m in error.mistakes]
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return error.exit_code
    looked = "; every installed offer was imported and checked" if args.all else ""
    sys.stdout.write("[]\n" if args.json else f"{settings.file or 'the defaults'}: no mistake{looked}\n")
    return ExitCode.OK


def _schema(args: Namespace) -> int:
    from ihacpa_core.config.catalogue import catalogue
    from ihacpa_core.config.extensions import active_extensions
    from ihacpa_core.config.schema import settings_schema

    plugins, env = _plugins(args), dict(os.environ)
    extensions = active_extensions(_folder(args), _config(args), env, args.override, args.plugins, plugins)
    found = catalogue(plugins, extensions.tables)
    schema = settings_schema(found, plugins.words)
    for note in found.left_out:
        sys.stderr.write(f"ihacpa: note: {note}\n")
    sys.stdout.write(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    return ExitCode.OK


def _set(args: Namespace) -> int:
    from ihacpa_core.config.edit import write_settings_file
    from ihacpa_core.config.setting import plan_change
    from ihacpa_core.config.show import literal
    from ihacpa_core.fileops import FileOps

    if args.override or args.plugins:
        raise UsageError("-o and -p change no file", hint=f"ihacpa config set {args.key} VALUE is all that it takes")
    change = plan_change(_folder(args), _config(args), args.key, args.value)
    write_settings_file(change.path, change.text, FileOps())
    sys.stdout.write(f"{change.path}:{change.line}: {change.key} = {literal(change.value)}\n")
    return ExitCode.OK


def _path(args: Namespace) -> int:
    path = _file(args).path
    if path is None:
        raise UsageError("there is no settings file here or above", hint="ihacpa init writes one")
    sys.stdout.write(f"{path}\n")
    return ExitCode.OK


_ANSWERS: dict[str, Callable[[Namespace], int]] = {
    "show": _show,
    "check": _check,
    "schema": _schema,
    "set": _set,
    "path": _path,
}


def _load(args: Namespace, *, everything: bool = False) -> Settings:
    return load_settings(
        _folder(args),
        Path(args.config) if args.config else None,
        dict(os.environ),
        {},
        tuple(args.override),
        _plugins(args),
        switches=tuple(args.plugins),
        everything=everything,
    )


def _plugins(args: Namespace) -> PluginTable:
    return PluginTable(trace=open_trace(args.trace_hooks, Path.cwd()))


def _file(args: Namespace) -> Any:
    from ihacpa_core.config.layers import read_file
    from ihacpa_core.config.mistakes import Mistakes

    return read_file(_folder(args), _config(args), "--config", Mistakes())


def _folder(args: Namespace) -> Path:
    return Path(args.directory).resolve() if args.directory else Path.cwd()


def _config(args: Namespace) -> Path | None:
    """The file that ``--config`` or the environment names."""
    named = args.config or os.environ.get("IHACPA_CONFIG")
    return Path(named) if named else None
