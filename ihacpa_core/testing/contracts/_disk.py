"""Whether a file's bytes are on the disk or only in memory, as the kernel tells (Linux 6.5 and later)."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_CACHESTAT = 451  # the same number on every architecture: Documentation/admin-guide/mm, include/uapi/linux/mman.h


class _Range(ctypes.Structure):
    _fields_ = [("offset", ctypes.c_uint64), ("length", ctypes.c_uint64)]


class _Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("cached", "dirty", "writeback", "evicted", "recently_evicted")]


def pages_in_memory_only(path: Path) -> int:
    """How many pages of `path` a loss of power would take: written to, and not yet on the disk.

    :raises OSError: this kernel cannot tell.
    """
    if not sys.platform.startswith("linux"):
        raise OSError(f"{sys.platform} cannot tell what is on the disk")
    libc = ctypes.CDLL(None, use_errno=True)
    counts = _Counts()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.syscall(_CACHESTAT, descriptor, ctypes.byref(_Range(0, 0)), ctypes.byref(counts), 0):
            raise OSError(ctypes.get_errno(), "cachestat")
    finally:
        os.close(descriptor)
    return int(counts.dirty + counts.writeback)


def can_tell(folder: Path) -> bool:
    """Whether `pages_in_memory_only` sees the difference that fsync makes in `folder`: not on a disk in memory."""
    probe = folder / "probe"
    try:
        with probe.open("wb", buffering=0) as file:
            file.write(b"x" * 5000)
            before = pages_in_memory_only(probe)
            os.fsync(file.fileno())
        return before > 0 == pages_in_memory_only(probe)
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
