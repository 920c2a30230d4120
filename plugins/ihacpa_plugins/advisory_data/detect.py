"""What a file is, by its content and not by its name."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from ihacpa_plugins.advisory_data.errors import ImportRefused
from ihacpa_plugins.advisory_data.feeds import GZIP

DATABASE = "database"
"""The word for a whole advisory database, as ``ihacpa advisories export`` makes it."""
_HEAD = 64 << 10
_HINT = (
    "OSV's PyPI/all.zip or a folder of OSV records, CISA's KEV as JSON, EPSS scores as CSV, Exploit-DB's "
    "files_exploits.csv, or what ihacpa advisories export wrote is what can be imported"
)


def kind_of(path: Path, source: str) -> str:
    """The set that a file or folder holds: ``osv``, ``kev``, ``epss``, ``exploitdb``, or `DATABASE`.

    :param source: what to call it.
    :raises ImportRefused: it is not there, cannot be read, or is none of these.
    """
    if path.is_dir():
        return "osv"
    try:
        head = _head(path)
    except FileNotFoundError as error:
        raise ImportRefused(f"no such file or folder: {source}", hint="ihacpa advisories import FILE") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ImportRefused(f"this cannot be read: {source}", why=str(error)) from error
    kind = _by_mark(head) or _by_text(head.decode("utf-8-sig", errors="replace").lstrip())
    if not kind:
        shown = head[:40].decode("utf-8", errors="replace")
        raise ImportRefused(f"nothing that can be imported: {source}", why=f"it begins with {shown!r}", hint=_HINT)
    return kind


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if not head.startswith(GZIP):
            return head
        stream.seek(0)
        with gzip.open(stream) as packed:
            return packed.read(_HEAD)


def _by_mark(head: bytes) -> str:
    if head.startswith(b"PK"):
        return "osv"
    return DATABASE if head.startswith(b"SQLite format 3\0") else ""


def _by_text(head: str) -> str:
    if head.startswith("{") and '"vulnerabilities"' in head:
        return "kev"
    header = next((line for line in head.splitlines() if line.strip() and not line.startswith("#")), "")
    columns = [name.strip().strip('"').lower() for name in header.split(",")]
    if columns[:2] == ["cve", "epss"]:
        return "epss"
    return "exploitdb" if {"id", "codes"} <= set(columns) else ""
