"""Asks the sources about an entry: indexes first, then advisories, then enrichments."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from ihacpa_core import AnswerState, Finding, Package, ReviewSource, SourceAnswer, SourceKind
from ihacpa_plugins.processor.package_review.merge import enriched, united
from ihacpa_plugins.processor.package_review.reading import Entry
from ihacpa_plugins.processor.package_review.review import Review

_Early = dict[tuple[str, Package], asyncio.Task[SourceAnswer]]


class SourcePanel:
    """The selected sources by name, opened and closed together."""

    def __init__(self, sources: Mapping[str, ReviewSource]) -> None:
        self._sources = dict(sources)
        self._opened: list[ReviewSource] = []
        self._early: _Early = {}

    async def open(self) -> None:
        """Open every source; if one cannot be, those before it are closed again."""
        try:
            for source in self._sources.values():
                self._opened.append(source)
                await source.open()
        except BaseException:  # whatever it was, a cancellation too: what was opened is closed
            await self.close()
            raise

    async def close(self) -> None:
        """Abandon what was asked early, and close every source that was opened."""
        early = list(self._early.values())
        self._early.clear()
        for task in early:
            task.cancel()
        await asyncio.gather(*early, return_exceptions=True)
        while self._opened:
            await self._opened.pop().close()

    def ask_early(self, entries: Iterable[Entry]) -> None:
        """Start the indexes on `entries`; the sources themselves bound how much goes on at once."""
        for entry in entries:
            for name, source in self._of(SourceKind.INDEX):
                key = (name, entry.package())
                if not entry.problem and key not in self._early:
                    self._early[key] = asyncio.create_task(_answer(name, source, entry.package(), ()))

    async def ask(self, entry: Entry) -> Review:
        """Everything that the sources know about `entry`."""
        if entry.problem:
            return Review(entry=entry)
        index = await self._index(entry)
        package = entry.package(index.release.versions if index is not None and index.release is not None else ())
        advisories = await _answers(self._of(SourceKind.ADVISORIES), package, ())
        findings = united([answer.findings for answer in advisories.values()])
        enrichments = await _answers(self._of(SourceKind.ENRICHMENT), package, findings)
        for answer in enrichments.values():
            findings = enriched(findings, answer.findings)
        return Review(entry=entry, index=index, advisories=advisories, enrichments=enrichments, findings=findings)

    async def _index(self, entry: Entry) -> SourceAnswer | None:
        """The first index that knows the package; else one that failed: the package may be there."""
        answers = await asyncio.gather(
            *(self._ask_index(name, each, entry) for name, each in self._of(SourceKind.INDEX))
        )
        return min(answers, key=_usefulness, default=None)

    async def _ask_index(self, name: str, source: ReviewSource, entry: Entry) -> SourceAnswer:
        task = self._early.pop((name, entry.package()), None)
        return await (task if task is not None else _answer(name, source, entry.package(), ()))

    def _of(self, kind: SourceKind) -> list[tuple[str, ReviewSource]]:
        return [(name, source) for name, source in self._sources.items() if source.kind is kind]


async def _answers(
    sources: Sequence[tuple[str, ReviewSource]], package: Package, known: Sequence[Finding]
) -> dict[str, SourceAnswer]:
    answers = await asyncio.gather(*(_answer(name, source, package, known) for name, source in sources))
    return {name: answer for (name, _), answer in zip(sources, answers, strict=True)}


async def _answer(name: str, source: ReviewSource, package: Package, known: Sequence[Finding]) -> SourceAnswer:
    try:
        return await source.look_up(package, known)
    except Exception as error:  # noqa: BLE001 - a source that breaks its word must not take the other answers with it
        return SourceAnswer(source=name, state=AnswerState.FAILED, note=f"{type(error).__name__}: {error}")


def _usefulness(answer: SourceAnswer) -> int:
    if answer.state is AnswerState.OK:
        return 0 if answer.release is not None else 2
    return 1 if answer.state is AnswerState.FAILED else 3
