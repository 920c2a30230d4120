"""The temporary file that becomes the workbook: its name, its making, its end, and the sweep of those left behind."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ihacpa_core.fileops import FileOps

_SUFFIX: Final = ".ihacpa-tmp"
_RANDOM_BYTES: Final = 8


def _random() -> str:
    return secrets.token_hex(_RANDOM_BYTES)


def _prefix(name: str) -> str:
    """What every draft of the workbook `name` begins with, and no draft of another one.

    The digest tells ``book.xlsx`` from ``book.xlsm``; the stem is cut so that the whole fits into 255 bytes.
    """
    stem = Path(name).stem.encode()[:120].decode(errors="ignore")
    return f".{stem}.{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class Draft:
    """A new file beside `target`, open for writing, readable by its owner only."""

    def __init__(self, ops: FileOps, target: Path, random: Callable[[], str] = _random) -> None:
        self._ops = ops
        self.path = target.with_name(f"{_prefix(target.name)}-{random()}{_SUFFIX}")
        self.file = ops.create_exclusive(self.path)

    def seal(self, like: Path) -> None:
        """Give it the attributes of `like`, make it durable and close it."""
        self.file.flush()
        self._ops.copy_attributes(like, self.file)
        self._ops.fsync(self.file)
        self.file.close()

    def discard(self) -> None:
        """Remove it. What does not work now, the sweep of the next start does."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self._ops.unlink(self.path)


def sweep_leftovers(ops: FileOps, folder: Path, name: str) -> list[Path]:
    """Remove the drafts of the workbook `name` that dead runs left in `folder`. Only under the workbook's lock.

    :returns: what was removed.
    :raises OSError: a leftover cannot be removed.
    """
    ours = re.compile(rf"{re.escape(_prefix(name))}-[0-9a-f]{{{2 * _RANDOM_BYTES}}}{re.escape(_SUFFIX)}")
    leftovers = sorted(path for path in folder.iterdir() if ours.fullmatch(path.name))
    for path in leftovers:
        ops.unlink(path)
    return leftovers
