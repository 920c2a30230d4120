"""Asking the advisory database about one version of one package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ihacpa_core import Finding, Verdict
from ihacpa_plugins.source.osv.clean import clean_version
from ihacpa_plugins.source.osv.database import AdvisoryDatabase
from ihacpa_plugins.source.osv.evaluate import advisory
from ihacpa_plugins.source.osv.group import findings


@dataclass(frozen=True, slots=True)
class Match:
    """What the advisories say about one version. `clean_version` is looked for only where something was found."""

    findings: tuple[Finding, ...]
    clean_version: str | None = None

    @property
    def verdict(self) -> Verdict:
        verdicts = {finding.verdict for finding in self.findings}
        ranked = (Verdict.AFFECTED, Verdict.UNCERTAIN)
        return next((verdict for verdict in ranked if verdict in verdicts), Verdict.NOT_AFFECTED)


def match(database: AdvisoryDatabase, package: str, version: str, candidates: Sequence[str] = ()) -> Match:
    """Every flaw of a package, by its canonical name, and whether `version` has it.

    :param candidates: the releases that there are, for `clean_version`.
    :raises AdvisoryDataError: the records cannot be read.
    """
    advisories = [advisory(body, package) for body in database.bodies(package)]
    found = Match(findings(advisories, version))
    if found.verdict is Verdict.NOT_AFFECTED:
        return found
    return Match(found.findings, clean_version(advisories, version, candidates))
