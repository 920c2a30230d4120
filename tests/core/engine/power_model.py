"""What may be left of some folders when the power goes: every state that the rules of file systems allow, not one.

The rules, stricter than those of any one file system: what was written to a file since its last fsync may be there, be
there in part, or not; a name that was made, changed or removed since the last fsync of its folder may be as before or
as after, whatever became of others; a rename is one change. (The model of ALICE, Pillai and others, OSDI 2014.)
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ihacpa_core.fileops import EffectFile, FileOps

Names = dict[Path, int]
Contents = dict[int, bytes]
Left = Mapping[Path, bytes]
"""What is left: path to content."""


@dataclass
class Disk:
    """What of some folders is durable, and what is not yet.

    :param names: path to the number of a file, as they are durable.
    :param changes: of names, since; None removes one. Each is there as a whole or not at all.
    :param contents: number to bytes, as they are durable.
    :param written: what was written since.
    """

    names: Names = field(default_factory=dict)
    changes: list[dict[Path, int | None]] = field(default_factory=list)
    contents: Contents = field(default_factory=dict)
    written: Contents = field(default_factory=dict)

    def states(self) -> Iterator[Left]:
        """Everything that may be left if the power goes now."""
        for kept in itertools.product((False, True), repeat=len(self.changes)):
            names: dict[Path, int | None] = dict(self.names)
            for change in itertools.compress(self.changes, kept):
                names |= change
            there = {path: number for path, number in names.items() if number is not None}
            for contents in itertools.product(*(self._contents(number) for number in there.values())):
                yield dict(zip(there, contents, strict=True))

    def _contents(self, number: int) -> Collection[bytes]:
        durable = self.contents.get(number, b"")
        if number not in self.written:
            return [durable]
        new = self.written[number]
        return {durable, new[: len(new) // 2], new}


class WatchingOps(FileOps):
    """Does what is asked for, and keeps the books of a `Disk` for some folders.

    :param forgotten: the effects that are left out, to see that the model minds: "fsync", "fsync-folder".
    """

    def __init__(self, folders: Collection[Path], forgotten: Collection[str] = ()) -> None:
        self._folders = folders
        self._forgotten = forgotten
        self._pending: tuple[str, Path] | None = None
        self._files: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._names, self._contents = self._look()
        self.disk = Disk(dict(self._names), [], dict(self._contents), {})
        self.seen: list[list[Left]] = []
        """For each moment between two effects, all that may be left then."""

    def effect(self, name: str, path: Path) -> None:
        self.settle()
        self._pending = name, path

    def settle(self) -> None:
        """Take notice of what the last effect did."""
        names, contents = self._look()
        changed = {path: names.get(path) for path in names | self._names if names.get(path) != self._names.get(path)}
        if changed:
            self.disk.changes.append(changed)
        self.disk.written |= {each: text for each, text in contents.items() if text != self._contents.get(each, b"")}
        self._names, self._contents = names, contents
        if self._pending is not None:
            self._make_durable(*self._pending)
        self._pending = None
        self.seen.append(list(self.disk.states()))

    def fsync(self, file: EffectFile) -> None:
        if "fsync" in self._forgotten:
            file.flush()
        else:
            super().fsync(file)

    def fsync_folder(self, folder: Path) -> None:
        if "fsync-folder" not in self._forgotten:
            super().fsync_folder(folder)

    def _make_durable(self, name: str, path: Path) -> None:
        if name == "fsync":
            number = self._names[path]
            self.disk.contents[number] = self._contents[number]
            self.disk.written.pop(number, None)
        if name == "fsync-folder":
            kept = [{where: to for where, to in each.items() if where.parent != path} for each in self.disk.changes]
            self.disk.changes = [each for each in kept if each]
            others = {where: number for where, number in self.disk.names.items() if where.parent != path}
            self.disk.names = others | {where: number for where, number in self._names.items() if where.parent == path}

    def _look(self) -> tuple[Names, Contents]:
        files = [path for folder in self._folders if folder.is_dir() for path in folder.iterdir() if path.is_file()]
        inodes = {path: path.stat().st_ino for path in files}
        # A system gives the number of a file that is gone to the next one: each gets one here that is never used again.
        self._files = {inode: self._files.get(inode) or next(self._numbers) for inode in inodes.values()}
        names = {path: self._files[inode] for path, inode in inodes.items()}
        return names, {number: path.read_bytes() for path, number in names.items()}
