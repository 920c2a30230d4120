"""Where the advisory database lies."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

from ihacpa_core import RunContext


class Located(Protocol):
    """A source that knows the advisory database's place: the built-in `osv`."""

    @property
    def database(self) -> Path:
        """The file."""


def database_file(text: str, base: Path) -> Path:
    """The file that a setting names; ~ and $VARIABLES are expanded, a relative path starts from `base`."""
    if not os.environ.get("XDG_DATA_HOME"):
        # https://specifications.freedesktop.org/basedir-spec: unset or empty means this folder
        text = re.sub(r"\$(XDG_DATA_HOME\b|\{XDG_DATA_HOME\})", lambda _: "~/.local/share", text)
    return base / Path(os.path.expandvars(text)).expanduser()


def shared_database(own: str, context: RunContext) -> Path:
    """The file that a source reads: what its own setting names, else the one that the source `osv` reads."""
    if own:
        return database_file(own, context.config_dir)
    osv: Located = context.part("source", "osv")
    return osv.database
