"""The options of the source `snyk`: the TOML table ``[source.snyk]``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ihacpa_core import Duration


class SnykOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose account is used, and how Snyk is asked."""

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^/\s]+", description="Snyk's API; /rest/orgs is asked below it")
    ] = "https://api.snyk.io"
    token: Annotated[
        str,
        msgspec.Meta(
            description="a token of yours, env:NAME or file:PATH; without one nobody is asked", extra={"secret": True}
        ),
    ] = "env:SNYK_TOKEN"
    organization: Annotated[
        str, msgspec.Meta(description="the id of your organization at Snyk; without one nobody is asked")
    ] = ""
    connections: Annotated[int, msgspec.Meta(ge=1, le=16, description="requests at once")] = 4
    timeout: Annotated[
        Duration, msgspec.Meta(description="how long Snyk is waited for", extra={"at_least": "10ms"})
    ] = "30s"
    attempts: Annotated[int, msgspec.Meta(ge=1, le=10, description="tries before a look-up fails")] = 3
    cache: Annotated[
        str, msgspec.Meta(description="folder that keeps the answers; default: ihacpa/snyk in the user's cache")
    ] = ""
    max_age: Annotated[Duration, msgspec.Meta(description="an answer this old is asked for again")] = "24h"
