"""Printing results: a reader that left, or a full disk behind a redirection, changes no exit code."""

from __future__ import annotations

import os
import sys


def open_streams() -> None:
    """Give the process standard streams where it was started without."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  as long as the process lives


def print_result(text: str) -> None:
    """Write `text` to standard output; where nobody takes it, it is dropped."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        silence_output()


def silence_output() -> None:
    """Lead standard output nowhere, so that what is still buffered troubles nobody when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
