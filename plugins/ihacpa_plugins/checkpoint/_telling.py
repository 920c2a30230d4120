"""What the errors of a store mean to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ihacpa_core import StoreError


@contextmanager
def telling(path: Path, doing: str) -> Iterator[None]:
    """Turn what the system raises into a `StoreError` that says what to do; `doing`: "reading run 7"."""
    try:
        yield
    except OSError as error:
        why = f"{path}: {error.strerror or error}"
        raise StoreError(f"{doing} failed", why=why, hint=folder_hint(path)) from error


def damaged(path: Path, why: str) -> StoreError:
    """The error for a journal that cannot be trusted."""
    return StoreError(
        f"the journal {path} is damaged",
        why=why,
        hint=f"keep a copy of {path.name}*, move it away, and begin anew: ihacpa --start-fresh",
    )


def newer(path: Path, schema: object, known: int) -> StoreError:
    """The error for a file that a later version wrote."""
    return StoreError(
        f"{path} was written by a newer version of ihacpa",
        why=f"its schema is {schema}, this version reads up to {known}",
        hint="pip install --upgrade ihacpa",
    )


def not_a_file(path: Path) -> StoreError:
    """The error for a link, a folder or a device in a journal's place."""
    return StoreError(
        f"{path} is not a plain file",
        why="the journal is never written through a link or to a device",
        hint=f"move {path} away and run the same command again",
    )


def not_following(run_id: str, sequence: int, last: int) -> StoreError:
    """The error for an entry that is not the next in its run."""
    return StoreError(
        f"entry {sequence} of run {run_id} does not follow the last one, {last}",
        why="another process wrote to this journal, or an entry was lost",
        hint="make sure that no other run works on this workbook, then run the same command again",
    )


def folder_hint(path: Path) -> str:
    return f"check that {path.parent} is there, that you may write to it, and that the disk has room"
