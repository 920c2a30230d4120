"""Where a person reads more about an advisory."""

from __future__ import annotations

from urllib.parse import quote

_PLACES = (
    ("CVE-", "NVD", "https://nvd.nist.gov/vuln/detail/"),
    ("GHSA-", "GitHub", "https://github.com/advisories/"),
)
_OTHERS = ("OSV", "https://osv.dev/vulnerability/")


def source_of(name: str) -> tuple[str, str]:
    """The source of an id, and the address of its page there."""
    source, page = next(((source, page) for head, source, page in _PLACES if name.startswith(head)), _OTHERS)
    return source, f"{page}{quote(name, safe='')}"
