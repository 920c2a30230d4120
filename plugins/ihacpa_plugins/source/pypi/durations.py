"""Durations as people write them: ``30s``, ``5m``, ``24h``, ``7d``."""

from __future__ import annotations

PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,3})?[smhd]$"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """The seconds of a text that matches `PATTERN`."""
    return float(text[:-1]) * _SECONDS[text[-1]]
