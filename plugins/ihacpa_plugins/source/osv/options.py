"""The settings of the `osv` source, and what its texts mean."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import msgspec

from ihacpa_core import Duration

PUBLIC_ADDRESS = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"


class OsvOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[source.osv]``."""

    database: Annotated[
        str,
        msgspec.Meta(min_length=1, description="the advisory database; ~ and $VARIABLES are expanded"),
    ] = "$XDG_DATA_HOME/ihacpa/advisories.sqlite"
    max_age: Annotated[Duration, msgspec.Meta(description="warn about advisory data older than this")] = "7d"
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
