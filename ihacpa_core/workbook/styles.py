"""The colours that a meaning has: Excel's own Good, Bad and Neutral, and two more of the same kind."""

from __future__ import annotations

from dataclasses import dataclass

from ihacpa_core.records import CellStyle


@dataclass(frozen=True, slots=True)
class Look:
    """A fill and a font colour, RGB in hexadecimal. Together they have a contrast of 4.5 or more (WCAG AA)."""

    fill: str
    font: str


PALETTE = {
    CellStyle.GOOD: Look(fill="C6EFCE", font="006100"),
    CellStyle.BAD: Look(fill="FFC7CE", font="9C0006"),
    CellStyle.WARN: Look(fill="FFD9A8", font="7F3F00"),
    CellStyle.INFO: Look(fill="DDEBF7", font="1F4E78"),
    CellStyle.ACCENT: Look(fill="E4DFEC", font="4B2E83"),
}
"""Green, red, orange, blue, purple."""
