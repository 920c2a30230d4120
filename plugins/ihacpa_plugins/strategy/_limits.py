"""How much memory is used, of how much: the tightest of all limits, each against its own measure.

==================  =======================================================================
limit               measure
==================  =======================================================================
a cgroup            what is charged to it, without the file cache that it would give up
``RLIMIT_AS``       the address space of this process (Linux)
a configured cap    the resident memory of this process and its children
the machine         what is not available to a new process
==================  =======================================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ihacpa_plugins.strategy._cgroups import limited_cgroups, read


@dataclass(frozen=True, slots=True)
class Use:
    """Bytes used of a limit; `what` names it."""

    used: int
    limit: int
    what: str

    @property
    def ratio(self) -> float:
        return self.used / self.limit

    def __str__(self) -> str:
        return f"{self.used / 1e6:.0f} of {self.limit / 1e6:.0f} MB ({self.what})"


class Sensor(Protocol):
    """Says how tight memory is."""

    def look(self) -> Use | None:
        """Find the limits, which may have changed, and measure."""

    def measure(self) -> Use | None:
        """The use of the limit that is tightest now; None if nothing can be measured. Asked after every record."""


@dataclass(frozen=True, slots=True)
class Meter:
    """A limit in bytes, and how to measure what counts against it; None where that cannot be read now."""

    what: str
    limit: int
    used: Callable[[], int | None]


class MemorySensor:
    """Measures this process against every limit that it is under.

    :param cap: a limit of the settings, in bytes; 0 for none.
    :param root: the folder that holds ``proc`` and ``sys``.
    """

    def __init__(self, cap: int = 0, root: Path = Path("/")) -> None:
        self._cap = cap
        self._root = root
        self._meters: tuple[Meter, ...] = ()

    def look(self) -> Use | None:
        self._meters = tuple(self._find())
        return self.measure()

    def measure(self) -> Use | None:
        uses = [(meter.used(), meter) for meter in self._meters]
        known = [Use(used, meter.limit, meter.what) for used, meter in uses if used is not None]
        return max(known, key=lambda use: use.ratio, default=None)

    def _find(self) -> Iterator[Meter]:
        for cgroup in limited_cgroups(self._root):
            yield Meter("cgroup", cgroup.limit, cgroup.used)
        address_space = address_space_limit(self._root)
        if address_space:
            yield Meter("RLIMIT_AS", address_space, self._address_space)
        if self._cap:
            yield Meter("configured limit", self._cap, self._resident())
        yield from self._machine()

    def _machine(self) -> Iterator[Meter]:
        memory = _kilobytes(read(self._root / "proc/meminfo"))
        if "MemTotal" in memory:
            yield Meter("machine", memory["MemTotal"], self._unavailable)
            return
        import psutil  # only where there is no /proc

        total = psutil.virtual_memory().total
        yield Meter("machine", total, lambda: total - psutil.virtual_memory().available)

    def _unavailable(self) -> int | None:
        memory = _kilobytes(read(self._root / "proc/meminfo"))
        if "MemTotal" not in memory or "MemAvailable" not in memory:
            return None
        return memory["MemTotal"] - memory["MemAvailable"]

    def _address_space(self) -> int | None:
        fields = read(self._root / "proc/self/statm").split()
        return int(fields[0]) * os.sysconf("SC_PAGE_SIZE") if fields else None

    def _resident(self) -> Callable[[], int | None]:
        """Measures what this process and the children that it has now hold."""
        import psutil  # nothing else finds the children everywhere; loaded for a configured limit alone

        own = psutil.Process()
        family = [own, *own.children(recursive=True)]

        def held() -> int:
            resident = 0
            for process in family:
                try:
                    resident += process.memory_info().rss
                except psutil.Error:  # a child that ended holds nothing
                    continue
            return resident

        return held


def address_space_limit(root: Path = Path("/")) -> int:
    """The soft limit on this process's address space (``RLIMIT_AS``, Linux) in bytes; 0 for none."""
    for line in read(root / "proc/self/limits").splitlines():
        if line.startswith("Max address space"):
            soft = line.split()[3]
            return int(soft) if soft.isdecimal() else 0
    return 0


def _kilobytes(text: str) -> dict[str, int]:
    """``/proc/meminfo`` in bytes: the lines that count kilobytes."""
    fields = (line.split() for line in text.splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in fields if len(words) == 3 and words[2] == "kB"}
