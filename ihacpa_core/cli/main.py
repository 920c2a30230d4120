"""The command line's front door: which command is meant, and what its errors look like."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from ihacpa_core.cli.output import open_streams, silence_output
from ihacpa_core.errors import ExitCode, IhacpaError, UsageError
from ihacpa_core.plugins.builtins import COMMANDS as PLUGIN_COMMANDS

OWN_COMMANDS = {
    "run": "work on the workbook; the word may be left out",
    "status": "what is done and left, what is in the way, and what to type next",
    "runs": "the runs of a workbook, and everything about one of them",
    "checkpoints": "list, show, verify, remove and export checkpoints",
    "restore": "put a backup in the place of the workbook",
    "init": "write a commented settings file after a look at a workbook",
    "config": "show, check and change the settings",
    "doctor": "check settings, plugins, workbook and sources, and say what to do",
    "plugins": "list what can be selected",
}


def main(argv: Sequence[str]) -> int:
    """Run the command that `argv` names; returns the exit code."""
    open_streams()
    words = [word for word in argv if word != "--traceback"]
    try:
        return _run(words)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; type the same command again to go on\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        silence_output()
        return ExitCode.OK
    except IhacpaError as error:
        _show(error, with_traceback="--traceback" in argv)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  the last resort: what happened and how to see more, no traceback
        _show(_internal(error), with_traceback="--traceback" in argv)
        return ExitCode.INTERNAL


def commands() -> dict[str, str]:
    """Every command and its line of help."""
    return OWN_COMMANDS | {command.name: command.summary for command in PLUGIN_COMMANDS}


def _run(argv: Sequence[str]) -> int:
    if _may_be_added(argv):
        from ihacpa_core.cli.plugin_command import run_added_command

        return run_added_command(argv[0], argv[1:])
    name, rest = _split(argv)
    command = next((command for command in PLUGIN_COMMANDS if command.name == name), None)
    if command is not None:
        from ihacpa_core.cli.plugin_command import run_plugin_command

        return run_plugin_command(command, rest)
    module: ModuleType = import_module(f"ihacpa_core.cli.{name}_command")
    code: int = module.main(rest)
    return code


def _split(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command and its arguments. What looks like no command is an option or a workbook of `run`."""
    return (argv[0], argv[1:]) if argv and argv[0] in commands() else ("run", argv)


def _may_be_added(argv: Sequence[str]) -> bool:
    """Whether the first word could only be a command, and is none of those that are always there."""
    if not argv or argv[0].startswith("-") or "." in argv[0] or os.sep in argv[0] or "/" in argv[0]:
        return False
    return argv[0] not in commands()


def unknown_command(word: str, added: Iterable[str] = ()) -> UsageError:
    """A word without a dot or slash is never a workbook. `added` are the commands of hook plugins."""
    known = [*commands(), *added]
    if word in known:
        why = "a command stands before its options"
        return UsageError(f"'{word}' does not stand at the beginning", why=why, hint=f"type: ihacpa {word} ...")
    guess = get_close_matches(word, known, n=1)
    hint = f"did you mean '{guess[0]}'? " if guess else ""
    return UsageError(
        f"unknown command '{word}'",
        why="a workbook has a dot or a slash in its name",
        hint=f"{hint}commands: {', '.join(known)}",
    )


def _internal(error: Exception) -> IhacpaError:
    return IhacpaError(
        f"internal error: {type(error).__name__}: {error}",
        why="this is a defect of ihacpa or of a plugin; nothing that was finished is lost",
        hint="type the same command with --traceback, and report what it shows",
    )


def _show(error: IhacpaError, *, with_traceback: bool) -> None:
    """What happened, why, and the next thing to type."""
    if with_traceback:
        traceback.print_exc()
    lines = [f"ihacpa: error: {error.what if error.why else error}"]
    if error.why:
        lines.append(f"  why:  {error.why}")
    if error.hint:
        lines.append(f"  hint: {error.hint}")
    sys.stderr.write("\n".join(lines) + "\n")
