"""Offer `patch`: changes the cells inside the file, and copies every other part of it byte for byte.

Nothing is lost, whatever Excel put into the workbook, and a save costs the rows that changed, not the workbook.
Of use by itself: `patch_cells`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ihacpa_core import Cell, CellValue, Loss, Offer, SaveBackend, SaveSession, hookimpl

if TYPE_CHECKING:
    from ihacpa_plugins.save.patch.api import Patched

__all__ = ["PatchBackend", "PatchOptions", "ihacpa_save_backends", "patch_cells"]


class PatchOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[save.patch]``, which has no options."""


class PatchBackend(SaveBackend):
    """Changes cells in place."""

    def inspect(self, source: Path) -> Sequence[Loss]:
        from ihacpa_plugins.save.patch.archive import Archive
        from ihacpa_plugins.save.patch.book import Book

        archive = Archive(source)
        try:
            Book(archive)
        finally:
            archive.close()
        return ()

    def open(self, source: Path, sheet: str) -> SaveSession:
        from ihacpa_plugins.save.patch.session import PatchSession

        return PatchSession(source, sheet)


def patch_cells(
    source: Path | str,
    target: Path | str,
    cells: Mapping[str, CellValue | Cell],
    *,
    overwrite_formulas: bool = False,
) -> Patched:
    """Write `cells` into a copy of the workbook `source` at `target`, which may be the same file.

    The words are those of `api.patch_cells`.
    """
    from ihacpa_plugins.save.patch import api

    return api.patch_cells(Path(source), Path(target), cells, overwrite_formulas=overwrite_formulas)


@hookimpl
def ihacpa_save_backends() -> list[Offer[SaveBackend]]:
    return [
        Offer(
            name="patch",
            factory=lambda options, context: PatchBackend(),
            options=PatchOptions,
            summary="changes the cells in the file and leaves everything else in it as it is",
        )
    ]
