"""The settings of the `osv` source, and what its texts mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from ihacpa_core import Duration
from ihacpa_plugins.advisory_data.place import database_file

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
    online: Annotated[
        bool,
        msgspec.Meta(description="without a local copy, ask OSV online; it learns the names of the packages"),
    ] = True
    api: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^/\s]+", description="whom to ask then; /v1/querybatch is below it")
    ] = "https://api.osv.dev"
    connections: Annotated[int, msgspec.Meta(ge=1, le=64, description="requests at once, online")] = 16
    timeout: Annotated[
        Duration, msgspec.Meta(description="how long OSV is waited for, online", extra={"at_least": "10ms"})
    ] = "30s"
    attempts: Annotated[int, msgspec.Meta(ge=1, le=10, description="tries before a look-up fails, online")] = 3


def database_path(options: OsvOptions, base: Path) -> Path:
    """Where the database lies. A relative path starts from `base`, the folder of the settings."""
    return database_file(options.database, base)
