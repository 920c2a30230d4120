"""The processor `package-review`: releases, known vulnerabilities and a recommendation for a Python package a row."""

from __future__ import annotations

from collections.abc import Iterable

from ihacpa_core import Offer, Processor, RunContext, hookimpl
from ihacpa_plugins.processor.package_review.options import ReviewOptions
from ihacpa_plugins.processor.package_review.processor import PackageReview


def _make(options: ReviewOptions, context: RunContext) -> Processor:
    sources = {name: context.part("source", name) for name in options.sources}
    return PackageReview(options, sources, context.warn, context.config_dir)


def _sources_of(options: ReviewOptions) -> Iterable[tuple[str, str]]:
    return [("source", name) for name in options.sources]


@hookimpl
def ihacpa_processors() -> list[Offer[Processor]]:
    return [
        Offer(
            name="package-review",
            factory=_make,
            options=ReviewOptions,
            summary="Python packages: releases, known vulnerabilities, a recommendation",
            needs=_sources_of,
        )
    ]
