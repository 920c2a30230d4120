"""The options of ``ihacpa run``: one table for those that set a key of the settings, plain ones for the rest."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from ihacpa_core.errors import UsageError

if TYPE_CHECKING:
    from ihacpa_core.config.extensions import Extensions

EXAMPLES = """\
examples:
  ihacpa packages.xlsx                     review the workbook; type it again to resume
  ihacpa --strategy size --batch-size 25   what ihacpa.toml names, in batches of 25
  ihacpa packages.xlsx --dry-run           say what would be done
"""


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag that sets a key of the settings; ``*`` in `key` is the selected offer's name."""

    name: str
    key: str
    group: str
    help: str
    metavar: str = "NAME"
    type: Any = str
    several: bool = False

    @property
    def dest(self) -> str:
        return self.name.lstrip("-").replace("-", "_")


FLAGS = (
    Flag("--strategy", "ihacpa.strategy", "run", "where a batch ends"),
    Flag("--batch-size", "strategy.*.batch_size", "run", "records in a batch", "N", int),
    Flag("--concurrency", "processor.*.concurrency", "run", "records in flight at once", "N", int),
    Flag("--processor", "ihacpa.processor", "run", "what is done with a record; python:FILE:FUNCTION is yours"),
    Flag("--executor", "ihacpa.executor", "run", "what runs the records of a batch"),
    Flag("--fail-on", "ihacpa.fail_on", "run", "exit 1 from this level on: low, medium, high, critical", "LEVEL"),
    Flag("--sheet", "sheet.name", "workbook", "the worksheet; default: the active one"),
    Flag("--output", "ihacpa.output", "workbook", "work on a copy; default: in place, with a backup", "OUT.xlsx"),
    Flag("--save", "ihacpa.save", "workbook", "how the workbook is written"),
    Flag("--save-every", "ihacpa.save_every", "workbook", "batch, auto, end, or a duration such as 30s", "WHEN"),
    Flag("--checkpoint", "ihacpa.checkpoint", "workbook", "where the journal is kept"),
    Flag("--progress", "ihacpa.progress", "output", "how the run is shown; may be repeated", several=True),
)


class CommandParser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are ours: what, why, and what to type next."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self._guess(message)}{self.prog} --help lists the options")

    def knows(self, flag: str) -> bool:
        """Whether an option of this name is there."""
        return flag in self._option_string_actions

    def _guess(self, message: str) -> str:
        _, _, words = message.partition("unrecognized arguments: ")
        known = list(self._option_string_actions)
        guess = get_close_matches(words.split("=")[0].split(" ")[0], known, n=1) if words else []
        return f"did you mean {guess[0]}? " if guess else ""


def run_parser(extensions: Extensions | None = None, added: Mapping[str, str] | None = None) -> CommandParser:
    """The parser of ``ihacpa run``, which is also what ``ihacpa --help`` shows.

    :param extensions: the options of active hook plugins.
    :param added: their commands, each with its line of help.
    """
    from ihacpa_core.cli.main import commands

    listed = "\n".join(f"  {name:<12} {summary}" for name, summary in (commands() | dict(added or {})).items())
    parser = CommandParser(
        prog="ihacpa",
        usage="ihacpa [run] [WORKBOOK] [options]\n       ihacpa COMMAND ...",
        description="Crash-safe, resumable batch work on Excel workbooks.",
        epilog=f"{EXAMPLES}\ncommands (ihacpa COMMAND --help says more):\n{listed}\n",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument(
        "workbook",
        nargs="?",
        metavar="WORKBOOK",
        help="an .xlsx or .xlsm file; default: the one that ihacpa.toml names",
    )
    groups = {name: parser.add_argument_group(name) for name in ("run", "rows", "resume", "workbook", "output")}
    for flag in FLAGS:
        _add(groups[flag.group], flag)
    _add_rows(groups["rows"])
    _add_resume(groups["resume"])
    _add_output(groups["output"])
    add_settings_options(groups["run"])
    groups["run"].add_argument("--dry-run", "-n", action="store_true", help="say what would be done, and do nothing")
    if extensions is not None and extensions.options:
        from ihacpa_core.cli.plugin_options import add_plugin_options

        add_plugin_options(parser, extensions)
    return parser


def formatter() -> Any:
    """Help that keeps our line breaks."""

    class Formatter(argparse.RawDescriptionHelpFormatter):
        def __init__(self, prog: str) -> None:
            super().__init__(prog, max_help_position=30)

    return Formatter


def add_settings_options(group: Any) -> None:
    """The options that say which settings hold; every command takes them."""
    group.add_argument("--config", metavar="FILE", help="the settings file; default: ihacpa.toml here or above")
    group.add_argument("-C", "--directory", metavar="DIR", help="as if typed in this folder")
    group.add_argument(
        "-o", "--override", action="append", default=[], metavar="KEY=VALUE", help="any setting, for this time"
    )
    group.add_argument(
        "-p",
        "--plugin",
        dest="plugins",
        action="append",
        default=[],
        metavar="NAME",
        help="switch on a hook plugin, also ./file.py; no:NAME switches any plugin off; may be repeated",
    )
    group.add_argument("--trace-hooks", metavar="FILE", help="note every call of a plugin's hook, as JSON lines")


def _add(group: Any, flag: Flag) -> None:
    if flag.several:
        group.add_argument(flag.name, dest=flag.dest, action="append", metavar=flag.metavar, help=flag.help)
    else:
        group.add_argument(flag.name, dest=flag.dest, type=flag.type, metavar=flag.metavar, help=flag.help)


def _add_rows(group: Any) -> None:
    group.add_argument("--rows", action="append", default=[], metavar="10-50", help="only these rows of the sheet")
    group.add_argument("--packages", nargs="+", default=[], metavar="NAME", help="only the records with these keys")
    group.add_argument("--only-failed", action="store_true", help="only what failed or was left unchecked last time")
    group.add_argument("--only-empty", action="store_true", help="only rows whose result cells are empty")
    group.add_argument("--limit", type=_count, metavar="N", help="at most so many records")


def _add_resume(group: Any) -> None:
    ways = group.add_mutually_exclusive_group()
    ways.add_argument("--start-fresh", action="store_true", help="begin anew; an unfinished run is kept and left")
    ways.add_argument("--resume-auto", action="store_true", help="go on with the unfinished run")
    ways.add_argument(
        "--resume-from-package",
        metavar="N",
        help="do the records of the unfinished run from no. N, or this name, again",
    )
    ways.add_argument(
        "--resume-from-batch", type=_count, metavar="N", help="do the records from this committed batch on again"
    )
    ways.add_argument("--checkpoint-id", metavar="ID", help="go back to a checkpoint: what came after it is done again")
    ways.add_argument(
        "--force-continue", action="store_true", help="go on though workbook or settings differ; edits are kept"
    )
    group.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="wait for another run of the workbook to end"
    )


def _add_output(group: Any) -> None:
    group.add_argument("--json", action="store_true", help="the summary as JSON on standard output")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary")
    group.add_argument("-v", "--verbose", action="store_true", help="a line for every record in the log file")
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours; default: auto")
    group.add_argument("--traceback", action="store_true", help="show where an error comes from")
    group.add_argument("--help-all", action="store_true", help="this, and the options and commands of active plugins")
    group.add_argument("--version", "-V", action="version", version=_version(), help="the version, and nothing else")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _version() -> str:
    from ihacpa_core._version import __version__

    return f"ihacpa {__version__}"
