"""Findings that a person decided not to act on: each with an id, a reason and a last day, and never out of sight.

A suppression changes no fact: the finding stays in its column, marked. It only no longer decides the recommendation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Protocol

import msgspec
from packaging.utils import canonicalize_name

from ihacpa_core import Finding, Verdict
from ihacpa_plugins.processor.package_review.reading import Entry
from ihacpa_plugins.processor.package_review.versions import parsed

LastDay = Annotated[date, msgspec.Meta(description="the last day on which it holds: 2026-12-31")]


class SuppressOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table ``[[processor.package-review.suppress]]``."""

    id: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^\S+$",
            description="the finding: CVE, GHSA, PYSEC or another id of it",
            extra={"expected": "an id"},
        ),
    ]
    reason: Annotated[
        str, msgspec.Meta(pattern=r"\S", description="why it need not be acted on", extra={"expected": "a reason"})
    ]
    expires: LastDay
    package: Annotated[str, msgspec.Meta(description="only in this package; empty: in any")] = ""
    version: Annotated[str, msgspec.Meta(description="only in this installed version; empty: in any")] = ""


class VexOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table ``[[processor.package-review.vex]]``."""

    file: Annotated[str, msgspec.Meta(min_length=1, description="an OpenVEX document (JSON)")]
    expires: LastDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Why a finding is not acted on.

    :param names: ids of the finding, in capital letters; one that fits is enough.
    :param package: in canonical form; empty means any. `version` likewise.
    :param by: who says so: ``settings``, or the name of an OpenVEX file.
    """

    names: frozenset[str]
    reason: str
    expires: date
    package: str = ""
    version: str = ""
    by: str = "settings"

    def fits(self, entry: Entry, finding: Finding) -> bool:
        """Whether it is about this finding in this entry; on which day is not its business."""
        if self.package and self.package != entry.canonical:
            return False
        if self.version and not _same(self.version, entry.version):
            return False
        return any(name.upper() in self.names for name in finding.ids)

    @property
    def label(self) -> str:
        """``CVE-2024-1 in jinja2 3.1.2``."""
        where = " ".join(filter(None, (self.package, self.version)))
        return f"{min(self.names)} in {where}" if where else min(self.names)


class Statements(Protocol):
    """Statements about findings that can contradict each other: an OpenVEX file."""

    def about(self, entry: Entry, finding: Finding) -> Suppression | None:
        """The suppression that holds for this finding by what was said last; None if none does."""


class Suppressions:
    """The suppressions of a run.

    :param today: the day for which they are judged.
    """

    def __init__(
        self, listed: Iterable[SuppressOptions], statements: Sequence[Statements] = (), *, today: date
    ) -> None:
        self._listed = [_of_settings(options) for options in listed]
        self._statements = tuple(statements)
        self._today = today

    @property
    def expired(self) -> list[Suppression]:
        """Those of the settings whose last day is over."""
        return [each for each in self._listed if each.expires < self._today]

    def of(self, entry: Entry, findings: Iterable[Finding]) -> dict[str, Suppression]:
        """The suppression of each finding that hits `entry` and has one, by every id of the finding."""
        held: dict[str, Suppression] = {}
        for finding in findings:
            found = None if finding.verdict is Verdict.NOT_AFFECTED else self._of(entry, finding)
            if found is not None:
                held.update(dict.fromkeys(finding.ids, found))
        return held

    def _of(self, entry: Entry, finding: Finding) -> Suppression | None:
        """The one that holds longest; those that are over do not count."""
        fitting = [each for each in self._listed if each.fits(entry, finding)]
        fitting += [said for each in self._statements if (said := each.about(entry, finding)) is not None]
        holding = [each for each in fitting if each.expires >= self._today]
        return max(holding, key=lambda each: each.expires, default=None)


def _of_settings(options: SuppressOptions) -> Suppression:
    return Suppression(
        names=frozenset({options.id.upper()}),
        reason=" ".join(options.reason.split()),
        expires=options.expires,
        package=canonicalize_name(options.package.strip()),
        version=options.version.strip(),
    )


def _same(version: str, other: str) -> bool:
    """Whether two texts mean one version: 1.0 and 1.0.0 do."""
    one = parsed(version)
    return version == other or (one is not None and one == parsed(other))
