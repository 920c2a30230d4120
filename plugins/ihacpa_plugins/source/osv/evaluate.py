"""Whether a record's flaw is in a version, after https://ossf.github.io/osv-schema/#evaluation, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec
from packaging.version import Version

from ihacpa_core import Verdict
from ihacpa_plugins.source.osv.records import Affected, Record, Score, decode, pypi_name, salvage
from ihacpa_plugins.source.osv.timeline import Timeline, any_of, parse, timeline

_SHOWN = 3
_VERDICTS = {True: Verdict.AFFECTED, False: Verdict.NOT_AFFECTED, None: Verdict.UNCERTAIN}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The verdict of one record on one version, the reason, and the fixed versions that the record names for it."""

    verdict: Verdict
    why: str
    fixed_in: tuple[str, ...] = ()


class Entry:
    """One ``affected[]`` of a record, ready to be asked about many versions."""

    def __init__(self, source: Affected) -> None:
        made = (timeline(item) for item in source.ranges or () if item is not None)
        self.timelines: list[Timeline] = [item for item in made if item is not None]
        self.texts = frozenset(text.strip() for text in source.versions or () if text)

    @cached_property
    def versions(self) -> frozenset[Version]:
        """The listed versions that PEP 440 can read."""
        return frozenset(version for text in self.texts if (version := parse(text)) is not None)

    def evaluate(self, text: str, version: Version | None) -> Evaluation:
        answers = [item.holds(version) for item in self.timelines]
        if True in answers:
            return self._in_range(version, answers)
        if text in self.texts or (version is not None and version in self.versions):
            return Evaluation(Verdict.AFFECTED, f"listed: {text}", self._fixes_above(version))
        if None in answers:
            return self._uncertain(text, version, answers)
        return Evaluation(Verdict.NOT_AFFECTED, self._outside())

    def _in_range(self, version: Version | None, answers: list[bool | None]) -> Evaluation:
        hit = [item for item, answer in zip(self.timelines, answers, strict=True) if answer]
        fixes = (item.fix(version) for item in hit)
        return Evaluation(Verdict.AFFECTED, f"range {hit[0].around(version)}", tuple(fix for fix in fixes if fix))

    def _uncertain(self, text: str, version: Version | None, answers: list[bool | None]) -> Evaluation:
        if version is None:
            return Evaluation(Verdict.UNCERTAIN, f"version unreadable: {text}")
        doubtful = [item for item, answer in zip(self.timelines, answers, strict=True) if answer is None]
        bounds = list(dict.fromkeys(bound for item in doubtful for bound in item.unreadable_bounds()))
        fixes = (item.fix(version) for item in doubtful)
        return Evaluation(Verdict.UNCERTAIN, f"bound unreadable: {_some(bounds)}", tuple(fix for fix in fixes if fix))

    def _fixes_above(self, version: Version | None) -> tuple[str, ...]:
        """For a version that is listed but in no range: the next fixed version of each range."""
        if version is None:
            return ()
        return tuple(fixes[0] for item in self.timelines if (fixes := item.fixes(above=version)))

    def _outside(self) -> str:
        outline = [text for item in self.timelines for text in item.outline()]
        if outline:
            return f"outside {_some(outline)}"
        return "not listed" if self.texts else "names no version"


class Advisory:
    """A record, ready to be asked about the versions of one package."""

    def __init__(self, record: Record, package: str) -> None:
        self.id = record.id
        self.ids = tuple(dict.fromkeys([record.id, *(alias for alias in record.aliases or () if alias)]))
        self.withdrawn = bool(record.withdrawn)
        self.damaged = False
        mine = [item for item in record.affected or () if item is not None and pypi_name(item.package) == package]
        self.entries = [Entry(item) for item in mine]
        lists = [record.severity, *(item.severity for item in mine)]
        self.scores: list[Score] = [score for scores in lists for score in scores or () if score is not None]
        self._record = record

    @cached_property
    def severity_word(self) -> str:
        return self._record.severity_word()

    @property
    def live(self) -> bool:
        """Whether it counts: it was not withdrawn and says something about the package."""
        return not self.withdrawn and (self.damaged or bool(self.entries))

    def evaluate(self, text: str) -> Evaluation:
        """The verdict on the version `text`: the strongest of the record's entries for the package."""
        if self.damaged:
            return Evaluation(Verdict.UNCERTAIN, f"record unreadable: {self.id}")
        text = text.strip()
        version = parse(text)
        found = [entry.evaluate(text, version) for entry in self.entries]
        return strongest(found)

    def hits(self, version: str) -> bool | None:
        """Whether the flaw is in `version`; None if that cannot be told."""
        verdict = self.evaluate(version).verdict
        return None if verdict is Verdict.UNCERTAIN else verdict is Verdict.AFFECTED

    def fixes(self) -> Iterator[str]:
        """Every fixed version that the record names for the package and that can be read."""
        return (fix for entry in self.entries for item in entry.timelines for fix in item.fixes())


def strongest(found: list[Evaluation]) -> Evaluation:
    """One of several evaluations of one version: affected before uncertain before not affected.

    Fixed versions are collected over all that agree with it.
    """
    answer = any_of(_ANSWERS[item.verdict] for item in found)
    agreeing = [item for item in found if item.verdict is _VERDICTS[answer]]
    if not agreeing:
        return Evaluation(Verdict.NOT_AFFECTED, "names no version")
    fixes = tuple(dict.fromkeys(fix for item in agreeing for fix in item.fixed_in))
    return Evaluation(agreeing[0].verdict, agreeing[0].why, fixes)


_ANSWERS = {verdict: answer for answer, verdict in _VERDICTS.items()}


def advisory(body: bytes, package: str) -> Advisory:
    """Make the JSON text of a record ready. One that cannot be read is uncertain about everything, never silent."""
    try:
        return Advisory(decode(body), package)
    except (msgspec.DecodeError, UnicodeDecodeError):
        damaged = Advisory(salvage(body) or Record(id="?"), package)
        damaged.damaged = True
        return damaged


def _some(texts: list[str]) -> str:
    return ", ".join(texts[:_SHOWN]) + (", …" if len(texts) > _SHOWN else "")
