"""When a batch of a given duration has to end, as pure functions of what was measured. Times are seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

WEIGHT = 0.4
"""The weight of the newest batch in the running means."""

STEP = 2.0
"""A batch counts as slower than what was learned by this factor at the most: one that hung for an hour is no rule."""

MARGIN = 3
"""How many times the expected number of records a batch may take: its end is the clock's to decide, not the count's."""

EARLIEST = 0.25
"""Which part of the interval a batch lasts at the least, whatever is expected of the records in flight."""

_LARGEST = 1_000_000
_INSTANT = 1e-6


@dataclass(frozen=True, slots=True)
class Pace:
    """What was learned from the batches so far.

    :param record: how long one record takes from being taken to being durable.
    :param tail: how long the records in flight take after the batch took its last one.
    :param width: how many records are in flight at once.
    """

    record: float
    tail: float
    width: int


@dataclass(frozen=True, slots=True)
class Progress:
    """An open batch right after a record settled: its age, and how many records are settled and in flight."""

    age: float
    settled: int
    in_flight: int

    def pace(self) -> Pace:
        """What this batch alone lets one expect. Those in flight count as half done."""
        width = self.in_flight + 1
        record = self.age * width / max(self.settled + self.in_flight / 2, 1)
        return Pace(record, record * self.in_flight / width, width)


@dataclass(frozen=True, slots=True)
class Finished:
    """A batch that was committed: how long it took, of that its tail, how many records, how many at once."""

    seconds: float
    tail: float
    records: int
    width: int


def ends_here(progress: Progress, pace: Pace, interval: float) -> bool:
    """Whether the batch comes nearer to `interval` if it ends now than if it takes one more record.

    If it takes no more, it is over when those in flight are: a tail from now. If it takes one more, it is over no
    sooner than that one, and no sooner than a tail after the next record settles.
    """
    if progress.age < EARLIEST * interval:
        return False
    one_more = max(pace.record, pace.tail + pace.record / pace.width)
    return progress.age + (pace.tail + one_more) / 2 >= interval


def learned(pace: Pace | None, batch: Finished) -> Pace:
    """The pace after one more batch. While its tail runs out, half of the workers have nothing to do, on average."""
    busy = batch.seconds * batch.width - batch.tail * (batch.width - 1) / 2
    record = max(busy / max(batch.records, 1), _INSTANT)
    if pace is None:
        return Pace(record, batch.tail, batch.width)
    record = min(record, STEP * pace.record)
    tail = min(batch.tail, STEP * max(pace.tail, pace.record))
    return Pace(_mean(pace.record, record), _mean(pace.tail, tail), batch.width)


def expected_size(pace: Pace, interval: float) -> int:
    """How many records a batch takes at the most: what fits into `interval`, and a margin."""
    return max(1, min(_LARGEST, math.ceil(MARGIN * interval * pace.width / max(pace.record, _INSTANT))))


def _mean(before: float, now: float) -> float:
    return before + WEIGHT * (now - before)
