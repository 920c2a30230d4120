"""Checkpoints: named points of a run, each with a copy of the workbook. They ride on saves."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ihacpa_core.config.model import CoreOptions
from ihacpa_core.config.units import parse_duration
from ihacpa_core.engine.backups import make_backup, prune_backups
from ihacpa_core.engine.saver import SaveReceipt
from ihacpa_core.errors import IhacpaError
from ihacpa_core.events import CheckpointWritten
from ihacpa_core.fileops import FileOps
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import CheckpointData, RunMetrics, RunState


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a checkpoint will say if the save that just began carries it: taken when the save began.

    :param due: whether it carries one.
    """

    due: bool
    batch: int
    sequence: int
    metrics: RunMetrics


def expiry(core: CoreOptions) -> timedelta | None:
    """How long a checkpoint is good for; None if the settings keep checkpoints until they are removed by name."""
    return None if core.keep_checkpoints else timedelta(seconds=parse_duration(core.checkpoint_expiry))


def all_checkpoints(store: CheckpointStore) -> list[CheckpointData]:
    """Every checkpoint that is whole, of whatever run, oldest run first."""
    return [checkpoint for run_id in store.runs() for checkpoint in store.checkpoints(run_id)]


class CheckpointManager:
    """Writes a checkpoint with the first save after every so many batches, and clears up at the end.

    :param every: batches between checkpoints.
    :param measure: the run's metrics and the journal's last sequence number, as they are now.
    :param written: hears of each checkpoint; called in the saving thread.
    :param failed: hears why one could not be written; the save that it rides on stands.
    :param original: the file name of the original's backup once there is one; it is never pruned.
    :param expires_after: how long a checkpoint is good for (see `expiry`); None for ever.
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
        expires_after: timedelta | None = None,
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
        self._expires_after = expires_after
        self._batch = 0
        self._batches_since = 0

    def batch_committed(self, number: int) -> None:
        """Count a batch; after enough of them the next save carries a checkpoint."""
        self._batch = number
        self._batches_since += 1

    def ask(self) -> None:
        """Let the next save carry a checkpoint, whatever was counted."""
        self._batches_since = max(self._batches_since, self._every)

    def ticket(self) -> Ticket:
        """In the main thread, when a save begins: what it covers, and whether it carries a checkpoint."""
        metrics, sequence = self._measure()
        due = self._batches_since >= self._every
        if due:
            self._batches_since = 0
        return Ticket(due, self._batch, sequence, metrics)

    def after_save(self, receipt: SaveReceipt, ticket: Ticket) -> None:
        """In the saving thread: write the checkpoint that `ticket` is for; the workbook is what `receipt` says."""
        if not ticket.due:
            return
        try:
            self._write(receipt, ticket)
        except (OSError, IhacpaError) as error:
            self._failed(f"the checkpoint after batch {ticket.batch} could not be written: {error}")

    def remove_all(self) -> None:
        """Forget the run's checkpoints: it came to its end."""
        for checkpoint in self._store.checkpoints(self._run_id):
            self._store.remove_checkpoint(checkpoint.checkpoint_id)

    def prune(self) -> None:
        """Remove what earlier runs left and is out of date, and old backups. Only under the workbook's lock.

        A checkpoint of this run stays, whatever its age, and so do the backups of the original and of every checkpoint
        that is kept.
        """
        now = datetime.now(UTC)
        kept = []
        for checkpoint in all_checkpoints(self._store):
            if checkpoint.run_id != self._run_id and checkpoint.is_expired(now):
                self._store.remove_checkpoint(checkpoint.checkpoint_id)
            else:
                kept.append(checkpoint)
        original = self._original()
        protected = {checkpoint.backup for checkpoint in kept} | ({original} if original else set())
        prune_backups(self._ops, self._backups, keep=self._keep_backups, protected=protected)

    def _write(self, receipt: SaveReceipt, ticket: Ticket) -> None:
        started = time.monotonic()
        backup = make_backup(self._ops, self._target, self._backups, receipt.fingerprint)
        checkpoint = self._made(receipt, ticket, backup.name)
        self._store.write_checkpoint(checkpoint)
        self.prune()
        self._written(
            CheckpointWritten(
                checkpoint_id=checkpoint.checkpoint_id, batch=ticket.batch, seconds=time.monotonic() - started
            )
        )

    def _made(self, receipt: SaveReceipt, ticket: Ticket, backup: str) -> CheckpointData:
        created = datetime.now(UTC)
        return CheckpointData(
            checkpoint_id=f"{self._run_id}-{ticket.batch:05d}-{secrets.token_hex(2)}",
            run_id=self._run_id,
            created=created,
            sequence=ticket.sequence,
            batch=ticket.batch,
            metrics=ticket.metrics,
            workbook=receipt.fingerprint,
            backup=backup,
            state=_state(ticket.metrics),
            expires=None if self._expires_after is None else created + self._expires_after,
        )


def _state(metrics: RunMetrics) -> RunState:
    """Finished, if every record of the run had its outcome."""
    settled = metrics.done + metrics.failed + metrics.skipped
    return RunState.FINISHED if settled >= metrics.records else RunState.UNFINISHED
