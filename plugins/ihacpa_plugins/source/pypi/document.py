"""Reads a package's document, ``/pypi/NAME/json``, and keeps the little that the review needs.

A popular package's document has several megabytes, nearly all of it the hashes of old files: the decoder skips
what these structures do not name. The format: https://docs.pypi.org/api/json/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

import msgspec
from packaging.version import Version

from ihacpa_plugins.source.pypi.facts import PackageFacts, ReleaseFacts, parsed


class DocumentError(Exception):
    """The document is not one; the text says how, in a few words."""


class _File(msgspec.Struct):
    upload_time_iso_8601: str | None = None
    upload_time: str | None = None
    yanked: bool = False
    yanked_reason: str | None = None


class _Info(msgspec.Struct):
    name: str | None = None
    requires_python: str | None = None
    classifiers: list[str] | None = None
    project_urls: dict[str, str | None] | None = None
    home_page: str | None = None


class _Document(msgspec.Struct):
    info: _Info
    releases: dict[str, list[_File]]


_DECODER = msgspec.json.Decoder(_Document)


def read_document(body: bytes) -> PackageFacts:
    """The facts in a document.

    :raises DocumentError: it is no JSON, or has another shape.
    """
    if not body.strip():
        raise DocumentError("the index's answer is empty")
    try:
        document = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise DocumentError(f"the index's answer has an unknown shape ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentError(f"the index's answer is no JSON ({error})") from error
    info = document.info
    python = ", ".join(filter(None, (part.strip() for part in (info.requires_python or "").split(","))))
    releases = _ordered(document.releases)
    return PackageFacts(
        name=info.name or "",
        latest=_latest(releases),
        requires=f"Python {python}" if python else "",
        status=_status(info.classifiers or ()),
        github=_github(info.project_urls or {}, info.home_page),
        releases=releases,
    )


# --- releases ---------------------------------------------------------------------------------------------------------


def _ordered(releases: Mapping[str, list[_File]]) -> tuple[ReleaseFacts, ...]:
    readable: list[tuple[Version, ReleaseFacts]] = []
    legacy: list[ReleaseFacts] = []
    for text, files in releases.items():
        version, facts = parsed(text), _release(text, files)
        if version is None:
            legacy.append(facts)
        else:
            readable.append((version, facts))
    readable.sort(key=lambda pair: pair[0])
    legacy.sort(key=lambda facts: (facts.date or date.min, facts.version))
    return (*legacy, *(facts for _, facts in readable))


def _release(version: str, files: list[_File]) -> ReleaseFacts:
    days = [uploaded for file in files if (uploaded := _uploaded(file)) is not None]
    yanked = bool(files) and all(file.yanked for file in files)
    reason = next((file.yanked_reason for file in files if file.yanked_reason), "") if yanked else ""
    first = min(days).date() if days else None
    return ReleaseFacts(version=version, date=first, files=bool(files), yanked=yanked, reason=reason)


def _uploaded(file: _File) -> datetime | None:
    try:
        moment = datetime.fromisoformat(file.upload_time_iso_8601 or file.upload_time or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _latest(releases: Iterable[ReleaseFacts]) -> str:
    """The newest final release that can be installed; else the newest pre-release; else the newest unreadable."""
    usable = [release.version for release in releases if release.usable]
    readable = [(text, version) for text in reversed(usable) if (version := parsed(text)) is not None]
    final = next((text for text, version in readable if not version.is_prerelease), "")
    return final or (readable[0][0] if readable else usable[-1] if usable else "")


# --- words about the package ------------------------------------------------------------------------------------------

_STATUS = "Development Status :: "


def _status(classifiers: Iterable[str]) -> str:
    return next((text.removeprefix(_STATUS).strip() for text in classifiers if text.startswith(_STATUS)), "")


_REPOSITORY = re.compile(
    r"^(?:git\+)?(?:https?|git|ssh)://(?:[^/@\s]+@)?(?:www\.)?github\.com/(?P<owner>[A-Za-z0-9][A-Za-z0-9-]*)/"
    r"(?P<repo>[A-Za-z0-9._-]+)",
    re.IGNORECASE,
)
_NO_OWNERS = frozenset(
    {"about", "apps", "collections", "features", "login", "marketplace", "orgs", "settings", "site", "sponsors",
     "stars", "topics", "user-attachments", "users"}
)  # fmt: skip
_PREFERRED = ("source", "repository", "code", "github", "homepage", "home")


def _github(urls: Mapping[str, str | None], home_page: str | None) -> str:
    """The repository at GitHub, from the links whose label promises it most, whatever page of it they lead to."""
    labelled = sorted(urls.items(), key=lambda item: _rank(item[0]))
    candidates = [
        *(url for label, url in labelled if _rank(label) < len(_PREFERRED)),
        home_page,
        *(url for label, url in labelled if _rank(label) == len(_PREFERRED)),
    ]
    return next((found for url in candidates if url and (found := _repository(url))), "")


def _rank(label: str) -> int:
    folded = label.casefold().replace(" ", "").replace("-", "")
    return next((place for place, word in enumerate(_PREFERRED) if word in folded), len(_PREFERRED))


def _repository(url: str) -> str:
    match = _REPOSITORY.match(url.strip())
    if match is None or match["owner"].lower() in _NO_OWNERS:
        return ""
    repo = match["repo"].removesuffix(".git").rstrip(".")
    return f"https://github.com/{match['owner']}/{repo}" if repo else ""
