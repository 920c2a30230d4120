"""Who a record is and what it was made from, whatever row it stands in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import date

from ihacpa_core.records import CellValue, Record


def input_digest(record: Record, letters: Iterable[str]) -> str:
    """A digest of what the cells of `letters` hold: the formula where there is one, else the value.

    A formula's calculated value is left out on purpose: it vanishes when another program saves the workbook.
    """
    parts = [[letter, _token(record, letter)] for letter in sorted(letters)]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _token(record: Record, letter: str) -> str:
    formula = record.formulas.get(letter)
    return f"={formula}" if formula is not None else value_token(record.contents.get(letter))


def value_token(value: CellValue) -> str:
    """A value as text that differs where Excel would show a difference: 1 and 1.0 are one number, "1" is text."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"b:{value}"
    if isinstance(value, int | float):
        return f"n:{value:.15g}"
    if isinstance(value, date):
        return f"d:{value.isoformat().removesuffix('T00:00:00')}"
    return f"s:{value}"
