"""Removing checkpoints, and the backups that nothing needs any more."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ihacpa_core.engine.backups import list_backups, prune_backups
from ihacpa_core.engine.checkpoints import all_checkpoints
from ihacpa_core.engine.journal import latest_history
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.errors import StoreError
from ihacpa_core.roles import CheckpointStore


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, by name."""

    checkpoints: tuple[str, ...]
    backups: tuple[str, ...]


def prune(plan: Plan, ids: Collection[str], warn: Callable[[str], None]) -> Pruned:
    """Remove the checkpoints `ids`, then the oldest backups beyond `keep_backups` that none of the others names.

    :raises WorkbookLocked: a run is at work.
    :raises StoreError: the checkpoints cannot be removed.
    :raises OSError: a backup cannot be removed.
    """
    ops = plan.request.files
    with WorkbookLock(plan.target, ops).acquire(plan.request.wait):
        store: CheckpointStore = plan.build("checkpoint", warn)
        try:
            for checkpoint_id in ids:
                store.remove_checkpoint(checkpoint_id)
            protected = _protected(plan, store)
        except StoreError as error:
            if ids:
                raise
            warn(f"no backup was removed, since the journal cannot say which are needed: {error}")
            return Pruned((), ())
        finally:
            store.close()
        keep = plan.settings.core.keep_backups
        return Pruned(tuple(ids), tuple(prune_backups(ops, plan.folder.backups, keep=keep, protected=protected)))


def _protected(plan: Plan, store: CheckpointStore) -> set[str]:
    """The backups that stay whatever their age: those of kept checkpoints, and the last run's original."""
    named = {checkpoint.backup for checkpoint in all_checkpoints(store)}
    latest = latest_history(store)
    if latest is None:
        return named
    return named | {each.name for each in list_backups(plan.folder.backups) if each.is_of(latest.info.original)}
