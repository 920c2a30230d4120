"""Makes the reference from the code: `python docs/generate.py`.

Everything stands in the code once: descriptions, defaults and limits of settings in their declarations, options in the
parsers, codes in `ExitCode`. A test holds that the committed files are what this makes.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from ihacpa_plugins.processor.package_review.columns import FIELDS

from ihacpa_core import hookspecs
from ihacpa_core.cli.main import OWN_COMMANDS, main
from ihacpa_core.config.convert import fields_of
from ihacpa_core.config.describe import expected, stripped
from ihacpa_core.config.model import TABLES
from ihacpa_core.config.show import literal
from ihacpa_core.errors import ExitCode
from ihacpa_core.plugins.builtins import BUILTINS, COMMANDS, ROLES, Builtin
from ihacpa_core.plugins.dispatch import EVENT_HOOKS
from ihacpa_core.plugins.table import PluginTable

DOCS = Path(__file__).resolve().parent
_MADE = "<!-- Made by docs/generate.py from the code. Change the code, then run it again. -->\n"

EXIT_CODES = {
    ExitCode.OK: ("complete", "nothing"),
    ExitCode.FAIL_ON: ("complete, and something at least as serious as `--fail-on` says was found", "read the result"),
    ExitCode.USAGE: ("the command line, the settings or a plugin is wrong; nothing was written", "do what it says"),
    ExitCode.INCOMPLETE: (
        "complete, but some records failed or could not be checked; beats 1",
        "the same command with `--only-failed`",
    ),
    ExitCode.WORKBOOK: (
        "the workbook or the journal cannot be read or written",
        "remove the cause, then the same command: what is in the journal is not done again",
    ),
    ExitCode.NOTHING_TO_DO: ("nothing to do: no rows matched", "look at the selection, or at `[sheet]`"),
    ExitCode.LOCKED: ("another run is working on this workbook", "`--wait SECONDS`, or later"),
    ExitCode.DECISION_NEEDED: ("a decision is needed that only a person can make; nothing was written", "as it says"),
    ExitCode.INTERNAL: ("a defect of ihacpa or of a plugin", "report it, with what `--traceback` shows"),
    ExitCode.INTERRUPTED: ("interrupted by Ctrl-C; can be resumed", "the same command"),
    ExitCode.TERMINATED: ("interrupted by SIGTERM; can be resumed", "the same command"),
}
"""Exit code: what it means, and what to do."""


def pages() -> dict[str, str]:
    """The text of every generated page, by its path in this folder."""
    made = {
        "reference/settings.md": _settings(),
        "reference/command-line.md": _command_line(),
        "reference/run-json.md": _run_json(),
        "plugins/hooks.md": _hooks(),
    }
    return {name: "\n".join(lines) + "\n" for name, lines in made.items()}


def exit_code_table() -> list[str]:
    """A row for every exit code."""
    rows = [(str(int(code)), *EXIT_CODES[code]) for code in ExitCode]
    return _table(("code", "meaning", "what to do"), rows)


# --- settings ---------------------------------------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    yield from (_MADE, "# Settings", "")
    yield "Every table and every key, with its default. How they are given is in"
    yield "[the administrator's guide](../administrator.md#settings). `ihacpa config show` prints what holds, and where"
    yield "each value comes from."
    for name, options in TABLES.items():
        yield from ("", f"## `[{name}]`", "", *_options_table(options))
    plugins = PluginTable()
    for role in ROLES:
        yield from _role(role, plugins)


def _role(role: str, plugins: PluginTable) -> Iterator[str]:
    offers = [builtin for builtin in BUILTINS if builtin.role == role]
    rows = [(_code(_word(offer)), _aliases(offer), offer.summary) for offer in offers]
    selected = "`[processor.package-review] sources`" if role == "source" else f"`[ihacpa] {role}`"
    yield from ("", f"## {role}", "", f"Selected by {selected}.", "")
    yield from _table(("word", "alias", "what it is"), rows)
    for offer in offers:
        options = plugins.find(role, _word(offer)).offer.options
        if options is not None:
            yield from ("", f"### `[{role}.{offer.name}]`", "", *_options_table(options))
        if offer.name == "package-review":
            yield from _fields()


def _word(offer: Builtin) -> str:
    return f"{offer.name}:MODULE_OR_FILE:FUNCTION" if offer.takes_argument else offer.name


def _aliases(offer: Builtin) -> str:
    return ", ".join(map(_code, offer.aliases))


def _options_table(options: type) -> list[str]:
    made = options()
    rows = [
        (_code(field.key), _default(getattr(made, field.name)), _expected(field.type), _description(field.type))
        for field in fields_of(options)
    ]
    return _table(("key", "default", "expected", "meaning"), rows)


def _default(value: Any) -> str:
    return "not set" if value is None else _code(literal(msgspec.to_builtins(value)))


def _expected(annotation: Any) -> str:
    return re.sub(r"(?<=that matches )\S+", lambda found: _code(found[0]), expected(annotation))


def _description(annotation: Any) -> str:
    return next((meta.description for meta in reversed(stripped(annotation)[1]) if meta.description), "")


def _fields() -> Iterator[str]:
    yield from ("", "### `[processor.package-review.columns]`", "")
    yield "A field is found by the text of its header first, by its letter second. Here it can be moved"
    yield '(`notes = "AB"`, `version = "Release in use"`), or left out (`nvd = ""`).'
    yield ""
    rows = [
        (
            _code(field.name),
            field.letter,
            ", ".join(field.spellings[:4]) + (", ..." if len(field.spellings) > 4 else ""),
            "written" if field.written else "never written",
        )
        for field in FIELDS
    ]
    yield from _table(("field", "letter", "headers that mean it", "by the review"), rows)


# --- run.json ---------------------------------------------------------------------------------------------------------


def _run_json() -> Iterator[str]:
    schema = json.loads((files("ihacpa_core.engine") / "run.schema.json").read_text(encoding="utf-8"))
    yield from (_MADE, "# run.json", "", schema["description"], "")
    yield "The JSON Schema is `ihacpa_core/engine/run.schema.json` in the installed package."
    yield from ("", *_schema_table(schema))
    for name, kind in schema["$defs"].items():
        yield from ("", f"## {name}", "", *_schema_table(kind))


def _schema_table(schema: dict[str, Any]) -> list[str]:
    rows = [(_code(key), _schema_type(value), value["description"]) for key, value in schema["properties"].items()]
    return _table(("key", "type", "meaning"), rows)


def _schema_type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "enum" in schema:
        return ", ".join(_code(str(value)) for value in schema["enum"])
    inner = schema.get("items") or schema.get("additionalProperties")
    return f"{schema['type']} of {_schema_type(inner)}" if inner else str(schema["type"])


# --- command line -----------------------------------------------------------------------------------------------------


class _CaughtParserError(BaseException):
    """Carries the parser whose help was asked for out of the command line, past every handler there."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def _parser_of(*words: str) -> argparse.ArgumentParser:
    """The parser that ``ihacpa WORDS --help`` would print: its text differs between versions of Python."""

    def catch(parser: argparse.ArgumentParser, *_: Any) -> None:
        raise _CaughtParserError(parser)

    with patch.object(argparse.ArgumentParser, "print_help", catch):
        try:
            main([*words, "--help"])
        except _CaughtParserError as caught:
            return caught.parser
    raise AssertionError(f"ihacpa {' '.join(words)} --help shows no help")


