"""Sources that each break a rule on purpose; the contract has to notice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from breaking import breaks, tried

from ihacpa_core import (
    AnswerState,
    Finding,
    Package,
    Release,
    ReviewSource,
    RunContext,
    Severity,
    SourceAnswer,
    SourceKind,
    Verdict,
)
from ihacpa_core.testing.contracts import SourceContract

pytest_plugins = ["ihacpa_core.testing.plugin"]

FLAW = Finding(id="CVE-1", ids=("CVE-1", "GHSA-1"), verdict=Verdict.AFFECTED, severity=Severity(score=7.5))


class Book(ReviewSource):
    """Knows one flaw of every package; when it is out of reach it says so."""

    kind = SourceKind.ADVISORIES
    reachable = True

    def __init__(self, context: RunContext) -> None:
        self._run_id = context.run_id

    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        await asyncio.sleep(0.001)
        if not self.reachable:
            return SourceAnswer(source="book", state=AnswerState.FAILED, note="the book is lent out")
        return SourceAnswer(source="book", state=AnswerState.OK, findings=(FLAW,), note=package.canonical)


@breaks("says_what_it_is")
class SaysAWordOfItsOwn(Book):
    kind = "advisory"  # type: ignore[assignment]


@breaks("answers_name_their_source")
class IsCalledAfterThePackage(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        return replace(await super().look_up(package, known), source=package.name)


@breaks("look_up_never_raises")
class RaisesAtOddVersions(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        if not re.match(r"\d", package.version):
            raise ValueError(package.version)
        return await super().look_up(package, known)


@breaks("look_up_never_raises")
class AnswersNothing(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> Any:
        return None if package.canonical == "none" else await super().look_up(package, known)


@breaks("out_of_reach_is_failed")
class TakesSilenceForSafety(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        answer = await super().look_up(package, known)
        return answer if self.reachable else SourceAnswer(source="book", state=AnswerState.OK)


@breaks("out_of_reach_is_failed")
class SaysItIsOff(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        answer = await super().look_up(package, known)
        return answer if self.reachable else replace(answer, state=AnswerState.NOT_CONFIGURED)


@breaks("failed_says_why")
class GivesNoNote(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        return replace(await super().look_up(package, known), note="")


@breaks("failed_says_why")
class GivesATraceback(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        return replace(await super().look_up(package, known), note="Traceback:\n  File ...\n")


@breaks("failed_claims_nothing")
class StaysCompleteWhenItFails(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        return replace(await super().look_up(package, known), complete_for=frozenset({"PYSEC"}))


@breaks("answers_fit_their_kind")
class AdvisesAndTellsReleases(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        release = Release(name=package.name, latest="9.9")
        return replace(await super().look_up(package, known), release=release)


@breaks("answers_fit_their_kind")
class IsAnIndexWithFlaws(Book):
    kind = SourceKind.INDEX


@breaks("answers_are_whole")
class KnowsScoresPastTen(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        flaw = replace(FLAW, severity=Severity(score=75.0))
        return replace(await super().look_up(package, known), findings=(flaw,) if self.reachable else ())


@breaks("answers_are_whole")
class ForgetsTheFirstId(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        return replace(await super().look_up(package, known), findings=(replace(FLAW, ids=("GHSA-1",)),))


@breaks("look_ups_at_once_do_not_mix")
class KeepsThePackageOnItself(Book):
    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        self._package = package
        await asyncio.sleep(0.001)
        return await super().look_up(self._package, known)


@breaks("cancelled_look_up_harms_no_other")
class SharesItsLookUps(Book):
    _shared: asyncio.Task[SourceAnswer] | None = None

    async def look_up(self, package: Package, known: Sequence[Finding]) -> SourceAnswer:
        if self._shared is None:
            self._shared = asyncio.ensure_future(super().look_up(package, known))
        return await self._shared


@breaks("closes_in_any_state")
class ClosesOnce(Book):
    async def open(self) -> None:
        self._pages = ["one"]

    async def close(self) -> None:
        self._pages.pop()


@breaks("closes_in_any_state")
class LeavesATask(Book):
    async def open(self) -> None:
        self._task = asyncio.ensure_future(asyncio.sleep(60))


# ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def make_unreachable(self: Any) -> Any:
    """The source of this class, out of reach."""
    return type("Unreachable", (self.broken,), {"reachable": False})


globals().update(tried(globals(), SourceContract, "make_source", make_unreachable=make_unreachable, patience=1.0))
