"""The `epss` source of the package review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from ihacpa_core import Finding, RunContext, parse_duration
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase
from ihacpa_plugins.advisory_data.enrichment import LocalEnrichment, facts
from ihacpa_plugins.advisory_data.place import shared_database
from ihacpa_plugins.source.epss.options import EpssOptions


class EpssSource(LocalEnrichment):
    """Tells of how likely a flaw is to be exploited within 30 days, FIRST's EPSS."""

    name = "epss"

    def __init__(self, options: EpssOptions, context: RunContext) -> None:
        age = timedelta(seconds=parse_duration(options.max_age))
        super().__init__(shared_database(options.database, context), age, context.warn)

    def know(self, database: AdvisoryDatabase, cves: Iterable[str]) -> Mapping[str, Finding]:
        return {cve: facts(cve, epss=chance) for cve, chance in database.chances(cves).items()}
