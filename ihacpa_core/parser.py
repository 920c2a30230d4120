"""How a plugin declares options of its own: one declaration, from which every place where an option shows is fed.

A plugin never sees `argparse`: what it declares is text and types, so that the command line may be made otherwise one
day without a change in any plugin.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FLAG = re.compile(r"--[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_TOML = re.compile(r"(?P<table>[a-z][a-z0-9-]*)\.(?P<key>[a-z][a-z0-9_]*)")
_WORD = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginOption:
    """One option of a plugin, as it was declared.

    :param flag: ``--notify-url``.
    :param table: the top-level table of the settings that it stands in; `key` is its key there.
    :param type: the type of its value: anything that an option of an offer may be.
    """

    flag: str
    table: str
    key: str
    help: str
    type: Any = str
    choices: tuple[Any, ...] = ()
    default: Any = None
    secret: bool = False


class Parser:
    """What `ihacpa_addoption` declares options on."""

    def __init__(self) -> None:
        self._options: list[PluginOption] = []

    @property
    def options(self) -> tuple[PluginOption, ...]:
        """What was declared so far."""
        return tuple(self._options)

    def addoption(
        self,
        name: str,
        *,
        help: str,  # noqa: A002  the word that everybody knows it by
        type: Any = str,  # noqa: A002
        choices: Sequence[Any] = (),
        default: Any = None,
        toml: str = "",
        secret: bool = False,
    ) -> None:
        """Declare an option.

        It becomes a flag of ``ihacpa run``, a key of the settings file, an environment variable
        (``IHACPA_NOTIFY__URL``), and a line of ``ihacpa config show``, ``config schema`` and ``--help-all``.

        :param name: the flag: ``--notify-url``.
        :param help: what it does, half a sentence.
        :param type: str, int, float, bool, ``tuple[str, ...]``, `Duration`, `Size`, or one of them with `msgspec.Meta`.
        :param choices: the values that there are, if they can be counted.
        :param default: its value when nobody gives one.
        :param toml: ``TABLE.KEY`` in the settings; by default the flag's own words: ``notify.url``. The table bears the
            plugin's name.
        :param secret: never shown and never taken from a flag in the clear: there it is ``env:NAME`` or ``file:PATH``.
        :raises ValueError: the name or the key has another form, or was declared before.
        """
        if not _FLAG.fullmatch(name):
            raise ValueError(f"an option is called --like-this, found {name!r}")
        place = _TOML.fullmatch(toml or _place_of(name))
        if place is None:
            raise ValueError(f"the place of {name} in the settings is written toml='table.key', found {toml!r}")
        option = PluginOption(
            flag=name,
            table=place["table"],
            key=place["key"],
            help=help,
            type=type,
            choices=tuple(choices),
            default=default,
            secret=secret,
        )
        if any(option.flag == other.flag or _place(option) == _place(other) for other in self._options):
            raise ValueError(f"{name} ({place[0]}) is declared twice")
        self._options.append(option)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCommand:
    """A command that a plugin adds, in the shape that built-in ones have.

    :param add_arguments: declares the command's own arguments.
    :param run: carries it out: ``run(args, parts) -> exit code``, where ``parts(role, name)`` gives the validated
        options of an offer and the folder that relative paths in them start from. `parts` is a `CommandParts`, which
        also knows past runs and the workbook's cells.
    """

    name: str
    summary: str
    run: Callable[[Namespace, Callable[[str, str], tuple[Any, Path]]], int]
    add_arguments: Callable[[ArgumentParser], None] | None = None


class Commands:
    """What `ihacpa_addcommand` adds commands to."""

    def __init__(self) -> None:
        self._commands: list[PluginCommand] = []

    @property
    def commands(self) -> tuple[PluginCommand, ...]:
        """What was added so far."""
        return tuple(self._commands)

    def addcommand(
        self,
        name: str,
        *,
        summary: str,
        run: Callable[[Namespace, Callable[[str, str], tuple[Any, Path]]], int],
        add_arguments: Callable[[ArgumentParser], None] | None = None,
    ) -> None:
        """Add the command ``ihacpa NAME``; the parameters are those of `PluginCommand`.

        :raises ValueError: the name has another form than ``lower-case-words``, or was added before.
        """
        if not _WORD.fullmatch(name):
            raise ValueError(f"a command is called like-this, found {name!r}")
        if any(name == other.name for other in self._commands):
            raise ValueError(f"the command {name} is added twice")
        self._commands.append(PluginCommand(name=name, summary=summary, run=run, add_arguments=add_arguments))


def _place_of(flag: str) -> str:
    table, _, key = flag.removeprefix("--").partition("-")
    return f"{table}.{key.replace('-', '_')}"


def _place(option: PluginOption) -> tuple[str, str]:
    return option.table, option.key
