"""The source `epss`: how likely a flaw is to be exploited within 30 days, FIRST's EPSS."""

from __future__ import annotations

from ihacpa_core import Offer, ReviewSource, RunContext, hookimpl
from ihacpa_plugins.source.epss.options import EpssOptions


def _make(options: EpssOptions, context: RunContext) -> ReviewSource:
    from ihacpa_plugins.source.epss.source import EpssSource  # sqlite3, only where it is selected

    return EpssSource(options, context)


@hookimpl
def ihacpa_review_sources() -> list[Offer[ReviewSource]]:
    return [
        Offer(
            name="epss",
            factory=_make,
            options=EpssOptions,
            summary="how likely a flaw is to be exploited: FIRST's EPSS",
            needs=lambda options: () if options.database else [("source", "osv")],
        )
    ]
