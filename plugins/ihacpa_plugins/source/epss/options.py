"""The options of the source `epss`: the TOML table ``[source.epss]``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ihacpa_core import Duration


class EpssOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the data comes from and where it lies."""

    url: Annotated[
        str, msgspec.Meta(min_length=1, description="where `ihacpa advisories update` takes the data from")
    ] = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
    database: Annotated[str, msgspec.Meta(description="the advisory database; default: the one of the source osv")] = ""
    max_age: Annotated[Duration, msgspec.Meta(description="warn about data older than this")] = "7d"
