"""The sets of advisory data that the command manages: what they are called, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKind:
    """A set, in words.

    :param what: what it holds.
    :param unit: what its records are.
    :param licence: under which its data may be used and passed on.
    """

    what: str
    unit: str
    licence: str


SETS = {
    "osv": SetKind(
        what="advisories: PYSEC, GHSA, MAL", unit="advisories", licence="CC-BY-4.0 (PyPA, GitHub), Apache-2.0 (OpenSSF)"
    ),
    "kev": SetKind(what="known exploited flaws, by CISA", unit="CVEs", licence="CC0-1.0 (CISA)"),
    "epss": SetKind(
        what="how likely flaws are to be exploited, by FIRST",
        unit="CVEs",
        licence="free to use, with FIRST named",
    ),
    "exploitdb": SetKind(
        what="public exploits, by Exploit-DB",
        unit="CVEs",
        licence="GPL-2.0-or-later (OffSec)",
    ),
}
