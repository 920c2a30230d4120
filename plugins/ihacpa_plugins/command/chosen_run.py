"""Which run and which workbook a command is about."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from ihacpa_core import UsageError


def add_workbook(parser: argparse.ArgumentParser) -> None:
    """Declare ``--workbook``."""
    parser.add_argument(
        "--workbook", metavar="FILE", default="", help="the workbook; default: the one that ihacpa.toml names"
    )


def sort_out(words: Sequence[str], workbook: str) -> tuple[list[str], str]:
    """Run ids and the workbook among `words`: as for ``ihacpa run``, only a workbook has a dot or slash in its name.

    :raises UsageError: two workbooks are named.
    """
    runs = [word for word in words if not {".", "/", os.sep} & set(word)]
    books = [word for word in words if word not in runs]
    if len(books) > 1 or (books and workbook):
        raise UsageError(f"one workbook at a time, not {' and '.join([*books, *filter(None, [workbook])])}")
    return runs, workbook or next(iter(books), "")
