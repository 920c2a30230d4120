"""What the advisory database knows of the exploitation of flaws, set by set: what was never brought in is unknown."""

from __future__ import annotations

from dataclasses import dataclass

from ihacpa_core import Finding
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase


@dataclass(frozen=True, slots=True)
class Signs:
    """Of one flaw. None: nobody knows, because the set was never brought in, or holds no such CVE in the case of EPSS.

    :param known_exploited: by CISA's catalogue.
    :param epss: the chance of exploitation within 30 days, 0.0 to 1.0.
    :param exploits: public ones, ``EDB-50331``.
    """

    known_exploited: bool | None = None
    epss: float | None = None
    exploits: tuple[str, ...] | None = None


def signs_of(database: AdvisoryDatabase, finding: Finding) -> Signs:
    """What is known of a finding by its CVEs.

    :raises AdvisoryDataError: the database cannot be read.
    """
    cves = [name for name in finding.ids if name.startswith("CVE-")]
    has = database.sets.keys()
    exploits = database.exploits(cves) if "exploitdb" in has else None
    return Signs(
        known_exploited=bool(database.known_exploited(cves)) if "kev" in has else None,
        epss=max(database.chances(cves).values(), default=None) if "epss" in has else None,
        exploits=None if exploits is None else tuple(sorted({name for names in exploits.values() for name in names})),
    )
