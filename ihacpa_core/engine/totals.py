"""What a run did in all its processes together: what the journal knows of those before, and what this one did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ihacpa_core.records import Outcome
from ihacpa_core.state import RunMetrics

SLOWEST = 5
"""How many of the slowest records are named."""


class Earlier:
    """Folds the journal of a run into what its processes did.

    A process that ends in peace writes its own account, which counts. Of one that was killed the journal has what it
    made durable: its batches with their times, its saves, the attempts of its records.
    """

    def __init__(self) -> None:
        self.metrics = RunMetrics()

    def account(self, metrics: RunMetrics) -> None:
        """A process ended in peace, and this is what the run had done until then."""
        self.metrics = metrics

    def outcome(self, outcome: Outcome) -> None:
        """An outcome became durable."""
        slowest = self.metrics.slowest
        if outcome.attempts > 1 or len(slowest) < SLOWEST or outcome.seconds > slowest[-1][1]:
            self.metrics = replace(
                self.metrics,
                retries=self.metrics.retries + max(0, outcome.attempts - 1),
                slowest=_slowest([*slowest, (str(outcome.id), outcome.seconds)]),
            )

    def batch(self, seconds: float) -> None:
        """A batch was committed; it took the run at least so long."""
        known = self.metrics
        self.metrics = replace(
            known,
            batches=known.batches + 1,
            wall_seconds=known.wall_seconds + seconds,
            processing_seconds=known.processing_seconds + seconds,
        )

    def save(self) -> None:
        """The workbook was saved."""
        self.metrics = replace(self.metrics, saves=self.metrics.saves + 1)


def together(before: RunMetrics, now: RunMetrics) -> RunMetrics:
    """The whole run: `before` this process, and in it. What became of the records `now` knows for all of them."""
    return replace(
        now,
        resumed=0,
        normalised=before.normalised + now.normalised,
        batches=before.batches + now.batches,
        saves=before.saves + now.saves,
        checkpoints=before.checkpoints + now.checkpoints,
        retries=before.retries + now.retries,
        cells_written=before.cells_written + now.cells_written,
        formulas_kept=before.formulas_kept + now.formulas_kept,
        observer_errors=before.observer_errors + now.observer_errors,
        warnings=before.warnings + now.warnings,
        wall_seconds=before.wall_seconds + now.wall_seconds,
        processing_seconds=before.processing_seconds + now.processing_seconds,
        saving_seconds=before.saving_seconds + now.saving_seconds,
        waiting_seconds=before.waiting_seconds + now.waiting_seconds,
        peak_memory=max(before.peak_memory, now.peak_memory),
        slowest=_slowest([*before.slowest, *now.slowest]),
    )


def _slowest(taken: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The slowest of them; a record that was done twice stands there once."""
    longest: dict[str, float] = {}
    for name, seconds in taken:
        longest[name] = max(seconds, longest.get(name, 0.0))
    return tuple(sorted(longest.items(), key=lambda item: (-item[1], item[0]))[:SLOWEST])
