"""What openpyxl would lose from a workbook: found by loading it, saving it aside, and comparing the two files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ihacpa_core import FileOps, Loss, WorkbookError
from ihacpa_plugins.save.openpyxl import wording
from ihacpa_plugins.save.openpyxl.counters import count
from ihacpa_plugins.save.openpyxl.loading import load, save
from ihacpa_plugins.save.openpyxl.scratch import Scratch
from ihacpa_plugins.save.openpyxl.tally import Node, Tally

# Pools of formats: openpyxl keeps each format that is in use, once. So a kind of entry is lost only if none is left.
_POOLS: Final = frozenset({"styles"})


def losses_of(source: Path, files: FileOps | None = None) -> list[Loss]:
    """What a load and save of `source` loses; the file is only read.

    :raises WorkbookError: openpyxl cannot load or save it.
    :raises OSError: it cannot be read, or there is no room for temporary files.
    """
    scratch = Scratch(files or FileOps())
    try:
        copy = scratch.path / "copy.zip"
        book = load(source)
        with copy.open("xb") as file:
            save(book, file, source.name, scratch)
        return compare(_count(source), _count(copy))
    finally:
        scratch.close()


def compare(before: Tally, after: Tally) -> list[Loss]:
    """What `before` has and `after` has not, in words; what Excel makes again last."""
    lost: list[wording.Lost] = []
    for kind, root in before.roots.items():
        lost += _lost(root, after.root(kind), kind, presence=kind in _POOLS)
    lost += _filled(before.root("cells").child("text"), after.root("cells").child("text"))
    return wording.in_words(_without_covered(lost, before.covered))


def _count(path: Path) -> Tally:
    try:
        with zipfile.ZipFile(path) as archive:
            return count(archive)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError) as error:
        raise WorkbookError(f"openpyxl cannot load {path.name}", why=str(error)) from error


def _lost(before: Node, after: Node, kind: str, *, presence: bool) -> Iterator[wording.Lost]:
    """The outermost losses: of an element that is gone, what was in it is told only by its name."""
    gone = _gone(before.count, after.count, presence=presence)
    if gone:
        yield from wording.name(before, after, kind, gone)
        return
    for attribute, times in before.attributes.items():
        if missing := _gone(times, after.attributes[attribute], presence=presence):
            yield wording.Lost(kind, f"{before.tag} {attribute}", missing, before.parts)
    if missing := _gone(before.texts, after.texts, presence=presence):
        yield wording.Lost(kind, f"{before.tag} text", missing, before.parts)
    for tag, child in before.children.items():
        yield from _lost(child, after.child(tag), kind, presence=presence)


def _filled(before: Node, after: Node) -> Iterator[wording.Lost]:
    """Texts that were not there: openpyxl gives an empty cell with a link the address as its text."""
    if after.count > before.count:
        yield wording.Lost("cells", "empty link", after.count - before.count, after.parts)


def _gone(before: int, after: int, *, presence: bool) -> int:
    if presence:
        return before if before and not after else 0
    return max(0, before - after)


def _without_covered(lost: list[wording.Lost], covered: int) -> list[wording.Lost]:
    """Without empty cells under merged ones: openpyxl drops their formats, and draws their borders from the first."""
    return [item for item in lost if not (item.what == "styled" and item.times <= covered)]
