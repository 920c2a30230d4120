"""The options of the source `nvd`: the TOML table ``[source.nvd]``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ihacpa_core import Duration


class NvdOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the National Vulnerability Database is asked."""

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^/\s]+", description="NVD; /rest/json/cves/2.0 is asked below it")
    ] = "https://services.nvd.nist.gov"
    key: Annotated[
        str,
        msgspec.Meta(
            description="a key of yours, env:NAME or file:PATH; it allows 50 requests in 30 seconds in place of 5",
            extra={"secret": True},
        ),
    ] = "env:NVD_API_KEY"
    ask: Annotated[
        Literal["unrated", "affecting"],
        msgspec.Meta(description="which findings it is asked about: those that nobody rated, or all that may affect"),
    ] = "unrated"
    timeout: Annotated[Duration, msgspec.Meta(description="how long NVD is waited for", extra={"at_least": "10ms"})] = (
        "30s"
    )
    attempts: Annotated[int, msgspec.Meta(ge=1, le=10, description="tries before a look-up fails")] = 3
    cache: Annotated[
        str, msgspec.Meta(description="folder that keeps the answers; default: ihacpa/nvd in the user's cache")
    ] = ""
    max_age: Annotated[Duration, msgspec.Meta(description="an answer this old is asked for again")] = "7d"
