"""Asking the advisory database about one version of one package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ihacpa_core import Finding, Verdict
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase
from ihacpa_plugins.source.osv.clean import Clean, clean_version
from ihacpa_plugins.source.osv.evaluate import advisory
from ihacpa_plugins.source.osv.group import findings


@dataclass(frozen=True, slots=True)
class Match:
    """What the advisories say about one version. `clean` is looked for only where something was found."""

    findings: tuple[Finding, ...]
    clean: Clean | None = None

    @property
    def verdict(self) -> Verdict:
        verdicts = {finding.verdict for finding in self.findings}
        ranked = (Verdict.AFFECTED, Verdict.UNCERTAIN)
        return next((verdict for verdict in ranked if verdict in verdicts), Verdict.NOT_AFFECTED)


def match(database: AdvisoryDatabase, package: str, version: str, candidates: Sequence[str] = ()) -> Match:
    """Every flaw of a package, by its canonical name, and whether `version` has it.

    :param candidates: the releases that there are, for `clean`.
    :raises AdvisoryDataError: the records cannot be read.
    """
    return matched(database.bodies(package), package, version, candidates)


def matched(bodies: Iterable[bytes], package: str, version: str, candidates: Sequence[str] = ()) -> Match:
    """The same for the JSON texts of the package's records, wherever they come from."""
    advisories = [advisory(body, package) for body in bodies]
    found = Match(findings(advisories, version))
    if found.verdict is Verdict.NOT_AFFECTED:
        return found
    return Match(found.findings, clean_version(advisories, version, candidates))
