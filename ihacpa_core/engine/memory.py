"""How much memory this process has used."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_memory() -> int:
    """The most memory that this process held at any time, in bytes; 0 where the system does not tell.

    On Linux from ``VmHWM`` and not from `getrusage`, whose maximum is inherited from the process that started us.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return _peak_from_rusage()
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def _peak_from_rusage() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
