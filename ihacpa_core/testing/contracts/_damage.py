"""Ways to damage the files of a store, and what may be left of a journal afterwards."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ihacpa_core.journal import JournalEntry
from ihacpa_core.testing.contracts._store_tasks import GROUP, GoneOn, exact, files, group, spread


def assert_goes_on(found: GoneOn, written: Sequence[JournalEntry], where: str) -> None:
    """What was read is a beginning of `written` in whole groups, and what was appended follows it."""
    read = len(found.before.entries)
    assert exact(found.before.entries) == exact(written[:read]), where
    assert read % GROUP == 0, f"{where}: half a group"
    if found.kept:
        assert not found.after.damage, where
        assert exact(found.after.entries) == exact([*written[:read], *group(read + 1, text="after")]), where


def cuts(folders: Sequence[Path], samples: int) -> Iterator[tuple[Path, Path, int]]:
    """Folder, file in it, and a length to cut that to: about `samples` in all, the ends of each file among them."""
    sources = [(folder, path) for folder in folders for path in files(folder) if path.stat().st_size]
    each = max(samples // len(sources), 5)
    for folder, path in sources:
        size = path.stat().st_size
        for cut in sorted({*(place - 1 for place in spread(size, each)), size - 1}):
            yield folder, path.relative_to(folder), cut


def flips(folder: Path, samples: int) -> Iterator[tuple[Path, int, int]]:
    """File, place and bit: about `samples` bytes that hold something, evenly spread over the folder."""
    chance = random.Random(7)
    used = [(path, place) for path in files(folder) for place, byte in enumerate(path.read_bytes()) if byte]
    for number in spread(len(used), samples):
        path, place = used[number - 1]
        yield path.relative_to(folder), place, chance.randrange(8)


def flip(path: Path, place: int, bit: int) -> None:
    """Alter one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def harmed(folder: Path, samples: int) -> Iterator[Path]:
    """Copies of `folder` beside it, each with a file cut or a bit of one altered: about `samples` of either."""
    for number, (_, name, size) in enumerate(cuts([folder], samples)):
        copy = shutil.copytree(folder, folder.with_name(f"{folder.name}-cut{number}"))
        os.truncate(copy / name, size)
        yield copy
    for number, (name, place, bit) in enumerate(flips(folder, samples)):
        copy = shutil.copytree(folder, folder.with_name(f"{folder.name}-altered{number}"))
        flip(copy / name, place, bit)
        yield copy
