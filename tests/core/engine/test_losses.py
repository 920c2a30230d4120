"""Asking a save backend what it would lose, where the system does not let it find out."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ihacpa_core import Loss, SaveBackend, SaveSession, WorkbookError
from ihacpa_core.engine.losses import check_losses


class NoRoom(SaveBackend):
    """A backend that has no room for its temporary files."""

    def inspect(self, source: Path) -> Sequence[Loss]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/aside")

    def open(self, source: Path, sheet: str) -> SaveSession:
        raise NotImplementedError


def test_no_room_to_find_out_is_told() -> None:
    """A full disk of temporary files is an error with its cause and a way out, not an internal one."""
    with pytest.raises(WorkbookError) as caught:
        check_losses(NoRoom(), "openpyxl", Path("book.xlsx"), print)

    assert "book.xlsx" in caught.value.what
    assert caught.value.why == "/tmp/aside: No space left on device"
    assert "TMPDIR" in caught.value.hint
