"""The memory limits that control groups put on this process, read from /proc and /sys.

Both versions, and machines that mount both at once: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory and
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html. A process is held to the limit of its group and to those of
all groups above it, as far up as it can see.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_NONE = 2**60
"""Version 1 writes "no limit" as the largest number of pages that fits, in bytes."""


@dataclass(frozen=True, slots=True)
class _Version:
    """What a version of control groups calls things."""

    limit: str
    usage: str
    cache: str


_VERSIONS = {
    "cgroup2": _Version("memory.max", "memory.current", "inactive_file"),
    "cgroup": _Version("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By the type of the file system. The cache of version 1 without ``total_`` leaves out the groups below."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A control group that limits memory; `limit` in bytes."""

    folder: Path
    limit: int
    version: _Version

    def used(self) -> int | None:
        """Bytes that count against the limit, without the file cache that the kernel would give up for the asking."""
        usage = read(self.folder / self.version.usage).strip()
        if not usage.isdecimal():
            return None
        return max(0, int(usage) - _field(read(self.folder / "memory.stat"), self.version.cache))


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mounted hierarchy: the group that its folder shows, and that folder."""

    type: str
    root: PurePosixPath
    folder: PurePosixPath


def limited_cgroups(root: Path = Path("/")) -> list[Cgroup]:
    """The groups of this process that have a limit, its own first; empty where there are none.

    :param root: the folder that holds ``proc`` and ``sys``.
    """
    paths = _paths(read(root / "proc/self/cgroup"))
    found = []
    for mount in _mounts(read(root / "proc/self/mountinfo")):
        path = paths.get(mount.type)
        if path is None:
            continue
        version = _VERSIONS[mount.type]
        for folder in _upwards(mount, path):
            place = root / folder.relative_to("/")
            limit = read(place / version.limit).strip()
            if limit.isdecimal() and 0 < int(limit) < _NONE:
                found.append(Cgroup(place, int(limit), version))
    return found


def read(path: Path) -> str:
    """A small file of the kernel's, whole; empty if it cannot be read. Takes a few microseconds."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(file, 65536).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(file)


def _paths(text: str) -> dict[str, PurePosixPath]:
    """The process's group in each hierarchy that may limit memory, by the type of its file system."""
    paths = {}
    for line in text.splitlines():
        number, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "", "")
        if not path.startswith("/"):
            continue
        if (number, controllers) == ("0", ""):
            paths["cgroup2"] = PurePosixPath(path)
        elif "memory" in controllers.split(","):
            paths["cgroup"] = PurePosixPath(path)
    return paths


def _mounts(text: str) -> Iterator[_Mount]:
    """The mounts of hierarchies that may limit memory: proc_pid_mountinfo(5)."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        here, there = before.split(), after.split()
        if len(here) < 5 or len(there) < 3:
            continue
        if there[0] == "cgroup2" or (there[0] == "cgroup" and "memory" in there[2].split(",")):
            yield _Mount(there[0], PurePosixPath(_unescaped(here[3])), PurePosixPath(_unescaped(here[4])))


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _upwards(mount: _Mount, path: PurePosixPath) -> Iterator[PurePosixPath]:
    """The folder of the group `path` and those of the groups above it, up to the mount.

    Inside a container the mount may show a group far down as if it were the root, while the process's path still
    counts from the real one, or leads out of what is mounted here: then the mount is all there is to see.
    """
    inside = path.relative_to(mount.root) if path.is_relative_to(mount.root) else PurePosixPath()
    folder = mount.folder if ".." in inside.parts else mount.folder / inside
    yield folder
    while folder != mount.folder:
        folder = folder.parent
        yield folder


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdecimal():
            return int(value)
    return 0
