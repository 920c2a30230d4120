"""What every source of the package review must do: answer, and never let silence look like safety."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from ihacpa_core.records import Level
from ihacpa_core.review import (
    AnswerState,
    Finding,
    Package,
    Release,
    ReviewSource,
    SourceAnswer,
    SourceKind,
    Verdict,
)
from ihacpa_core.roles import RunContext
from ihacpa_core.testing.contracts.base import Contract, missing_fixture

T = TypeVar("T")
SourceFactory = Callable[[RunContext], ReviewSource]

_ODD_NAMES = ("x" * 5000, "1", "A.B_c--d", "Flask.x", "nobody-made-this", "con", "none", "null", "index.html")
_ODD_VERSIONS = (
    "",
    "\ud800",
    "../../etc/passwd",
    "=1+1",
    "NEW",
    "23.0.",
    "not a version",
    "1!0",
    "0" * 400,
    "\x00",
    "1.0+local.1",
    "😀",
    "99999999.0",
)

KNOWN = (
    Finding(id="CVE-2023-32681", ids=("CVE-2023-32681", "GHSA-j8r2-6x86-q33q"), verdict=Verdict.AFFECTED, why="listed"),
    Finding(id="PYSEC-2024-1", ids=("PYSEC-2024-1",), verdict=Verdict.UNCERTAIN, why="no version"),
)
"""What an enrichment is told that others found."""


class SourceContract(Contract):
    """The rules of the role `source`. Override `packages` with those that the tested source knows something about."""

    @pytest.fixture
    def make_source(self) -> SourceFactory:
        """A function of a `RunContext` that returns a new source, whose data can be had."""
        return missing_fixture("make_source", "a function of a RunContext that returns the source")  # type: ignore[no-any-return]

    @pytest.fixture
    def make_unreachable(self) -> SourceFactory:
        """A function of a `RunContext` that returns the source as it is when its data cannot be had."""
        return missing_fixture("make_unreachable", "the source with its server, file or database out of reach")  # type: ignore[no-any-return]

    @pytest.fixture
    def packages(self) -> Sequence[Package]:
        """Packages to look up, at least two."""
        return [
            Package(name="requests", canonical="requests", version="2.31.0", versions=("2.31.0", "2.32.4")),
            Package(name="Flask", canonical="flask", version="1.1", versions=("1.1", "3.0.0")),
        ]

    def test_says_what_it_is(self, make_source: SourceFactory, context: RunContext) -> None:
        """Its kind, which decides when it is asked, is known before it is opened."""
        assert isinstance(make_source(context).kind, SourceKind)

    def test_answers_name_their_source(
        self, make_source: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """Every answer bears the same name, which people can find in their settings."""
        names = {answer.source for answer in self._answers(make_source, packages, context)}

        assert len(names) == 1
        assert "".join(names).strip()

    def test_look_up_never_raises(self, make_source: SourceFactory, context: RunContext) -> None:
        """Whatever name a package may have, and whatever a workbook says its version is, there is an answer."""
        odd = [Package(name=name, canonical=_canonical(name), version="1.0") for name in _ODD_NAMES]
        odd += [Package(name="requests", canonical="requests", version=version) for version in _ODD_VERSIONS]

        answers: list[object] = [*self._answers(make_source, odd, context)]

        assert [answer for answer in answers if not isinstance(answer, SourceAnswer)] == []

    def test_out_of_reach_is_failed(
        self, make_unreachable: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """A source that cannot get at its data says FAILED: an OK without findings would read "None found"."""
        answers = self._answers(make_unreachable, packages, context)

        assert {answer.state for answer in answers} == {AnswerState.FAILED}

    def test_failed_says_why(
        self, make_unreachable: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """What did not answer has a note, one line that a person understands."""
        for answer in self._answers(make_unreachable, packages, context):
            assert answer.note.strip()
            assert answer.note.isprintable()

    def test_failed_claims_nothing(
        self, make_unreachable: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """A failed answer holds no facts that could be taken for knowledge."""
        for answer in self._answers(make_unreachable, packages, context):
            claims = (answer.release, answer.findings, answer.complete_for, answer.clean_version)
            assert claims == (None, (), frozenset(), None)

    def test_answers_fit_their_kind(
        self, make_source: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """An index tells of releases and of no flaws, the others of flaws and of no release."""
        kind = make_source(context).kind
        for answer in self._answers(make_source, packages, context):
            if kind is SourceKind.INDEX:
                assert (answer.findings, answer.complete_for, answer.clean_version) == ((), frozenset(), None)
            else:
                assert answer.release is None

    def test_answers_are_whole(
        self, make_source: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """With its data at hand it answers OK, in the types of the vocabulary and within their ranges."""
        answers = self._answers(make_source, packages, context)

        assert {answer.state for answer in answers} == {AnswerState.OK}
        for answer in answers:
            assert answer.release is None or isinstance(answer.release, Release)
            assert isinstance(answer.complete_for, frozenset)
            for finding in answer.findings:
                _check_finding(finding)

    def test_look_ups_at_once_do_not_mix(
        self, make_source: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """A package gets the same answer alone, and in the company of others and of itself."""
        asked = [*packages, *packages]

        async def together(source: ReviewSource) -> list[SourceAnswer]:
            return await asyncio.gather(*(source.look_up(package, KNOWN) for package in asked))

        alone = self._answers(make_source, asked, context)
        assert self._use(make_source, context, together) == alone

    def test_cancelled_look_up_harms_no_other(
        self, make_source: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """Who gives up on a look-up takes nothing from those who wait for the same one, or ask again."""

        async def give_up(source: ReviewSource) -> list[SourceAnswer]:
            asked = [asyncio.ensure_future(source.look_up(packages[0], KNOWN)) for _ in range(3)]
            await asyncio.sleep(0)
            asked[0].cancel()
            await asyncio.gather(asked[0], return_exceptions=True)
            return [await asked[1], await asked[2], await source.look_up(packages[0], KNOWN)]

        expected = self._answers(make_source, packages[:1], context) * 3
        assert self._use(make_source, context, give_up) == expected

    def test_closes_in_any_state(
        self, make_source: SourceFactory, packages: Sequence[Package], context: RunContext
    ) -> None:
        """It closes without a look-up, with one in flight, and twice; nothing of it is left running."""

        async def leave_in_the_middle(source: ReviewSource) -> None:
            asked = asyncio.ensure_future(source.look_up(packages[0], KNOWN))
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            await source.close()

        self._use(make_source, context, lambda source: asyncio.sleep(0))
        self._use(make_source, context, leave_in_the_middle)

    # ------------------------------------------------------------------------------------------------------------------

    def _use(self, make: SourceFactory, context: RunContext, work: Callable[[ReviewSource], Awaitable[T]]) -> T:
        """Open, do `work` and close, as a run does; what is left running fails."""

        async def use() -> T:
            source = make(context)
            await source.open()
            try:
                return await work(source)
            finally:
                await source.close()

        return self.run(use())

    def _answers(self, make: SourceFactory, packages: Sequence[Package], context: RunContext) -> list[SourceAnswer]:
        async def ask(source: ReviewSource) -> list[SourceAnswer]:
            return [await source.look_up(package, KNOWN) for package in packages]

        return self._use(make, context, ask)


def _check_finding(finding: Finding) -> None:
    assert finding.ids[:1] == (finding.id,)
    assert all(text and text.isprintable() for text in finding.ids)
    assert isinstance(finding.verdict, Verdict)
    assert finding.severity.level is None or isinstance(finding.severity.level, Level)
    assert finding.severity.score is None or 0.0 <= finding.severity.score <= 10.0
    assert finding.epss is None or 0.0 <= finding.epss <= 1.0
    assert all(isinstance(text, str) for text in (finding.why, *finding.fixed_in, *finding.exploits))


def _canonical(name: str) -> str:
    """The PEP 503 form of a name."""
    return re.sub(r"[-_.]+", "-", name).lower()
