"""Advisories in OSV form, matched against PEP 440 versions on this side, from one local database file."""

from __future__ import annotations

from ihacpa_core import Offer, ReviewSource, RunContext, hookimpl
from ihacpa_plugins.source.osv.options import OsvOptions

__all__ = ["OsvOptions", "ihacpa_review_sources"]


def _make(options: OsvOptions, context: RunContext) -> ReviewSource:
    from ihacpa_plugins.source.osv.source import OsvSource  # sqlite3 and packaging, only where it is selected

    return OsvSource(options, context)


@hookimpl
def ihacpa_review_sources() -> list[Offer[ReviewSource]]:
    return [
        Offer(
            name="osv",
            factory=_make,
            options=OsvOptions,
            summary="advisories (PYSEC, GHSA, CVE, MAL) from a local copy of OSV's data",
        )
    ]
