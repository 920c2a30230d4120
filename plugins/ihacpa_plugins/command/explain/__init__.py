"""``ihacpa explain``: why a package came to its result, from what is on this machine."""

from __future__ import annotations

import argparse
import sys

from ihacpa_core import CommandParts, ExitCode, UsageError
from ihacpa_plugins.command.chosen_run import add_workbook


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "packages",
        nargs="+",
        metavar="PACKAGE",
        help="a package of the run; with another version, PACKAGE==VERSION, it is reviewed on the spot",
    )
    add_workbook(parser)
    parser.add_argument("--run", metavar="RUN", default="latest", help="which run; default: latest, then all")
    parser.add_argument("--online", action="store_true", help="ask the network too, for what is not in a run")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print it (default: text)")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")


def run(args: argparse.Namespace, parts: CommandParts) -> int:
    """Carry out the command.

    :raises IhacpaError: it could not be carried out.
    """
    from ihacpa_plugins.command.explain.output import as_json, as_text
    from ihacpa_plugins.command.explain.subjects import from_run, on_the_spot, read_words

    wanted = read_words(args.packages)
    found = {pin: from_run(parts, args.run, args.workbook, *pin) for pin in wanted}
    _refuse_unknown([name for (name, version), subjects in found.items() if not subjects and not version])
    missing = [pin for pin, subjects in found.items() if not subjects]
    found |= {
        pin: [subject] for pin, subject in zip(missing, on_the_spot(parts, missing, online=args.online), strict=True)
    }
    show = as_json if args.format == "json" else as_text
    sys.stdout.write(show([subject for pin in dict.fromkeys(wanted) for subject in found[pin]]))
    return ExitCode.OK


def _refuse_unknown(names: list[str]) -> None:
    if names:
        hint = f"give a version, to review it on the spot: ihacpa explain {names[0]}==1.2.3"
        raise UsageError(f"{', '.join(names)}: in no run of this workbook", hint=hint)
