"""The `snyk` source of the package review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from ihacpa_core import (
    AnswerState,
    Finding,
    Package,
    ReviewSource,
    RunContext,
    SourceAnswer,
    SourceKind,
    parse_duration,
)
from ihacpa_plugins.source.snyk.answer import Page, findings_of, read_page
from ihacpa_plugins.source.snyk.options import SnykOptions
from ihacpa_plugins.web.client import Backoff, LookUpFailedError, Manners, WebClient
from ihacpa_plugins.web.kept import KeptAnswers, cache_folder
from ihacpa_plugins.web.rate import Rate
from ihacpa_plugins.web.secret import revealed
from ihacpa_plugins.web.shared import Shared

NAME = "snyk"
COMPLETE_FOR = frozenset({"SNYK"})
_VERSION = "2024-10-15"
"""Of the API."""
_A_MINUTE = 180
"""Requests that Snyk allows a user at this place."""
_PAGES = 20


class SnykSource(ReviewSource):
    """Asks for the issues of a package's version. Without a token it is not configured, and nobody is asked."""

    kind = SourceKind.ADVISORIES

    def __init__(self, options: SnykOptions, context: RunContext, *, backoff: Backoff | None = None) -> None:
        self._options = options
        self._context = context
        self._backoff = backoff or Backoff()
        self._client: WebClient | None = None
        folder = context.config_dir / options.cache if options.cache else cache_folder(NAME)
        self._kept = KeptAnswers(folder, parse_duration(options.max_age), context.warn)
        self._pages: Shared[str, list[Page]] = Shared(self._learn)

    async def open(self) -> None:
        token = revealed(self._options.token, "[source.snyk] token", self._context.config_dir)
        if not token or not self._options.organization:
            missing = "organization" if token else "token"
            self._context.warn(f"snyk is not asked: [source.snyk] names no {missing}")
            return
        manners = Manners(
            subject="Snyk",
            connections=self._options.connections,
            timeout=self._options.timeout,
            attempts=self._options.attempts,
            headers={"Authorization": f"token {token}", "Accept": "application/vnd.api+json"},
            rate=Rate(_A_MINUTE, 60.0),
            backoff=self._backoff,
        )
        self._client = WebClient(self._options.url, manners)
        await self._client.open()

    async def close(self) -> None:
        await self._pages.close()
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        if self._client is None:
            return SourceAnswer(source=NAME, state=AnswerState.NOT_CONFIGURED, note="no token, or no organization")
        if not package.version:
            return _failed("it knows no package without a version")
        package_url = f"pkg:pypi/{quote(package.canonical, safe='')}@{_quoted(package.version)}"
        try:
            pages = await self._pages.get(package_url)
        except LookUpFailedError as error:
            return _failed(str(error))
        return SourceAnswer(
            source=NAME,
            state=AnswerState.OK,
            as_of=datetime.now(UTC).date(),
            findings=findings_of(pages, package.version),
            complete_for=COMPLETE_FOR,
        )

    async def _learn(self, package_url: str) -> list[Page]:
        kept = self._kept.get(package_url)
        if kept is not None:
            try:
                return msgspec.json.decode(kept, type=list[Page])
            except msgspec.DecodeError:
                kept = None  # damaged: asked for again
        pages = await self._ask(package_url)
        self._kept.put(package_url, msgspec.json.encode(pages))
        return pages

    async def _ask(self, package_url: str) -> list[Page]:
        organization = quote(self._options.organization, safe="")
        path = f"/rest/orgs/{organization}/packages/{quote(package_url, safe='')}/issues?version={_VERSION}&limit=1000"
        pages: list[Page] = []
        while path and len(pages) < _PAGES:
            pages.append(await self._page(path))
            links = pages[-1].links
            path = (links.next or "") if links is not None else ""
            if path and not path.startswith("/"):
                raise LookUpFailedError("Snyk's answer goes on at another place, which is not followed")
        if path:
            raise LookUpFailedError("Snyk's answer has no end")
        return pages

    async def _page(self, path: str) -> Page:
        assert self._client is not None, "open() comes first"
        body = (await self._client.get(path)).body
        if body is None:
            raise LookUpFailedError("Snyk knows no such package, or no such organization")
        try:
            return read_page(body)
        except ValueError as error:
            raise LookUpFailedError(str(error)) from error


def _failed(why: str) -> SourceAnswer:
    return SourceAnswer(source=NAME, state=AnswerState.FAILED, note=why)


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")
