"""Offer `openpyxl`: saves with openpyxl, which keeps formatting, formulas, charts and tables, but not everything.

What it would lose from a workbook is found out before the first save (`inspect`), by loading and saving it aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from ihacpa_core import FileOps, Loss, Offer, RunContext, SaveBackend, SaveSession, hookimpl


class OpenpyxlOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[save.openpyxl]``."""

    accept_loss: Annotated[
        bool, msgspec.Meta(description="save although openpyxl loses something that the workbook holds")
    ] = False


class OpenpyxlBackend(SaveBackend):
    """Loads the whole workbook and writes it anew at each save.

    :param state_dir: where the session's private temporary folder is made, if it exists.
    :param files: what it is made and removed with.
    """

    def __init__(self, options: OpenpyxlOptions, state_dir: Path, files: FileOps | None = None) -> None:
        self.accept_loss = options.accept_loss
        self._state_dir = state_dir
        self._files = files or FileOps()

    def inspect(self, source: Path) -> Sequence[Loss]:
        from ihacpa_plugins.save.openpyxl.inspection import losses_of

        return losses_of(source, self._files)

    def open(self, source: Path, sheet: str) -> SaveSession:
        from ihacpa_plugins.save.openpyxl.session import OpenpyxlSession

        return OpenpyxlSession(source, sheet, self._state_dir, self._files)


@hookimpl
def ihacpa_save_backends() -> list[Offer[SaveBackend]]:
    return [
        Offer(
            name="openpyxl",
            factory=lambda options, context: _backend(options, context),
            options=OpenpyxlOptions,
            summary="openpyxl: keeps formatting; says before the first save what it would lose",
        )
    ]


def _backend(options: OpenpyxlOptions, context: RunContext) -> SaveBackend:
    return OpenpyxlBackend(options, context.state_dir, context.files)
