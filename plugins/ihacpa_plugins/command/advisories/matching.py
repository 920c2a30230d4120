"""``ihacpa advisories match``: whether versions are affected, without a workbook."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from ihacpa_core import ExitCode
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase
from ihacpa_plugins.command.match_output import as_json, as_text
from ihacpa_plugins.command.pins import read_pins
from ihacpa_plugins.command.signs import signs_of
from ihacpa_plugins.source.osv.lookup import match
from ihacpa_plugins.source.osv.records import canonical


def run(args: argparse.Namespace, path: Path) -> int:
    """Print a line, or several, for each version; ends with INCOMPLETE where the advisories are a sample.

    :raises AdvisoryDataError: there are no advisories, or they cannot be read.
    :raises UsageError: what is asked about cannot be read.
    """
    pins = read_pins(args.pins, [Path(name) for name in args.files])
    show = as_json if args.format == "json" else as_text
    with closing(AdvisoryDatabase(path)) as database:
        sure = bool(database.info.complete_for)
        for pin in pins:
            found = match(database, canonical(pin.name), pin.version)
            print(show(pin, found, lambda finding: signs_of(database, finding), sure=sure))
    if not sure:
        print(
            "The advisory set is partial: what it does not name is uncertain. "
            "To get a whole one, type: ihacpa advisories update",
            file=sys.stderr,
        )
        return ExitCode.INCOMPLETE
    return ExitCode.OK
