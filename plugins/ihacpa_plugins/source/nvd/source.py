"""The `nvd` source of the package review."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from ihacpa_core import (
    AnswerState,
    Finding,
    Package,
    ReviewSource,
    RunContext,
    Severity,
    SourceAnswer,
    SourceKind,
    Verdict,
    parse_duration,
)
from ihacpa_plugins.source.nvd.answer import severity_in
from ihacpa_plugins.source.nvd.options import NvdOptions
from ihacpa_plugins.web.client import Backoff, LookUpFailedError, Manners, WebClient
from ihacpa_plugins.web.kept import KeptAnswers, cache_folder
from ihacpa_plugins.web.rate import Rate
from ihacpa_plugins.web.secret import revealed
from ihacpa_plugins.web.shared import Shared

NAME = "nvd"
WINDOW = 30.0
"""Seconds; NVD counts requests in a window that rolls: https://nvd.nist.gov/developers/start-here."""
ALLOWED = {False: 5, True: 50}
"""Requests in it, without and with a key."""


class NvdSource(ReviewSource):
    """Asks about the CVEs of findings, one by one, as often as NVD allows; never by a package's name."""

    kind = SourceKind.ENRICHMENT

    def __init__(
        self, options: NvdOptions, context: RunContext, *, backoff: Backoff | None = None, window: float = WINDOW
    ) -> None:
        key = revealed(options.key, "[source.nvd] key", context.config_dir)
        manners = Manners(
            subject="NVD",
            connections=4,
            timeout=options.timeout,
            attempts=options.attempts,
            headers={"apiKey": key} if key else {},
            rate=Rate(ALLOWED[bool(key)], window),
            backoff=backoff or Backoff(first=2.0),
            patience=3,
        )
        self._only_unrated = options.ask == "unrated"
        self._client = WebClient(options.url, manners)
        folder = context.config_dir / options.cache if options.cache else cache_folder(NAME)
        self._kept = KeptAnswers(folder, parse_duration(options.max_age), context.warn)
        self._ratings: Shared[str, Severity] = Shared(self._learn)

    async def open(self) -> None:
        await self._client.open()

    async def close(self) -> None:
        await self._ratings.close()
        await self._client.close()

    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        asked = [(finding, name) for finding in known if self._wants(finding) for name in _cves(finding)]
        try:
            ratings = await asyncio.gather(*(self._ratings.get(name) for _, name in asked))
        except LookUpFailedError as error:
            return SourceAnswer(source=NAME, state=AnswerState.FAILED, note=str(error))
        return SourceAnswer(
            source=NAME,
            state=AnswerState.OK,
            as_of=datetime.now(UTC).date() if asked else None,
            findings=tuple(
                Finding(id=finding.id, ids=finding.ids, verdict=finding.verdict, severity=rating)
                for (finding, _), rating in zip(asked, ratings, strict=True)
            ),
        )

    def _wants(self, finding: Finding) -> bool:
        unrated = finding.severity.level is None
        return finding.verdict is not Verdict.NOT_AFFECTED and (unrated or not self._only_unrated)

    async def _learn(self, cve: str) -> Severity:
        kept = self._kept.get(cve)
        if kept is not None:
            try:
                return severity_in(kept, cve)
            except ValueError:
                kept = None  # damaged: asked for again
        body = (await self._client.get(f"/rest/json/cves/2.0?cveId={quote(cve, safe='')}")).body
        if body is None:
            return Severity()  # NVD has no such CVE
        try:
            found = severity_in(body, cve)
        except ValueError as error:
            raise LookUpFailedError(str(error)) from error
        self._kept.put(cve, body)
        return found


def _cves(finding: Finding) -> list[str]:
    return [name for name in finding.ids if name.startswith("CVE-")]
