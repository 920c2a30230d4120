"""Checkpoints: named points of a run, each with a copy of the workbook. They ride on saves."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ihacpa_core.engine.backups import make_backup, prune_backups
from ihacpa_core.engine.saver import SaveReceipt
from ihacpa_core.errors import IhacpaError
from ihacpa_core.events import CheckpointWritten
from ihacpa_core.fileops import FileOps
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import CheckpointData, RunMetrics


class CheckpointManager:
    """Writes a checkpoint with the first save after every so many batches, and clears up at the end.

    :param every: batches between checkpoints.
    :param measure: the run's metrics and the journal's last sequence number, as they are now.
    :param written: hears of each checkpoint; called in the saving thread.
    :param failed: hears why one could not be written; the save that it rides on stands.
    :param original: the file name of the original's backup once there is one; it is never pruned.
    """

    def __init__(
        self,
        *,
        store: CheckpointStore,
        ops: FileOps,
        run_id: str,
        target: Path,
        backups: Path,
        every: int,
        keep_backups: int,
        measure: Callable[[], tuple[RunMetrics, int]],
        written: Callable[[CheckpointWritten], None],
        failed: Callable[[str], None],
        original: Callable[[], str | None],
    ) -> None:
        self._store = store
        self._ops = ops
        self._run_id = run_id
        self._target = target
        self._backups = backups
        self._every = every
        self._keep_backups = keep_backups
        self._measure = measure
        self._written = written
        self._failed = failed
        self._original = original
        self._batch = 0
        self._batches_since = 0

    def batch_committed(self, number: int) -> None:
        """Count a batch; after enough of them the next save carries a checkpoint."""
        self._batch = number
        self._batches_since += 1

    def ask(self) -> None:
        """Let the next save carry a checkpoint, whatever was counted."""
        self._batches_since = max(self._batches_since, self._every)

    def after_save(self, receipt: SaveReceipt) -> None:
        """Write a checkpoint if one is due; the workbook is what `receipt` says."""
        if self._batches_since < self._every:
            return
        try:
            self._write(receipt)
        except (OSError, IhacpaError) as error:
            self._failed(f"the checkpoint after batch {self._batch} could not be written: {error}")
        else:
            self._batches_since = 0

    def remove_all(self) -> None:
        """Forget the run's checkpoints: it came to its end."""
        for checkpoint in self._store.checkpoints(self._run_id):
            self._store.remove_checkpoint(checkpoint.checkpoint_id)

    def prune(self) -> None:
        """Remove old backups, but for the original's and those that a kept checkpoint names."""
        named = {checkpoint.backup for checkpoint in self._store.checkpoints(self._run_id)}
        original = self._original()
        protected = named | ({original} if original else set())
        prune_backups(self._ops, self._backups, keep=self._keep_backups, protected=protected)

    def _write(self, receipt: SaveReceipt) -> None:
        started = time.monotonic()
        backup = make_backup(self._ops, self._target, self._backups, receipt.fingerprint)
        metrics, sequence = self._measure()
        checkpoint = CheckpointData(
            checkpoint_id=f"{self._run_id}-{self._batch:05d}-{secrets.token_hex(2)}",
            run_id=self._run_id,
            created=datetime.now(UTC),
            sequence=sequence,
            batch=self._batch,
            metrics=metrics,
            workbook=receipt.fingerprint,
            backup=backup.name,
        )
        self._store.write_checkpoint(checkpoint)
        self.prune()
        self._written(
            CheckpointWritten(
                checkpoint_id=checkpoint.checkpoint_id, batch=self._batch, seconds=time.monotonic() - started
            )
        )
