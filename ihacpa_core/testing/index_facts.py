"""Made-up documents in the shape of the package index's JSON API, the same for a name on every machine.

The shape is that of ``https://pypi.org/pypi/NAME/json`` as it was served in November 2026.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

_EPOCH = datetime(2019, 3, 1, 9, 30)
_STATUSES = ("4 - Beta", "5 - Production/Stable", "6 - Mature", "")
_PYTHONS = (">=3.7", ">=3.8", ">=3.9", ">=3.10", "")


def made_up_document(
    name: str, versions: Sequence[str] = (), *, yanked: Collection[str] = (), empty: Collection[str] = ()
) -> dict[str, Any]:
    """The document of a package that has `versions`, oldest first; a dozen made-up ones if there are none.

    :param yanked: the releases whose files are all yanked.
    :param empty: the releases that have no files.
    """
    chance = random.Random(f"ihacpa:{name}")
    releases = versions or [f"{major}.{minor}.0" for major in (0, 1, 2) for minor in range(4)]
    files = {
        version: [] if version in empty else _files(name, version, place, yanked=version in yanked)
        for place, version in enumerate(releases)
    }
    latest = next((version for version in reversed(releases) if version not in yanked and version not in empty), "")
    return {
        "info": _info(name, latest, chance),
        "last_serial": chance.randrange(10_000_000, 30_000_000),
        "ownership": {"organization": None, "roles": []},
        "releases": files,
        "urls": files.get(latest, []),
        "vulnerabilities": [],
    }


def made_up_versions(name: str, installed: str) -> list[str]:
    """Releases around `installed`, oldest first: two before it, and up to eight after it for two packages of three."""
    chance = random.Random(f"ihacpa:versions:{name}")
    first = installed.split(".")[0]
    major = int(first) + 1 if first.isdecimal() else 1
    newer = [f"{major}.{minor}.0" for minor in range(chance.randrange(1, 9))] if chance.random() < 0.66 else []
    return list(dict.fromkeys(["0.0.1", "0.0.2", installed, *newer]))


def _info(name: str, latest: str, chance: random.Random) -> dict[str, Any]:
    status = chance.choice(_STATUSES)
    statuses = [f"Development Status :: {status}"] if status else []
    page = f"https://pypi.org/project/{name}/"
    return {
        "author": "", "author_email": f"somebody@{name}.example", "bugtrack_url": None,
        "classifiers": [*statuses, "Programming Language :: Python :: 3"],
        "description": f"{name} is made up. " * 200, "description_content_type": "text/markdown", "docs_url": None,
        "download_url": None, "downloads": {"last_day": -1, "last_month": -1, "last_week": -1}, "dynamic": None,
        "home_page": None, "keywords": None, "license": "MIT", "maintainer": None, "maintainer_email": None,
        "name": name, "package_url": page, "platform": None, "project_url": page,
        "project_urls": {"Documentation": f"https://{name}.example/", "Source": f"https://github.com/made-up/{name}"},
        "release_url": f"{page}{latest}/", "requires_dist": ["made-up>=1.0"],
        "requires_python": chance.choice(_PYTHONS) or None, "summary": "A made-up package.", "version": latest,
        "yanked": False, "yanked_reason": None,
    }  # fmt: skip


def _files(name: str, version: str, place: int, *, yanked: bool) -> list[dict[str, Any]]:
    wheel = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return [
        _file(wheel, "bdist_wheel", "py3", place, yanked=yanked),
        _file(f"{name}-{version}.tar.gz", "sdist", "source", place, yanked=yanked),
    ]


def _file(filename: str, kind: str, python: str, place: int, *, yanked: bool) -> dict[str, Any]:
    digest = hashlib.sha256(filename.encode()).hexdigest()
    uploaded = _EPOCH + timedelta(days=75 * place, seconds=3 if kind == "sdist" else 0)
    return {
        "comment_text": "", "digests": {"blake2b_256": digest, "md5": digest[:32], "sha256": digest}, "downloads": -1,
        "filename": filename, "has_sig": False, "md5_digest": digest[:32], "packagetype": kind,
        "python_version": python, "requires_python": ">=3.8", "size": 12_345,
        "upload_time": uploaded.isoformat(), "upload_time_iso_8601": f"{uploaded.isoformat()}.000000Z",
        "url": f"https://files.example/packages/{digest[:2]}/{digest[2:4]}/{filename}", "yanked": yanked,
        "yanked_reason": "made up to be broken" if yanked else None,
    }  # fmt: skip
