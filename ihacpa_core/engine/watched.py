"""A file that other programs may write: noticing, before each save, that one did."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ihacpa_core.engine.fingerprint import FileIdentity, fingerprint, stat_of
from ihacpa_core.engine.save_errors import SaveBlocked, WorkbookChanged
from ihacpa_core.state import Fingerprint

_LOOKS: Final = 5


class WatchedFile:
    """Knows what a file held when it was last looked at; None stands for no file.

    The file is read again only if its identity changed, or is too young to tell.

    :raises OSError: from every method but `became`: the file is there and cannot be read.
    """

    def __init__(self, path: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.path = path
        self.fingerprint: Fingerprint | None = None
        self._clock_ns = clock_ns
        self._trusted: FileIdentity | None = None
        self.look()

    def look(self) -> None:
        """Take what the file holds now as what is known."""
        self.fingerprint = self._read()

    def check(self) -> None:
        """Do nothing if the file still holds what is known.

        :raises WorkbookChanged: it holds something else, is gone, or has come up.
        """
        if self._trusted is not None and self._trusted == self._identity():
            return
        known, found = self.fingerprint, self._read()
        if known == found:
            return
        self._trusted = None
        raise _changed(self.path, known, found)

    def holds(self, wanted: Fingerprint) -> bool:
        """Whether the file holds `wanted` at this moment."""
        return self._identity() is not None and fingerprint(self.path) == wanted

    def became(self, known: Fingerprint) -> None:
        """Take `known` as what the file holds: we put it there. The next `check` reads it once more."""
        self.fingerprint = known
        self._trusted = None

    def _identity(self) -> FileIdentity | None:
        try:
            return stat_of(self.path)
        except FileNotFoundError:
            return None

    def _read(self) -> Fingerprint | None:
        """What the file holds, read while nobody wrote it."""
        for _ in range(_LOOKS):
            before, now_ns = self._identity(), self._clock_ns()
            if before is None:
                self._trusted = None
                return None
            found = fingerprint(self.path)
            if before == self._identity():
                self._trusted = before if before.is_settled(now_ns) else None
                return found
        raise SaveBlocked(f"{self.path.name} is being written by another program", hint="wait until it is done")


def _changed(path: Path, known: Fingerprint | None, found: Fingerprint | None) -> WorkbookChanged:
    if found is None:
        why = "it was moved or deleted"
    elif known is None:
        why = "a file of that name has come up since"
    else:
        why = "another program wrote it after it was last read"
    return WorkbookChanged(f"{path.name} was changed by somebody else, and was left as it is", why=why)
