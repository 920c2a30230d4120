"""Ranges of versions as timelines of events, asked in three values: yes, no, and "the data cannot tell" (None).

The algorithm is the schema's own, https://ossf.github.io/osv-schema/#evaluation (`IncludedInRanges`, `BeforeLimits`),
with the order of PEP 440. The schema leaves open what becomes of events at one version: they stay in the order in which
they are written, as in osv.dev's own `sorted_events`.

A bound that PEP 440 cannot read has no place in the order. Two rules tell where it does not matter:

1. The last event that a version has reached decides. So if the readable events and every unreadable one would decide
   alike, that is the answer, wherever the unreadable ones belong.
2. Events are written as intervals that do not overlap: introduced, then fixed or last affected. A readable interval
   that holds the version holds it whatever the bounds of the others are, and a version outside all of them is outside.

Everything else is uncertain. So is a version that cannot be read, unless every version there could be has one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import groupby, pairwise

from packaging.version import InvalidVersion, Version

from ihacpa_plugins.source.osv import records

Position = tuple[Version, bool] | None
"""Where a version stands: at a version, or (True) right above it; None is below all of them."""


class Kind(Enum):
    """What an event does to the versions from it on."""

    INTRODUCED = "introduced"
    FIXED = "fixed"
    LAST_AFFECTED = "last_affected"


@lru_cache(maxsize=100_000)
def parse(text: str) -> Version | None:
    """A version as PEP 440 reads it; None if it cannot."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def any_of(answers: Iterable[bool | None]) -> bool | None:
    """Three-valued "or"."""
    result: bool | None = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            result = None
    return result


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `version` is None if the bound cannot be read, or lies before everything (`start`)."""

    kind: Kind
    text: str
    version: Version | None
    start: bool = False

    @property
    def opens(self) -> bool:
        return self.kind is Kind.INTRODUCED

    @property
    def readable(self) -> bool:
        return self.start or self.version is not None

    def lies_at_or_below(self, position: Position) -> bool:
        return self.version is not None and position is not None and (self.version, False) <= position

    def reached(self, position: Position) -> bool | None:
        """Whether the event has come to pass at `position`."""
        if self.start:
            return True
        if self.version is None:
            return None
        if position is None:
            return False
        here = (self.version, False)
        return position > here if self.kind is Kind.LAST_AFFECTED else position >= here


@dataclass(frozen=True, slots=True)
class Interval:
    """Events written as one interval.

    :param floor: the last readable event of another interval before it, if that can be told.
    :param ceiling: the first readable event of another interval after it, if that can be told.
    :param last: no readable event of another interval lies above its start.
    """

    openers: tuple[Event, ...]
    closers: tuple[Event, ...]
    floor: Event | None
    ceiling: Event | None
    last: bool

    def holds(self, position: Position) -> bool | None:
        if self.floor is not None and self.floor.reached(position) is False:
            return False
        if self.ceiling is not None and self.ceiling.lies_at_or_below(position):
            return False
        begun = any(event.lies_at_or_below(position) for event in self.closers)  # it began before it ended
        opened = begun or any_of(event.reached(position) for event in self.openers)
        closed = any_of(event.reached(position) for event in self.closers)
        if not self.closers and not self.last:
            closed = None  # something above it, of another interval, may end it
        if opened is False or closed is True:
            return False
        return True if opened and closed is False else None


class Timeline:
    """One range of a record, ready to be asked about many versions."""

    __slots__ = ("_intervals", "_limits", "_ordered", "_unreadable")

    def __init__(self, events: Sequence[Event], limits: Sequence[str]) -> None:
        self._ordered = sorted((event for event in events if event.readable), key=_place)
        self._unreadable = [event for event in events if not event.readable]
        self._limits = limits
        # the second rule is about ranges with unreadable bounds alone, which are few
        self._intervals = _intervals(events, self._ordered) if self._unreadable else []

    def holds(self, version: Version | None) -> bool | None:
        """Whether `version` lies in the range; a version that cannot be read is None."""
        if version is not None:
            return self._holds((version, False))
        answers = {self._holds(position) for position in self._positions()}
        return answers.pop() if len(answers) == 1 else None

    def around(self, version: Version | None) -> str:
        """The interval about `version` as text: ``[4.2, 4.2.15)``, ``[0, 1.9]``; ``*`` is no end."""
        position = _position(version)
        state, start = False, "?"
        for event in self._ordered:
            if event.reached(position):
                start = event.text if event.opens and not state else start
                state = event.opens
        later = (event for event in self._ordered if not event.opens and not event.reached(position))
        return _interval_text(start, next(later, None), self._limits)

    def outline(self) -> list[str]:
        """The intervals that the readable events make, in order."""
        texts: list[str] = []
        start: str | None = None
        for event in self._ordered:
            if event.opens and start is None:
                start = event.text
            elif not event.opens and start is not None:
                texts.append(_interval_text(start, event, ()))
                start = None
        if start is not None:
            texts.append(_interval_text(start, None, self._limits))
        return texts

    def fix(self, version: Version | None) -> str | None:
        """The fixed version that ends the interval about `version`."""
        position = _position(version)
        closed = False
        for event in self._ordered:
            if event.reached(position):
                continue
            if event.kind is Kind.FIXED:
                return event.text
            if event.opens and closed:
                return None
            closed = closed or not event.opens
        return None

    def fixes(self, above: Version | None = None) -> list[str]:
        """The fixed versions that can be read, lowest first; those above a version only, where one is given."""
        position = _position(above)
        return [event.text for event in self._ordered if event.kind is Kind.FIXED and not event.reached(position)]

    def unreadable_bounds(self) -> Iterator[str]:
        """The bounds, limits included, that PEP 440 cannot read."""
        yield from (event.text for event in self._unreadable)
        yield from (limit for limit in self._limits if "*" not in limit and parse(limit) is None)

    def _holds(self, position: Position) -> bool | None:
        before = any_of(_below(position, limit) for limit in self._limits) if self._limits else True
        if before is False:
            return False
        included = self._included(position)
        return included if before or included is False else None

    def _included(self, position: Position) -> bool | None:
        state = False
        for event in self._ordered:
            if event.reached(position):
                state = event.opens
        if all(event.opens is state for event in self._unreadable):
            return state
        return any_of(interval.holds(position) for interval in self._intervals) if self._intervals else None

    def _positions(self) -> Iterator[Position]:
        """Every place that a version can have among the bounds."""
        yield None
        bounds = [event.version for event in self._ordered] + [parse(limit) for limit in self._limits]
        for bound in bounds:
            if bound is not None:
                yield (bound, False)
                yield (bound, True)


def timeline(source: records.Range) -> Timeline | None:
    """Make a range ready; None for commits (GIT), which say nothing about versions, and for a range without events."""
    if source.type == "GIT" or not source.events:
        return None
    events: list[Event] = []
    limits: list[str] = []
    for item in source.events:
        if item is None:
            continue
        texts = (item.introduced, item.fixed, item.last_affected)
        events.extend(_event(kind, text) for kind, text in zip(Kind, texts, strict=True) if text)
        limits.extend([item.limit] if item.limit else [])
    return Timeline(events, limits)


def _event(kind: Kind, text: str) -> Event:
    if kind is Kind.INTRODUCED and text.strip() == "0":
        return Event(kind, "0", None, start=True)  # the schema: "a version that sorts before any other version"
    return Event(kind, text, parse(text))


def _place(event: Event) -> tuple[bool, Version]:
    return (event.version is not None, event.version or _ANY)


_ANY = Version("0")


def _position(version: Version | None) -> Position:
    return None if version is None else (version, False)


def _intervals(events: Sequence[Event], ordered: Sequence[Event]) -> list[Interval]:
    """The intervals as they are written; none where they cannot be told, because they overlap or begin with an end."""
    runs: list[list[Event]] = []
    for before, event in pairwise([None, *events]):
        if event is None:
            continue
        if event.opens and (before is None or not before.opens):
            runs.append([])
        if not runs:
            return []
        runs[-1].append(event)
    number_of = {id(event): number for number, run in enumerate(runs) for event in run}
    if not _as_written([(number_of[id(event)], not event.opens) for event in ordered]):
        return []
    return [_interval(run, ordered) for run in runs]


def _interval(run: Sequence[Event], ordered: Sequence[Event]) -> Interval:
    closers = tuple(event for event in run if not event.opens)
    places = [place for place, event in enumerate(ordered) if any(event is mine for mine in run)]
    nowhere = 0 if closers else len(ordered)  # an interval that does not end is the last of all
    start = places[0] if places else nowhere
    end = places[-1] + 1 if places else len(ordered)
    return Interval(
        openers=tuple(event for event in run if event.opens),
        closers=closers,
        floor=ordered[start - 1] if start else None,
        ceiling=ordered[end] if end < len(ordered) else None,
        last=bool(places) and places[-1] == len(ordered) - 1,
    )


def _as_written(places: Sequence[tuple[int, bool]]) -> bool:
    """Whether events in order, as (interval, is an end), go through one interval after the other, each to its end."""
    steps = [place for place, _ in groupby(places)]
    intervals = [number for number, _ in groupby(steps, key=lambda place: place[0])]
    forward = all(before[0] != after[0] or before[1] < after[1] for before, after in pairwise(steps))
    return len(set(intervals)) == len(intervals) and forward


def _below(position: Position, limit: str) -> bool | None:
    if "*" in limit or position is None:
        return True
    bound = parse(limit)
    return None if bound is None else position < (bound, False)


def _interval_text(start: str, end: Event | None, limits: Sequence[str]) -> str:
    if end is None:
        return f"[{start}, {', '.join(limits) or '*'})"
    return f"[{start}, {end.text}{']' if end.kind is Kind.LAST_AFFECTED else ')'}"
