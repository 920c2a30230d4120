"""What is kept of a package's document: enough to answer for any installed version."""

from __future__ import annotations

from datetime import date

import msgspec
from packaging.version import InvalidVersion, Version

from ihacpa_core import Release


class ReleaseFacts(msgspec.Struct, frozen=True, array_like=True):
    """One release.

    :param date: the UTC day on which its first file was uploaded.
    :param files: whether it has any.
    :param yanked: all of its files are yanked.
    """

    version: str
    date: date | None = None
    files: bool = False
    yanked: bool = False
    reason: str = ""

    @property
    def usable(self) -> bool:
        return self.files and not self.yanked


class PackageFacts(msgspec.Struct, frozen=True, array_like=True):
    """One package; `releases` are in PEP 440 order, those that PEP 440 cannot read first."""

    name: str
    latest: str
    requires: str
    status: str
    github: str
    releases: tuple[ReleaseFacts, ...]

    def find(self, version: str) -> ReleaseFacts | None:
        """The release that `version` means: by its text, else by PEP 440 equality (1.0 is 1.0.0)."""
        for release in self.releases:
            if release.version == version:
                return release
        wanted = parsed(version)
        if wanted is None:
            return None
        return next((release for release in self.releases if parsed(release.version) == wanted), None)


def parsed(version: str) -> Version | None:
    """`version` as PEP 440 reads it, or None if it cannot."""
    try:
        return Version(version)
    except InvalidVersion:
        return None


def release_of(facts: PackageFacts, version: str) -> Release:
    """What `facts` say about a package of which `version` is installed."""
    installed = facts.find(version)
    latest = facts.find(facts.latest)
    return Release(
        name=facts.name,
        latest=facts.latest,
        latest_date=latest.date if latest else None,
        installed_exists=installed is not None and installed.files,
        installed_date=installed.date if installed else None,
        yanked=installed is not None and installed.yanked,
        yanked_reason=installed.reason if installed else "",
        requires=facts.requires,
        status=facts.status,
        github=facts.github,
        versions=tuple(release.version for release in facts.releases if release.usable),
    )
