"""``ihacpa advisories update``, ``import`` and ``export``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ihacpa_core import ExitCode, IhacpaError, UsageError
from ihacpa_plugins.advisory_data.building import Fill, replace_sets
from ihacpa_plugins.advisory_data.database import SetInfo
from ihacpa_plugins.advisory_data.detect import DATABASE, kind_of
from ihacpa_plugins.advisory_data.download import local
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused
from ihacpa_plugins.command.advisories.sets import SETS
from ihacpa_plugins.command.advisories.status import describe


def update(args: argparse.Namespace, database: Path, options: Callable[[str], Any]) -> int:
    """Fetch the sets that are named, each by itself: one that cannot be had keeps no other from being renewed.

    :raises IhacpaError: there was one to be fetched, and it could not be.
    """
    unknown = [name for name in args.sets if name not in SETS]
    if unknown:
        raise UsageError(f"no such set: {', '.join(unknown)}", hint=f"there are {', '.join(SETS)}")
    if args.source:
        return bring_in(args, database)
    vouched = _vouched(args)
    names = list(dict.fromkeys(args.sets)) or list(SETS)
    failed: list[str] = []
    for name in names:
        try:
            about_it = vouched if name == "osv" or len(names) == 1 else None
            _tell(_renewed(name, options(name).url, database, args, about_it))
        except (AdvisoryDataError, ImportRefused) as error:
            if len(names) == 1:
                raise
            failed.append(name)
            _note(_told(name, error))
    if len(failed) < len(names):
        print(f"database      {database}")
    return ExitCode.INCOMPLETE if failed else ExitCode.OK


def bring_in(args: argparse.Namespace, database: Path) -> int:
    """Bring in what `args.source` is.

    :raises IhacpaError: it cannot be brought in; nothing was changed.
    """
    vouched = _vouched(args)
    _note(f"reading {args.source}")
    with local(args.source, database.parent) as (path, name):
        kind = kind_of(path, name)
        _tell(replace_sets(database, _fills(kind, path, name, vouched), force=args.force).values())
    print(f"database      {database}")
    return ExitCode.OK


def export_to(args: argparse.Namespace, database: Path) -> int:
    """Write the database, or the advisories in it, to `args.target`."""
    from ihacpa_plugins.advisory_data.exchange import export

    what = export(database, args.target, force=args.force)
    print(f"wrote {what} to {args.target}")
    return ExitCode.OK


def _renewed(
    name: str, place: str, database: Path, args: argparse.Namespace, vouched: Sequence[str] | None
) -> Iterable[SetInfo]:
    """One set from where the settings say that it is."""
    from ihacpa_plugins.source.osv.incremental import bring_up_to_date

    _note(f"reading {place}")
    if name == "osv" and not args.full and vouched is None:
        renewed = bring_up_to_date(place, database, force=args.force)
        if renewed is not None:
            return [renewed]
    with local(place, database.parent) as (path, source):
        return replace_sets(database, _fills(name, path, source, vouched), force=args.force).values()


def _fills(kind: str, path: Path, source: str, vouched: Sequence[str] | None) -> dict[str, Fill]:
    from ihacpa_plugins.advisory_data import epss, exchange, exploitdb, kev
    from ihacpa_plugins.source.osv.importing import osv_fill

    if kind == "osv":
        return {kind: osv_fill(path, source, complete_for=vouched)}
    if kind == DATABASE:
        return exchange.fills_of(path)
    feed = {"kev": kev.FEED, "epss": epss.FEED, "exploitdb": exploitdb.FEED}[kind]
    return {kind: feed.fill(path, source, complete_for=vouched)}


def _vouched(args: argparse.Namespace) -> list[str] | None:
    from ihacpa_plugins.source.osv.importing import families

    try:
        return None if args.complete_for is None else families(args.complete_for)
    except ValueError as error:
        raise UsageError("--complete-for cannot be read", why=str(error), hint="--complete-for PYSEC,GHSA") from error


def _tell(made: Iterable[SetInfo]) -> None:
    for info in made:
        print("\n".join(describe(info)), end="\n\n")


def _told(name: str, error: IhacpaError) -> str:
    return f"{name} was not renewed: {error}" + (f"\n  hint: {error.hint}" if error.hint else "")


def _note(text: str) -> None:
    print(text, file=sys.stderr)
