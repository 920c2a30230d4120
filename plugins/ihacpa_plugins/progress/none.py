"""The progress reporter `none`: says nothing."""

from __future__ import annotations

from ihacpa_core import Offer, ProgressReporter, hookimpl


@hookimpl
def ihacpa_progress_reporters() -> list[Offer[ProgressReporter]]:
    return [Offer(name="none", factory=lambda options, context: ProgressReporter(), summary="nothing at all")]
