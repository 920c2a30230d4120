"""The right to write to a file: held by the kernel on the open file, which frees it when its owner dies."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ihacpa_core import StoreError

_POLL = 0.01  # seconds between two tries
_BEYOND = 1 << 40  # the byte that Windows locks: far behind any that is written, so that others can read


def hold(descriptor: int, path: Path, wait: float) -> None:
    """Take the lock on an open file, waiting up to `wait` seconds; it is freed when the file is closed.

    :raises StoreError: another process holds it all the time.
    """
    deadline = time.monotonic() + wait
    while not _take(descriptor):
        if time.monotonic() >= deadline:
            raise StoreError(
                "another process is writing to this journal",
                why=str(path),
                hint="wait for it or stop it, then run the same command again",
            )
        time.sleep(_POLL)


if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> bool:
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)  # what is written goes to the end of the file all the same
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _take(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
