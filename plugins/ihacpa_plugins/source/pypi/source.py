"""The package index as a source of the review."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

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
from ihacpa_plugins.source.pypi.cache import Entry, FactsCache
from ihacpa_plugins.source.pypi.client import IndexClient
from ihacpa_plugins.source.pypi.document import DocumentError, read_document
from ihacpa_plugins.source.pypi.facts import release_of
from ihacpa_plugins.source.pypi.options import PypiOptions
from ihacpa_plugins.web.client import Backoff, LookUpFailedError

NAME = "pypi"
_MISSING_MAX_AGE = 3600.0
"""Seconds for which "no such package" is believed: a new name may appear any time."""


class PypiSource(ReviewSource):
    """Releases, dates and links of packages, from the index or from what it said not long ago."""

    kind = SourceKind.INDEX

    def __init__(
        self,
        options: PypiOptions,
        context: RunContext,
        *,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._context = context
        self._clock = clock
        self._max_age = parse_duration(options.max_age)
        self._client = IndexClient(options, backoff=backoff)
        self._cache: FactsCache | None = None
        self._in_flight: dict[str, asyncio.Task[Entry]] = {}

    async def open(self) -> None:
        path = self._options.cache_file(self._context.config_dir)
        self._cache = FactsCache(path, self._options.url.rstrip("/"), self._context.warn)
        if not self._options.offline:
            await self._client.open()

    async def close(self) -> None:
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()
        if self._cache is not None:
            self._cache.close()

    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        try:
            entry = await self._shared(package.canonical)
        except (LookUpFailedError, DocumentError) as error:
            return SourceAnswer(source=NAME, state=AnswerState.FAILED, note=str(error))
        return SourceAnswer(
            source=NAME,
            state=AnswerState.OK,
            as_of=datetime.fromtimestamp(entry.fetched_at, UTC).date(),
            release=release_of(entry.facts, package.version) if entry.facts else None,
        )

    async def _shared(self, name: str) -> Entry:
        """What the index says of `name`; those who ask at the same time get the same look-up."""
        task = self._in_flight.get(name)
        if task is None:
            task = self._in_flight[name] = asyncio.create_task(self._learn(name))
            task.add_done_callback(lambda _: self._in_flight.pop(name, None))
        # One who is cancelled leaves; the look-up goes on for the others.
        return await asyncio.shield(task)

    async def _learn(self, name: str) -> Entry:
        assert self._cache is not None, "open() comes first"
        cached = self._cache.get(name)
        if cached is not None and (self._options.offline or self._is_fresh(cached)):
            return cached
        if self._options.offline:
            raise LookUpFailedError("offline and not cached")
        entry = await self._ask(name, cached)
        self._cache.put(name, entry)
        return entry

    async def _ask(self, name: str, cached: Entry | None) -> Entry:
        old = cached or Entry(facts=None, fetched_at=0.0)
        answer = await self._client.fetch(name, etag=old.etag, last_modified=old.last_modified)
        now = self._clock()
        if answer.unchanged:
            return Entry(facts=old.facts, fetched_at=now, etag=old.etag, last_modified=old.last_modified)
        facts = read_document(answer.body) if answer.body is not None else None
        return Entry(facts=facts, fetched_at=now, etag=answer.etag, last_modified=answer.last_modified)

    def _is_fresh(self, entry: Entry) -> bool:
        age = self._clock() - entry.fetched_at
        limit = self._max_age if entry.facts is not None else min(self._max_age, _MISSING_MAX_AGE)
        return 0 <= age < limit
