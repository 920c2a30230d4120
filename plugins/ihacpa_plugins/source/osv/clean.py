"""The version to update to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.version import Version

from ihacpa_plugins.source.osv.evaluate import Advisory
from ihacpa_plugins.source.osv.timeline import any_of, parse


@dataclass(frozen=True, slots=True)
class Clean:
    """A version to update to; not `sure` where some record may hit it, and there is none that all are sure of."""

    version: str
    sure: bool = True


def clean_version(advisories: Iterable[Advisory], installed: str, candidates: Sequence[str]) -> Clean | None:
    """The lowest version above `installed` that no live record hits.

    Final releases come before pre-releases, and the same major version before any other. `candidates` are the releases
    that there are; where nobody knows them, the fixed versions that the records name take their place. A version that
    some record is uncertain about is taken only if there is none that all are sure of.
    """
    live = [item for item in advisories if item.live]
    version = parse(installed.strip())
    if version is None:
        return None
    names = candidates or [fix for item in live for fix in item.fixes()]
    ordered = _in_order(names, version)
    uncertain: Clean | None = None
    for text in ordered:
        hit = any_of(item.hits(text) for item in live)
        if hit is False:
            return Clean(text)
        if hit is None and uncertain is None:
            uncertain = Clean(text, sure=False)
    return uncertain


def _in_order(names: Iterable[str], installed: Version) -> list[str]:
    """The names of versions above `installed`, the most wanted first; one of each version."""
    above = {version: text for text in names if (version := parse(text)) is not None and version > installed}

    def wanted(version: Version) -> tuple[bool, bool, Version]:
        other_major = (version.epoch, version.major) != (installed.epoch, installed.major)
        return (version.is_prerelease, other_major, version)

    return [above[version] for version in sorted(above, key=wanted)]
