"""The vocabulary of the package review: what its sources are asked, and what they answer.

A source is a part like any other (`source` is its role word). An index knows releases; an advisory source knows which
flaws affect a version; an enrichment knows more about flaws that others found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from ihacpa_core.records import Level


class SourceKind(StrEnum):
    """When a source is asked: indexes first, then advisories, then enrichments."""

    INDEX = "index"
    ADVISORIES = "advisories"
    ENRICHMENT = "enrichment"


class AnswerState(StrEnum):
    """Whether a source answered. Only OK can ever become "None found" or "SAFE"."""

    OK = "ok"
    FAILED = "failed"
    NOT_CONFIGURED = "not configured"


class Verdict(StrEnum):
    """Whether a flaw affects a version."""

    AFFECTED = "affected"
    NOT_AFFECTED = "not_affected"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What is looked up.

    :param name: as it stands in the workbook; `canonical` is its PEP 503 form.
    :param version: the installed version, as text.
    :param versions: the releases that the index knows and that are neither yanked nor gone; empty before it was asked.
    """

    name: str
    canonical: str
    version: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What an index knows about a package and its installed release. Dates are UTC.

    :param latest: the newest final release that is not yanked; the newest pre-release if there is no final one.
    :param installed_exists: whether the index still has the installed version.
    :param requires: what the installed or the latest release asks for, as one text: ``Python >=3.8``.
    :param github: ``https://github.com/OWNER/REPO``, or empty.
    :param versions: all releases that are neither yanked nor empty.
    """

    name: str
    latest: str
    latest_date: date | None = None
    installed_exists: bool = False
    installed_date: date | None = None
    yanked: bool = False
    yanked_reason: str = ""
    requires: str = ""
    status: str = ""
    github: str = ""
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """How serious a flaw is. `level` is None where nobody said: unknown is never shown as none.

    :param score: 0.0 to 10.0; `vector` is the CVSS vector that it comes from.
    """

    level: Level | None = None
    score: float | None = None
    vector: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One flaw of a package: all advisory records that share an id or an alias, transitively.

    :param id: the id it goes by: CVE before GHSA before PYSEC before any other.
    :param ids: every id and alias, `id` first.
    :param why: the reason for the verdict: ``listed: 1.2``, ``range [4.2, 4.2.15)``.
    :param fixed_in: versions that mend it, lowest first; those above the installed version only.
    :param malicious: the package or release itself is malware.
    """

    id: str
    ids: tuple[str, ...]
    verdict: Verdict
    why: str = ""
    fixed_in: tuple[str, ...] = ()
    severity: Severity = field(default_factory=Severity)
    malicious: bool = False
    known_exploited: bool = False
    epss: float | None = None
    exploits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """What a source says about one package.

    :param note: why it did not answer, a short sentence; or a remark.
    :param as_of: the date of its data.
    :param release: an index's facts; None with state OK means that the index does not know the package.
    :param findings: every flaw that has a record for this package, affected or not.
    :param complete_for: the families of ids (PYSEC, GHSA, MAL, ...) of which the source has every record.
    :param clean_version: the lowest version above the installed one that no live record hits, same major first.
    :param clean_version_sure: False where a record may hit even that, and there is no better one.
    """

    source: str
    state: AnswerState
    note: str = ""
    as_of: date | None = None
    release: Release | None = None
    findings: tuple[Finding, ...] = ()
    complete_for: frozenset[str] = frozenset()
    clean_version: str | None = None
    clean_version_sure: bool = True


class ReviewSource(ABC):
    """One place that the package review asks. Its methods run on the event loop of the main thread."""

    kind: SourceKind

    async def open(self) -> None:
        """Make ready. Called once, before the first look-up.

        :raises IhacpaError: the source cannot be used at all; the run stops before its first record.
        """

    async def close(self) -> None:
        """Let go of everything. Called once if `open` was, whatever happened."""

    @abstractmethod
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        """What this source knows about `package`; `known` is what advisory sources found before it.

        Never raises for a look-up that went wrong: it answers FAILED, with the reason in `note`.
        """
