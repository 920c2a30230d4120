"""The source `snyk`: Snyk's own vulnerabilities, over its API, with a token."""

from __future__ import annotations

from ihacpa_core import Offer, ReviewSource, RunContext, hookimpl
from ihacpa_plugins.source.snyk.options import SnykOptions


def _make(options: SnykOptions, context: RunContext) -> ReviewSource:
    from ihacpa_plugins.source.snyk.source import SnykSource  # only where it is selected

    return SnykSource(options, context)


@hookimpl
def ihacpa_review_sources() -> list[Offer[ReviewSource]]:
    return [
        Offer(
            name="snyk",
            factory=_make,
            options=SnykOptions,
            summary="Snyk's vulnerabilities; needs a token",
        )
    ]
