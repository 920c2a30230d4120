"""The options of the source `kev`: the TOML table ``[source.kev]``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ihacpa_core import Duration


class KevOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the data comes from and where it lies."""

    url: Annotated[
        str, msgspec.Meta(min_length=1, description="where `ihacpa advisories update` takes the data from")
    ] = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
    database: Annotated[str, msgspec.Meta(description="the advisory database; default: the one of the source osv")] = ""
    max_age: Annotated[Duration, msgspec.Meta(description="warn about data older than this")] = "7d"
