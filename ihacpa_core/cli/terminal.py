"""Whether a stream takes colours."""

from __future__ import annotations

import os
from typing import TextIO


def use_colour(choice: str, stream: TextIO) -> bool:
    """`choice` is ``always``, ``never`` or ``auto``: a terminal, unless NO_COLOR or TERM=dumb says otherwise."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()
