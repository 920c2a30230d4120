"""The settings of the `osv` source, and what its texts mean."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec

PUBLIC_ADDRESS = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
_AGE = r"^\s*[0-9]+(\.[0-9]+)?\s*[smhdw]\s*$"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class OsvOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[source.osv]``."""

    database: Annotated[
        str,
        msgspec.Meta(min_length=1, description="the advisory database; ~ and $VARIABLES are expanded"),
    ] = "$XDG_DATA_HOME/ihacpa/advisories.sqlite"
    max_age: Annotated[
        str,
        msgspec.Meta(pattern=_AGE, description="warn about advisory data older than this: 12h, 7d, 2w"),
    ] = "7d"
    url: Annotated[
        str,
        msgspec.Meta(min_length=1, description="where `ihacpa advisories update` takes the records from"),
    ] = PUBLIC_ADDRESS


def database_path(options: OsvOptions, base: Path) -> Path:
    """Where the database lies. A relative path starts from `base`, the folder of the settings."""
    text = options.database
    if not os.environ.get("XDG_DATA_HOME"):
        # https://specifications.freedesktop.org/basedir-spec: unset or empty means this folder
        text = re.sub(r"\$(XDG_DATA_HOME\b|\{XDG_DATA_HOME\})", lambda _: "~/.local/share", text)
    return base / Path(os.path.expandvars(text)).expanduser()


def duration(text: str) -> timedelta:
    """What a text such as ``7d`` means; it has the form that `OsvOptions` asks for."""
    text = text.strip()
    return timedelta(seconds=float(text[:-1]) * _SECONDS[text[-1]])
