"""The options of the source `pypi`: the TOML table ``[source.pypi]``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from ihacpa_core import Duration


class PypiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which index is asked, how politely, and what is remembered of its answers."""

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^/\s]+", description="the index; /pypi/NAME/json is asked below it")
    ] = "https://pypi.org"
    connections: Annotated[int, msgspec.Meta(ge=1, le=64, description="requests at once")] = 16
    timeout: Annotated[
        Duration,
        msgspec.Meta(
            description="how long a silent index is waited for; a whole answer: 4 times", extra={"at_least": "10ms"}
        ),
    ] = "30s"
    attempts: Annotated[int, msgspec.Meta(ge=1, le=10, description="tries before a look-up fails")] = 4
    cache: Annotated[
        str,
        msgspec.Meta(description="file that keeps what was learned; default: ihacpa/pypi.sqlite in the user's cache"),
    ] = ""
    max_age: Annotated[Duration, msgspec.Meta(description="what was learned less long ago is used without asking")] = (
        "24h"
    )
    offline: Annotated[bool, msgspec.Meta(description="use what is cached, whatever its age, and ask nobody")] = False

    def __post_init__(self) -> None:
        _ = urlsplit(self.url).port  # says itself what is wrong with a port that is none

    def cache_file(self, base: Path) -> Path:
        """Where the cache lies; a relative `cache` starts from `base`."""
        if self.cache:
            return base / Path(self.cache).expanduser()
        root = os.environ.get("XDG_CACHE_HOME") or ""
        return (Path(root) if Path(root).is_absolute() else Path.home() / ".cache") / "ihacpa" / "pypi.sqlite"
