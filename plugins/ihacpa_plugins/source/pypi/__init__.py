"""The source `pypi`: a package index that answers ``/pypi/NAME/json``."""

from __future__ import annotations

from ihacpa_core import HealthCheck, Offer, ReviewSource, hookimpl
from ihacpa_plugins.source.pypi.health import check
from ihacpa_plugins.source.pypi.options import PypiOptions
from ihacpa_plugins.source.pypi.source import PypiSource


@hookimpl
def ihacpa_review_sources() -> list[Offer[ReviewSource]]:
    return [
        Offer(
            name="pypi",
            factory=lambda options, context: PypiSource(options, context),
            options=PypiOptions,
            summary="the package index: releases, dates, links",
        )
    ]


@hookimpl
def ihacpa_health_checks() -> list[HealthCheck]:
    return [HealthCheck(name="index", run=check)]
