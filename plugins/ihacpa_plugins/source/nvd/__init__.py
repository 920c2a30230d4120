"""The source `nvd`: ratings from NIST's National Vulnerability Database, online. It finds nothing by itself."""

from __future__ import annotations

from ihacpa_core import Offer, ReviewSource, RunContext, hookimpl
from ihacpa_plugins.source.nvd.options import NvdOptions


def _make(options: NvdOptions, context: RunContext) -> ReviewSource:
    from ihacpa_plugins.source.nvd.source import NvdSource  # only where it is selected

    return NvdSource(options, context)


@hookimpl
def ihacpa_review_sources() -> list[Offer[ReviewSource]]:
    return [
        Offer(
            name="nvd",
            factory=_make,
            options=NvdOptions,
            summary="ratings of flaws that nobody else rated: NIST's NVD, online",
        )
    ]
