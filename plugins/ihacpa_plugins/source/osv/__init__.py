"""Advisories in OSV form, matched against PEP 440 versions on this side, from one local database file."""

from __future__ import annotations

from ihacpa_core import CheckResult, HealthCheck, HealthContext, Offer, ReviewSource, RunContext, hookimpl
from ihacpa_plugins.source.osv.options import OsvOptions

__all__ = ["OsvOptions", "ihacpa_health_checks", "ihacpa_review_sources"]


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


def _check(context: HealthContext) -> CheckResult:
    from ihacpa_plugins.source.osv.health import check

    return check(context)


@hookimpl
def ihacpa_health_checks() -> list[HealthCheck]:
    return [HealthCheck(name="advisories", run=_check)]
