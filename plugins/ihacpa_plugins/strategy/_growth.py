"""How a batch's size follows memory: additive increase, multiplicative decrease (Chiu & Jain 1989). Pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass

SHRINK = 0.7
"""What is left of a batch that passed the target, as in CUBIC (RFC 9438, section 4.6): fast enough to get out of the
way, and small enough a step that batches of a steady load stay near the size that fits."""

ROOM = 0.95
"""Which part of the room below the target a grown batch is meant to take: no two batches need quite the same."""

STEPS = 20
"""In how many steps a batch grows from nothing to the largest."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which sizes a batch stays, and which share of memory it should not pass."""

    smallest: int
    largest: int
    target: float

    def clamp(self, size: int) -> int:
        return max(self.smallest, min(self.largest, size))


@dataclass(frozen=True, slots=True)
class Growth:
    """How large the next batch is.

    :param cornered: memory stands above the target with no batch open: nothing that a batch does brings it down.
    """

    size: int
    cornered: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A batch, as memory saw it: shares of the limit.

    :param before: when it was opened.
    :param peak: the highest while it was open.
    :param after: now that it is committed.
    :param records: how many it took.
    """

    before: float
    peak: float
    after: float
    records: int


@dataclass(frozen=True, slots=True)
class Moment:
    """An open batch right after a record settled: memory then and now, as shares of the limit, and records."""

    before: float
    now: float
    settled: int
    in_flight: int


def has_to_end(moment: Moment, bounds: Bounds) -> bool:
    """Whether the batch has to end here: it passed the target, or what is in flight already will take it far beyond.

    A cut stops no record that was taken. If those bring as much each as the settled ones did, they have to fit into
    half of the room that is left above the target.
    """
    each = max(0.0, moment.now - moment.before) / max(moment.settled, 1)
    return moment.now >= bounds.target or moment.now + each * moment.in_flight >= (1 + bounds.target) / 2


def first_size(use: float, bounds: Bounds) -> Growth:
    """Where to begin: in the middle, since a batch that is too large is cut; at the bottom if nothing is left."""
    if use >= bounds.target:
        return Growth(bounds.smallest, cornered=True)
    return Growth(bounds.clamp(math.ceil(bounds.largest / 2)))


def next_size(state: Growth, sample: Sample, bounds: Bounds) -> Growth:
    """The size after a batch. Shrinks from what the batch came to, at once; grows by a small step, if that fits."""
    if sample.after >= bounds.target:
        return Growth(bounds.smallest, cornered=True)
    if sample.peak >= bounds.target:
        return Growth(bounds.clamp(int(min(state.size, sample.records) * SHRINK)))
    if sample.records < state.size:  # it ended for another reason, and tells nothing about one of the full size
        return Growth(state.size)
    step = max(1, bounds.largest // STEPS)
    return Growth(bounds.clamp(max(state.size, min(state.size + step, _fitting(sample, bounds)))))


def _fitting(sample: Sample, bounds: Bounds) -> int:
    """How many records fit below the target if each takes as much as those of the last batch did."""
    each = (sample.peak - sample.before) / sample.records
    if each <= 0:
        return bounds.largest
    return int(min(ROOM * (bounds.target - sample.after) / each, bounds.largest))
