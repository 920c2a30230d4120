"""Comparing versions that PEP 440 may not be able to read."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def parsed(text: str) -> Version | None:
    """`text` as PEP 440 reads it, or None if it cannot."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def order(text: str) -> tuple[bool, Version, str]:
    """A sort key: what PEP 440 cannot read comes before all that it can."""
    version = parsed(text)
    return version is not None, version or Version("0"), text


def is_newer(latest: str, installed: str) -> bool:
    """Whether `latest` comes after `installed`; one that PEP 440 cannot read is never newer."""
    newest, old = parsed(latest), parsed(installed)
    return newest is not None and (old is None or newest > old)


def major(text: str) -> tuple[int, int] | None:
    """Epoch and first number, or None where there is no telling."""
    version = parsed(text)
    return (version.epoch, version.major) if version is not None else None
