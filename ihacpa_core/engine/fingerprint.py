"""Which bytes a file holds, and a cheap way to see that they have not changed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ihacpa_core.state import Fingerprint

_BLOCK: Final = 1024 * 1024
_SETTLED_NS: Final = 2_000_000_000
"""A time of change younger than this says nothing: FAT counts in 2 s, and two writes may share a tick anywhere."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What a file looks like from outside; equal identities mean equal bytes, unless the change is very young."""

    dev: int
    ino: int
    size: int
    mtime_ns: int

    def is_settled(self, now_ns: int) -> bool:
        """Whether a later change would have to show in it, `now_ns` being when it was taken."""
        return abs(now_ns - self.mtime_ns) > _SETTLED_NS


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a file, read as a stream.

    :raises OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return fingerprint_of(file)


def fingerprint_of(file: BinaryIO) -> Fingerprint:
    """The fingerprint of what an open file holds from its beginning on."""
    file.seek(0)
    digest = hashlib.sha256()
    size = 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return Fingerprint(digest.hexdigest(), size)


def stat_of(path: Path) -> FileIdentity:
    """The identity of a file, without reading it.

    :raises OSError: it is not there.
    """
    return _identity(path.stat())


def _identity(about: os.stat_result) -> FileIdentity:
    return FileIdentity(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
