"""How names are compared, and what is said about mistyped ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


def canonical(name: str) -> str:
    """A distribution's name in the form of PEP 503: ``Ihacpa_Acme`` is ``ihacpa-acme``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was most likely meant, or an empty text."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'memory'?``, or an empty text if nothing comes near."""
    match = nearest(word, known)
    return f"did you mean '{match}'?" if match else ""