def _command_line() -> Iterator[str]:
    run = _parser_of()
    yield from (_MADE, "# Command line", "", "`ihacpa COMMAND --help` says the same.", "")
    summaries = OWN_COMMANDS | {command.name: command.summary for command in COMMANDS}
    yield from _table(("command", "what it does"), [(_code(name), text) for name, text in summaries.items()])
    yield from ("", "## `ihacpa [run] [WORKBOOK] [options]`", "", f"{run.description}", "")
    yield from _groups(run)
    for name in summaries:
        if name != "run":
            yield from _command(name)
    yield from ("", "## Exit codes", "", *exit_code_table())


def _command(*words: str) -> Iterator[str]:
    parser = _parser_of(*words)
    actions = _subparsers(parser)
    yield from ("", f"{'#' * (len(words) + 1)} `{' '.join(['ihacpa', *words, *_usage(parser)])}`", "")
    if parser.description:
        yield from (parser.description, "")
    if actions:
        yield from _table(("action", "what it does"), [(_code(name), text) for name, text in actions.items()])
    yield from _groups(parser)
    if "--config" in (parser.epilog or ""):
        yield from ("", "`--config`, `-C` and `-o` are taken as well, before and after the action.")
    for name in actions:
        yield from _command(*words, name)


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in _actions(parser):
        if not action.option_strings:
            yield f"[{_positional(action)}]" if action.nargs in ("?", "*") else _positional(action)
    if not _subparsers(parser):
        yield "[options]"


