"""Copies of the workbook: made whole or not at all, named so that they sort by time, pruned with care."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.save_errors import WorkbookChanged
from ihacpa_core.fileops import FileOps
from ihacpa_core.state import Fingerprint

_TIME: Final = "%Y%m%dT%H%M%S.%fZ"
_NAME: Final = re.compile(r"(?P<time>\d{8}T\d{6}\.\d{6}Z)-(?P<digest>[0-9a-f]{12})-[0-9a-f]{6}\.xls[xm]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One copy in a backups folder.

    :param taken: when, in UTC.
    :param digest: the first 12 digits of its SHA-256 when it was made.
    """

    path: Path
    taken: datetime
    size: int
    digest: str

    @property
    def name(self) -> str:
        return self.path.name

    def is_of(self, wanted: Fingerprint) -> bool:
        """Whether it was made of a file with this fingerprint, by its name and size."""
        return self.size == wanted.size and wanted.sha256.startswith(self.digest)

    def is_whole(self) -> bool:
        """Whether it still holds what it held when it was made; reads all of it."""
        return fingerprint(self.path).sha256.startswith(self.digest)


def make_backup(
    ops: FileOps, workbook: Path, folder: Path, expected: Fingerprint, now: datetime | None = None
) -> Backup:
    """A durable copy of `workbook`, which holds `expected`, in `folder`, under a new name.

    A copy of the same bytes that is there already, and still whole, is as good.

    :raises WorkbookChanged: the workbook holds something else.
    :raises OSError: the copy cannot be made; nothing is left of it.
    """
    for backup in list_backups(folder):
        if backup.is_of(expected) and backup.is_whole():
            return backup
    ops.make_folder(folder)
    taken = (now or datetime.now(UTC)).astimezone(UTC)
    suffix = ".xlsm" if workbook.suffix.lower() == ".xlsm" else ".xlsx"
    path = folder / f"{taken.strftime(_TIME)}-{expected.sha256[:12]}-{secrets.token_hex(3)}{suffix}"
    _copy_whole(ops, workbook, path, expected)
    return Backup(path=path, taken=taken, size=expected.size, digest=expected.sha256[:12])


def _copy_whole(ops: FileOps, workbook: Path, path: Path, expected: Fingerprint) -> None:
    """Copy under a hidden name first, so that a file with a backup's name is always a whole one."""
    hidden = path.with_name(f".{path.name}.tmp")
    ops.copy(workbook, hidden)
    try:
        if fingerprint(hidden) != expected:
            raise WorkbookChanged(
                f"{workbook.name} was changed by somebody else, and was left as it is",
                why="another program wrote it while its backup was made",
            )
        ops.replace(hidden, path)
    except (OSError, WorkbookChanged):
        with contextlib.suppress(OSError):  # the first error is the one that tells
            ops.unlink(hidden)
        raise
    ops.fsync_folder(path.parent)


def list_backups(folder: Path) -> list[Backup]:
    """The backups in `folder`, oldest first; whatever else is there is left out."""
    if not folder.is_dir():
        return []
    found = ((path, _NAME.fullmatch(path.name)) for path in sorted(folder.iterdir()))
    return [
        Backup(path=path, taken=_time(match["time"]), size=path.stat().st_size, digest=match["digest"])
        for path, match in found
        if match
    ]


def _time(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def prune_backups(ops: FileOps, folder: Path, *, keep: int, protected: Collection[str]) -> list[str]:
    """Remove the oldest backups beyond the newest `keep`, and what dead runs left half made. Only under the lock.

    :param protected: names that stay whatever their age: the original's, and those that kept checkpoints name. They do
        not count towards `keep`.
    :returns: the names that were removed.
    """
    if not folder.is_dir():
        return []
    for path in folder.glob(".*.tmp"):
        ops.unlink(path)
    loose = [backup for backup in list_backups(folder) if backup.name not in protected]
    doomed = loose[: max(0, len(loose) - keep)]
    for backup in doomed:
        ops.unlink(backup.path)
    return [backup.name for backup in doomed]
