"""The command line's front door: which command is meant, and what its errors look like."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from ihacpa_core.errors import ExitCode, IhacpaError, UsageError
from ihacpa_core.plugins.builtins import COMMANDS as PLUGIN_COMMANDS

OWN_COMMANDS = {
    "run": "work on the workbook; the word may be left out",
    "config": "show and check the settings",
    "plugins": "list what can be selected",
}


def main(argv: Sequence[str]) -> int:
    """Run the command that `argv` names; returns the exit code."""
    traceback = "--traceback" in argv
    words = [word for word in argv if word != "--traceback"]
    try:
        return _run(words)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; type the same command again to go on\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except IhacpaError as error:
        if traceback:
            raise
        _show(error)
        return error.exit_code
    except Exception as error:  # the last resort: a person sees what happened and how to see more, not a traceback
        if traceback:
            raise
        _show(_internal(error))
        return ExitCode.INTERNAL


def commands() -> dict[str, str]:
    """Every command and its line of help."""
    return OWN_COMMANDS | {command.name: command.summary for command in PLUGIN_COMMANDS}


def _run(argv: Sequence[str]) -> int:
    name, rest = _split(argv)
    command = next((command for command in PLUGIN_COMMANDS if command.name == name), None)
    if command is not None:
        from ihacpa_core.cli.plugin_command import run_plugin_command

        return run_plugin_command(command, rest)
    module: ModuleType = import_module(f"ihacpa_core.cli.{name}_command")
    code: int = module.main(rest)
    return code


def _split(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command and its arguments. What looks like no command is an option or a workbook of `run`.

    :raises UsageError: the first word could only be a command, and there is none of that name.
    """
    if not argv or argv[0].startswith("-") or "." in argv[0] or os.sep in argv[0] or "/" in argv[0]:
        return "run", argv
    if argv[0] in commands():
        return argv[0], argv[1:]
    raise unknown_command(argv[0])


def unknown_command(word: str) -> UsageError:
    """A word without a dot or slash is never a workbook."""
    guess = get_close_matches(word, commands(), n=1)
    hint = f"did you mean '{guess[0]}'? " if guess else ""
    return UsageError(
        f"unknown command '{word}'",
        why="a workbook has a dot or a slash in its name",
        hint=f"{hint}commands: {', '.join(commands())}",
    )


def _internal(error: Exception) -> IhacpaError:
    return IhacpaError(
        f"internal error: {type(error).__name__}: {error}",
        why="this is a defect of ihacpa or of a plugin; nothing that was finished is lost",
        hint="type the same command with --traceback, and report what it shows",
    )


def _show(error: IhacpaError) -> None:
    """What happened, why, and the next thing to type."""
    lines = [f"ihacpa: error: {error.what if error.why else error}"]
    if error.why:
        lines.append(f"  why:  {error.why}")
    if error.hint:
        lines.append(f"  hint: {error.hint}")
    sys.stderr.write("\n".join(lines) + "\n")
