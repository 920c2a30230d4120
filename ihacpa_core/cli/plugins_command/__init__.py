"""``ihacpa plugins``: what can be selected, what is, and why something is not; and a new plugin to begin with.

A list reads metadata alone. Only ``info``, ``--hook`` and ``--check`` import plugins, each in a guard: the command
works whatever is installed.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from ihacpa_core.cli.options import CommandParser, add_settings_options, formatter
from ihacpa_core.cli.plugins_command import details, listing
from ihacpa_core.cli.plugins_command.chosen import read_choices
from ihacpa_core.cli.plugins_command.survey import HOOKS, State, Survey, load, survey
from ihacpa_core.errors import ExitCode, PluginError, UsageError
from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.plugins.names import did_you_mean
from ihacpa_core.plugins.rules import PREFIX, hook_arguments
from ihacpa_core.plugins.switches import meant_by, unknown
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.plugins.trace import open_trace

EXAMPLES = """\
examples:
  ihacpa plugins                                  what there is, what is selected, and by what
  ihacpa plugins info memory                      options, defaults, module, hooks
  ihacpa plugins --hook process_record            who is called, in which order
  ihacpa plugins new my-store --role checkpoint   a distribution to begin with
"""


def main(argv: Sequence[str]) -> int:
    """Carry out one of the actions; returns the exit code."""
    args = _parser().parse_intermixed_args(list(argv))
    answer: Callable[[Namespace], int] = _ANSWERS[args.action]
    return _order(args) if args.hook else answer(args)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="ihacpa plugins",
        usage="ihacpa plugins [list | info NAME | new NAME --role ROLE] [options]",
        description="List what can be selected, tell about one plugin, or write a new one.",
        epilog=EXAMPLES,
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("action", nargs="?", choices=tuple(_ANSWERS), default="list", help="default: list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="an entry point, ROLE:NAME, or a distribution")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--check", action="store_true", help="list: import each plugin, too; exit code 2 if one fails")
    parser.add_argument("--hook", metavar="HOOK", help="the plugins that implement a hook, in the order of their calls")
    parser.add_argument("--role", choices=(*ROLES, HOOKS), help="new: what the plugin is to be")
    parser.add_argument("--output", metavar="DIR", help="new: where its folder is made; default: here")
    add_settings_options(parser.add_argument_group("settings"))
    return parser


def _list(args: Namespace) -> int:
    if args.name:
        raise UsageError(f"list takes no name, found '{args.name}'", hint=f"ihacpa plugins info {args.name}")
    plugins, found = _survey(args)
    if args.check:
        found = found.checked(plugins)
    sys.stdout.write(listing.as_json(found) if args.json else listing.as_text(found))
    if args.json:
        sys.stderr.write("".join(f"ihacpa: {text}\n" for text in found.missing))
    broken = args.check and any(row.state is State.BROKEN for row in found.rows)
    return ExitCode.USAGE if broken else ExitCode.OK


def _info(args: Namespace) -> int:
    if not args.name:
        raise UsageError("info tells about one plugin", hint="ihacpa plugins info NAME; ihacpa plugins lists the names")
    plugins, found = _survey(args)
    entries = [row.entry for row in found.rows]
    meant = meant_by(entries, args.name)
    if not meant:
        words = [word for entry in entries for word in (*entry.words, entry.distribution)]
        raise unknown("plugin", args.name, words, ", ".join(dict.fromkeys(entry.name for entry in entries)))
    told = [details.describe(row, plugins) for row in found.rows if row.entry in meant]
    sys.stdout.write(details.as_json(told) if args.json else details.as_text(told))
    return ExitCode.OK


def _new(args: Namespace) -> int:
    from ihacpa_core.cli.plugins_command.new import write_plugin

    if not args.name or not args.role:
        raise UsageError(
            "new writes a plugin of a name and a role",
            hint=f"ihacpa plugins new my-plugin --role ROLE; ROLE is one of {', '.join((*ROLES, HOOKS))}",
        )
    written = write_plugin(args.name, args.role, _folder(args) / (args.output or "."))
    sys.stdout.write(written.next_steps())
    return ExitCode.OK


def _order(args: Namespace) -> int:
    """Load what a run would load, and say who implements a hook."""
    hook = args.hook if args.hook.startswith(PREFIX) else f"{PREFIX}{args.hook}"
    if hook not in hook_arguments():
        guess = did_you_mean(hook, hook_arguments())
        hint = f"{guess} hooks: {', '.join(hook_arguments())}".strip()
        raise UsageError(f"there is no hook '{args.hook}'", hint=hint)
    plugins, found = _survey(args)
    failures = []
    for entry in found.active():
        try:
            load(plugins, entry)
        except PluginError as error:
            failures.append(f"left out: {error}")
    order = [plugins.entry_of(plugin_id) for plugin_id in Dispatcher(plugins).order(hook)]
    if args.json:
        sys.stdout.write(listing.order_as_json(hook, order, failures))
    else:
        lines = [f"{hook}(), called in this order; of a step, the first is the outermost:"] if order else []
        lines += [f"  {number}. {entry.plugin_id}  {entry.owner}" for number, entry in enumerate(order, start=1)]
        sys.stdout.write("\n".join(lines or [f"{hook}(): no active plugin implements it"]) + "\n")
        sys.stderr.write("".join(f"ihacpa: {text}\n" for text in failures))
    return ExitCode.OK


def _survey(args: Namespace) -> tuple[PluginTable, Survey]:
    plugins = PluginTable(trace=open_trace(args.trace_hooks, Path.cwd()))
    chosen = read_choices(
        _folder(args),
        Path(args.config) if args.config else None,
        os.environ,
        tuple(args.override),
        tuple(args.plugins),
        plugins,
        auto_progress=("rich" if sys.stderr.isatty() else "plain",),
    )
    if chosen.mistaken:
        sys.stderr.write("ihacpa: the settings hold mistakes, this is what can be read; see: ihacpa config check\n")
    return plugins, survey(plugins, chosen)


def _folder(args: Namespace) -> Path:
    return Path(args.directory).resolve() if args.directory else Path.cwd()


_ANSWERS: dict[str, Callable[[Namespace], int]] = {"list": _list, "info": _info, "new": _new}
