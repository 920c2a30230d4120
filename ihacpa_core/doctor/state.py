"""Whether the journal can be trusted, and the state of earlier runs is private."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ihacpa_core.engine.preparation import Plan
from ihacpa_core.errors import ExitCode
from ihacpa_core.health import CheckResult
from ihacpa_core.journal import JournalEntry
from ihacpa_core.roles import CheckpointStore
from ihacpa_core.state import CheckpointData, Fingerprint, RunMetrics


def _drop(message: str) -> None:
    """Nothing that a store warns of in a scratch folder concerns anybody."""


def round_trip(plan: Plan) -> CheckResult:
    """Whether the checkpoint store gives back what it was given, in a scratch folder.

    :raises StoreError: it cannot be written or read.
    """
    word = plan.settings.core.checkpoint
    run_id = f"doctor-{plan.run_id}"
    entries = [JournalEntry(run_id=run_id, sequence=n, kind="choice", payload={"check": "π"}) for n in (1, 2)]
    checkpoint = _checkpoint(run_id)
    with TemporaryDirectory(prefix="ihacpa-doctor-") as scratch:
        store = _store(plan, Path(scratch), run_id)
        store.append(entries)
        store.write_checkpoint(checkpoint)
        store.close()
        store = _store(plan, Path(scratch), run_id)
        found = list(store.entries(run_id)), list(store.checkpoints(run_id))
        store.remove_checkpoint(checkpoint.checkpoint_id)
        store.close()
    if found != (entries, [checkpoint]):
        told = f"{word} gives back something else than it was given"
        return CheckResult.failed(told, fix="choose another one under checkpoint", exit_code=ExitCode.WORKBOOK)
    return CheckResult.passed(f"{word} gives back what it is given")


def _store(plan: Plan, scratch: Path, run_id: str) -> CheckpointStore:
    chosen = plan.settings.one("checkpoint")
    context = replace(plan.context(_drop, argument=chosen.argument), state_dir=scratch, run_id=run_id)
    store: CheckpointStore = chosen.offer.factory(chosen.options, context)
    return store


def _checkpoint(run_id: str) -> CheckpointData:
    return CheckpointData(
        checkpoint_id=f"{run_id}-1",
        run_id=run_id,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        sequence=2,
        batch=1,
        metrics=RunMetrics(records=2, done=2),
        workbook=Fingerprint(sha256="0" * 64, size=1),
        backup="none.xlsx",
    )


def earlier_runs(plan: Plan) -> CheckResult:
    """Whether the journal of this workbook can be read.

    :raises StoreError: it cannot.
    """
    if not plan.folder.path.is_dir():
        return CheckResult.passed("no run of this workbook yet")
    store: CheckpointStore = plan.build("checkpoint", _drop, read_only=True)
    try:
        runs = store.runs()
        entries = sum(1 for run in runs for _ in store.entries(run))
    finally:
        store.close()
    return CheckResult.passed(f"{len(runs):,} runs with {entries:,} journal entries, all of them readable")


def private(plan: Plan) -> CheckResult:
    """Whether the state folder is for its owner's eyes only."""
    folder = plan.folder.path
    if not folder.is_dir():
        return CheckResult.passed(f"{folder} is not there yet")
    if os.name == "nt":
        return CheckResult.skipped("Windows keeps it in the user's own rights")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        fix = f"chmod -R go-rwx '{folder}'"
        return CheckResult.warned(f"others may look into {folder} (mode {mode:04o})", fix=fix)
    return CheckResult.passed(f"{folder} (mode {mode:04o})")
