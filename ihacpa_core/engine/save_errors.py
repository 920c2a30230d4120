"""How a save can end other than well, and what each ending means for the workbook."""

from __future__ import annotations

import errno
from pathlib import Path

from ihacpa_core.errors import WorkbookError


class WorkbookChanged(WorkbookError):
    """The workbook is not the file that was last read or written; it was left as it is."""


class SaveBlocked(WorkbookError):
    """The system did not let a save through. The workbook is as it was, and trying again later may help."""


class VerificationFailed(WorkbookError):
    """What was written does not read back as it should. The workbook is as it was."""


class DurabilityUnconfirmed(WorkbookError):
    """The workbook was replaced and holds the new contents, but a loss of power now could bring the old ones back."""


_WHY = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space"),
    errno.EACCES: ("permission denied", "make the file and its folder writable"),
    errno.EPERM: ("the system does not permit it", "make the file and its folder writable"),
    errno.EROFS: ("the disk is mounted read-only", "mount it for writing"),
    errno.EIO: ("the disk reports an input/output error", "check the disk"),
    errno.ENOENT: ("the file or its folder is gone", "put it back where it was"),
    errno.EMFILE: ("too many files are open", "raise the limit of open files (ulimit -n)"),
    errno.EBUSY: ("another program holds the file", "close the workbook in the other program"),
}
_WINDOWS_HELD = frozenset({5, 32, 33})


def blocked(error: OSError, target: Path) -> SaveBlocked:
    """The words for a system error that came before `target` was replaced."""
    if getattr(error, "winerror", None) in _WINDOWS_HELD:
        why, hint = "another program holds the file open", "close the workbook in Excel"
    else:
        why, hint = _WHY.get(error.errno or 0, (error.strerror or str(error), "mend the cause"))
    where = f" ({error.filename})" if error.filename and Path(str(error.filename)) != target else ""
    return SaveBlocked(
        f"{target.name} could not be saved and is as it was", why=f"{why}{where}", hint=f"{hint}, then run ihacpa again"
    )
