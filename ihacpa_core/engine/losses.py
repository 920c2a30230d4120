"""Asks the save backend what it would lose, before the first save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ihacpa_core.errors import DecisionNeeded, WorkbookError
from ihacpa_core.roles import Loss, SaveBackend


def check_losses(backend: SaveBackend, name: str, source: Path, warn: Callable[[str], None]) -> None:
    """Warn of what Excel makes again by itself; stop for anything else, unless the settings accept it.

    :raises DecisionNeeded: the backend would lose something for good.
    :raises WorkbookError: the backend cannot work on this workbook, or has no room to find out.
    """
    losses = _inspected(backend, source)
    remade = [loss.what for loss in losses if loss.remade]
    lost = [loss.what for loss in losses if not loss.remade]
    if remade:
        warn(f"Excel will make again on opening: {'; '.join(remade)}")
    if not lost:
        return
    if not backend.accept_loss:
        raise DecisionNeeded(
            f"saving {source.name} with {name} would lose {_listed(lost)}",
            why="the workbook holds things that this save backend does not keep; nothing was written",
            hint=f"-o save.{name}.accept_loss=true accepts that; the original is kept as a backup",
        )
    warn(f"accepted: saving loses {_listed(lost)}")


def _inspected(backend: SaveBackend, source: Path) -> Sequence[Loss]:
    try:
        return backend.inspect(source)
    except OSError as error:
        raise WorkbookError(
            f"what a save would lose from {source.name} cannot be found out",
            why=f"{error.filename or source}: {error.strerror or error}",
            hint="make room for temporary files, or name another folder for them in TMPDIR; nothing was written",
        ) from error


def _listed(things: Sequence[str], most: int = 8) -> str:
    shown = "; ".join(things[:most])
    return shown if len(things) <= most else f"{shown}; and {len(things) - most} more"
