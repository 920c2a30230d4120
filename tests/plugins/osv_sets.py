"""Small sets of advisories for tests: records written here, as zip files and folders."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def record(
    identity: str = "PYSEC-2024-1",
    package: str = "thing",
    events: Iterable[str] = ("introduced 0", "fixed 2.0"),
    **more: Any,
) -> dict[str, Any]:
    """A record with one range; events are words: ``"introduced 0"``."""
    timeline = [dict([event.split(" ", 1)]) for event in events]
    affected = {
        "package": {"ecosystem": "PyPI", "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": timeline}],
    }
    return {"id": identity, "modified": "2026-01-02T03:04:05Z", "affected": [affected], **more}


def many(count: int, family: str = "PYSEC") -> list[dict[str, Any]]:
    """Records that differ in id and package."""
    return [record(f"{family}-2024-{number}", f"thing-{number}") for number in range(count)]


def as_zip(path: Path, records: Iterable[dict[str, Any]], **files: str) -> Path:
    """A zip file of records as OSV makes it; `files` are further members, by name without ``.json``."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in records:
            archive.writestr(f"{item['id']}.json", json.dumps(item))
        for name, text in files.items():
            archive.writestr(f"{name.replace('_', '-')}.json", text)
    return path


def as_folder(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    """A folder of records, one file each."""
    path.mkdir(parents=True, exist_ok=True)
    for item in records:
        (path / f"{item['id']}.json").write_text(json.dumps(item))
    return path
