"""The source `kev`: known exploited vulnerabilities, CISA's catalogue."""

from __future__ import annotations

from ihacpa_core import Offer, ReviewSource, RunContext, hookimpl
from ihacpa_plugins.source.kev.options import KevOptions


def _make(options: KevOptions, context: RunContext) -> ReviewSource:
    from ihacpa_plugins.source.kev.source import KevSource  # sqlite3, only where it is selected

    return KevSource(options, context)


@hookimpl
def ihacpa_review_sources() -> list[Offer[ReviewSource]]:
    return [
        Offer(
            name="kev",
            factory=_make,
            options=KevOptions,
            summary="flaws that are known to be exploited: CISA's catalogue",
            needs=lambda options: () if options.database else [("source", "osv")],
        )
    ]