def _groups(parser: argparse.ArgumentParser) -> list[str]:
    rows = []
    for group in parser._action_groups:
        title = "" if group.title in ("options", "positional arguments") else str(group.title)
        rows += [(_invocation(action), title, _help(action)) for action in group._group_actions if _is_shown(action)]
    if not any(title for _, title, _ in rows):
        return _table(("option", "meaning"), [(option, text) for option, _, text in rows]) if rows else []
    return _table(("option", "about", "meaning"), rows)


def _is_shown(action: argparse.Action) -> bool:
    # A list of the sub-commands stands apart; that -h shows help needs no row a command.
    return action.dest != "help" and not isinstance(action, argparse._SubParsersAction)


def _actions(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    return [action for action in parser._actions if action.dest != "help"]


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, str]:
    return {
        choice.dest: choice.help or ""
        for action in _actions(parser)
        if isinstance(action, argparse._SubParsersAction)
        for choice in action._choices_actions
    }


def _invocation(action: argparse.Action) -> str:
    if not action.option_strings:
        return _code(_positional(action))
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(_code(f"{name}{value}") for name in action.option_strings)


def _positional(action: argparse.Action) -> str:
    return _value(action) + (" ..." if action.nargs == "*" else "")


def _value(action: argparse.Action) -> str:
    name = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    return f"{name} ..." if action.nargs == "+" else str(name)


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


# --- hooks ------------------------------------------------------------------------------------------------------------

_HOOKS = """\
# The hooks

A plugin is a module, or an object, with functions of these names and `@hookimpl` above them. A function asks for the
arguments that it wants, by name and without a default; it may leave out those that it does not need. Every example
below is a whole plugin. One that offers nothing can be tried as a file, `-p ./FILE.py`; one that offers something is
selected by the word that [its distribution announces](README.md#offers-and-options).

Hooks are called in the main thread, in the order of the ids of their plugins, which is the same on every machine:
`ihacpa plugins --hook NAME` prints it. `--trace-hooks FILE` notes each call, with its plugin, its time and what it
raised."""

_FAMILIES = {
    "offers": "What can be selected by a word. Only plugins that the settings select are asked.",
    "steps": (
        "What surrounds the core's own steps. A hook returns a function that gets `call_next` and calls it: not at\n"
        "all, once, or several times."
    ),
    "events": (
        "What became true, each with one frozen object. Observers are kept apart: one that raises is counted and\n"
        "shown, and the next one still hears of it."
    ),
    "start-up": "What shapes the command line, and the beginning and the end of a run.",
}
"""What stands under each banner of hookspecs.py."""

_EVENTS = {hook: event for event, hook in EVENT_HOOKS.items()}


def _hooks() -> Iterator[str]:
    yield from (_MADE, _HOOKS)
    for title, functions in _families():
        yield from ("", f"## {title.capitalize()}", "", _FAMILIES[title])
        for function in functions:
            yield from _hook(function)


def _families() -> Iterator[tuple[str, list[Callable[..., Any]]]]:
    """The hooks in their order, under the banners between which they stand."""
    source = inspect.getsource(hookspecs)
    parts = re.split(r"^# --- (\S+) -+$", source, flags=re.M)[1:]
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        yield title, [getattr(hookspecs, name) for name in re.findall(r"^def (ihacpa_\w+)", text, re.M)]


def _hook(function: Callable[..., Any]) -> Iterator[str]:
    text, _, example = (inspect.getdoc(function) or "").replace("``", "`").partition("*Example*::\n")
    summary, _, said = text.partition("\n\n")
    yield from ("", f"### `{_signature(function)}`", "", summary, "")
    for item in re.split(r"^(?=\*)", said.strip(), flags=re.M)[1:]:
        yield f"- {textwrap.indent(item.strip(), '  ').strip()}"
    if event := _EVENTS.get(function.__name__):
        yield f"- *The event* has {', '.join(f'`{field.name}: {field.type}`' for field in fields(event))}."
    yield from ("", "```python", textwrap.dedent(example).strip(), "```")


def _signature(function: Callable[..., Any]) -> str:
    # Annotations are texts there, and `inspect` would show them with quotes.
    signature = inspect.signature(function)
    arguments = (f"{argument.name}: {argument.annotation}" for argument in signature.parameters.values())
    return f"{function.__name__}({', '.join(arguments)}) -> {signature.return_annotation}"


# --- Markdown ---------------------------------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str) -> str:
    return f"`{re.sub(r'`', '', text)}`"


def write() -> None:
    """Write every page."""
    for name, text in pages().items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{DOCS / name}\n")


if __name__ == "__main__":
    write()
