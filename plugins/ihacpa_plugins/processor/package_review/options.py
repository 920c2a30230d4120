"""The options of the processor `package-review`: the TOML table ``[processor.package-review]``."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal

import msgspec

from ihacpa_plugins.processor.package_review.columns import FIELD_NAMES
from ihacpa_plugins.processor.package_review.suppress import SuppressOptions, VexOptions

UpdatePolicy = Literal["any", "major", "older_than_days", "never"]


class ReviewOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked, where it is written, and when an update is asked for."""

    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64, description="packages in review at once")] = 16
    sources: Annotated[
        tuple[str, ...], msgspec.Meta(description="who is asked, by name; one that is off reads NOT CHECKED")
    ] = ("pypi", "osv", "kev", "epss", "exploitdb")
    columns: Annotated[
        dict[str, str], msgspec.Meta(description='field to column letter or header text; "" leaves the field out')
    ] = {}
    update_policy: Annotated[
        UpdatePolicy,
        msgspec.Meta(
            description="which newer releases ask for UPDATE: any, those of another major version, "
            "those more than update_older_than_days younger than the installed one, or none"
        ),
    ] = "any"
    update_older_than_days: Annotated[int, msgspec.Meta(ge=0, description="for the policy older_than_days")] = 365

    suppress: Annotated[
        tuple[SuppressOptions, ...],
        msgspec.Meta(description="findings that need no action, a table each: id, reason, expires, package, version"),
    ] = ()
    vex: Annotated[
        tuple[VexOptions, ...], msgspec.Meta(description="OpenVEX documents that say so, a table each: file, expires")
    ] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.columns if name not in FIELD_NAMES]
        if unknown:
            told = ", ".join(f"{name!r}{_guess(name)}" for name in unknown)
            raise ValueError(f"columns: no such field: {told}; the fields are {', '.join(FIELD_NAMES)}")
        twice = sorted({name for name in self.sources if self.sources.count(name) > 1})
        if twice:
            raise ValueError(f"sources: named twice: {', '.join(twice)}")


def _guess(name: str) -> str:
    close = get_close_matches(name, FIELD_NAMES, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
