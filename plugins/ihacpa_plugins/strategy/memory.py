"""The strategy `memory`: batches as large as memory allows, and no larger."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Annotated, get_args

import msgspec

from ihacpa_core import (
    BatchMetrics,
    BatchState,
    BatchStrategy,
    Close,
    Offer,
    PluginError,
    RunContext,
    Size,
    hookimpl,
    parse_size,
)
from ihacpa_plugins.strategy._arenas import share_one_arena
from ihacpa_plugins.strategy._growth import Bounds, Growth, Moment, Sample, first_size, has_to_end, next_size
from ihacpa_plugins.strategy._limits import MemorySensor, Sensor, Use, address_space_limit

_LOG = logging.getLogger("ihacpa.strategy.memory")
_SMALLEST_LIMIT = 1_000_000  # bytes; below that it is a typing error: Python alone takes ten times as much


class MemoryOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[strategy.memory]``"""

    target: Annotated[
        float, msgspec.Meta(ge=0.05, le=1, description="the share of the tightest limit that a batch may use")
    ] = 0.8
    min_size: Annotated[int, msgspec.Meta(ge=1, le=1000, description="records in the smallest batch")] = 1
    max_size: Annotated[int, msgspec.Meta(ge=1, le=1000, description="records in the largest batch")] = 100
    limit: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^$|{get_args(Size)[1].pattern}",
            description="what the process and its children may take; empty: only what the system allows",
            extra={"expected": 'a size such as "512MB", or nothing'},
        ),
    ] = ""

    def __post_init__(self) -> None:
        if self.min_size > self.max_size:
            raise ValueError(f"min_size, {self.min_size}, is above max_size, {self.max_size}")
        if self.limit and parse_size(self.limit) < _SMALLEST_LIMIT:
            raise ValueError(f"limit, {self.limit}, is less than 1MB")


class MemoryStrategy(BatchStrategy):
    """Measures after every record. Passing the target ends the batch, and the next ones are smaller.

    :param sensor: says how tight memory is.
    :param warn: hears once that batches cannot bring memory below the target.
    :param reclaim: makes the process give up what nobody uses; called when a batch would begin above the target.
    """

    def __init__(
        self,
        options: MemoryOptions,
        sensor: Sensor,
        warn: Callable[[str], None],
        reclaim: Callable[[], object] = gc.collect,
    ) -> None:
        self._bounds = Bounds(options.min_size, options.max_size, options.target)
        self._sensor = sensor
        self._warn = warn
        self._reclaim = reclaim
        self._growth: Growth | None = None
        self._before: Use | None = None
        self._peak: Use | None = None
        self._records = 0
        self._warned = False

    def next_size(self, state: BatchState) -> int:
        now = self._standing()
        grown = self._next(now)
        self._tell(state.number, grown, now)
        self._growth, self._before, self._peak, self._records = grown, now, now, 0
        return grown.size

    def should_close(self, state: BatchState) -> Close | None:
        use, growth, before = self._measure(), self._growth, self._before
        if use is None or growth is None or before is None:
            return None
        if growth.cornered or growth.size == 1:  # ending the batch changes nothing, or it ends by itself
            return None
        moment = Moment(before.ratio, use.ratio, state.settled, max(0, state.taken - state.settled))
        if not has_to_end(moment, self._bounds):
            return None
        _LOG.info("batch %d is cut after %d records, memory: %s", state.number, state.settled, use)
        # A save after each single record would cost far more than it brings: those wait until a save is due.
        return Close(f"memory: {use}", save=state.settled > 1)

    def observe(self, metrics: BatchMetrics) -> None:
        self._measure()  # those that were in flight when the batch was cut are in it, too
        self._records = metrics.records

    def _standing(self) -> Use:
        """The use with no batch open.

        :raises PluginError: it cannot be measured.
        """
        use = self._sensor.look()
        cornered = self._growth is not None and self._growth.cornered  # then it was of no use the last time
        if use is not None and use.ratio >= self._bounds.target and not cornered:
            self._reclaim()
            use = self._sensor.measure()
        if use is None:
            raise PluginError("memory cannot be measured on this machine", hint='strategy = "size"')
        return use

    def _measure(self) -> Use | None:
        use = self._sensor.measure()
        if use is not None and (self._peak is None or use.ratio > self._peak.ratio):
            self._peak = use
        return use

    def _next(self, now: Use) -> Growth:
        if self._growth is None or self._before is None or self._peak is None:
            return first_size(now.ratio, self._bounds)
        if not self._records:  # no batch was committed since: only where memory stands is known
            return Growth(self._growth.size, cornered=now.ratio >= self._bounds.target)
        sample = Sample(self._before.ratio, self._peak.ratio, now.ratio, self._records)
        return next_size(self._growth, sample, self._bounds)

    def _tell(self, batch: int, grown: Growth, now: Use) -> None:
        """Log a change of size, and warn once of what no size can help."""
        before = self._growth.size if self._growth else 0
        if grown.size != before:
            verb = "begin with" if not before else "shrink to" if grown.size < before else "grow to"
            _LOG.info("batches %s %d records from batch %d, memory: %s", verb, grown.size, batch, now)
        if grown.cornered and not self._warned:
            self._warned = True
            self._warn(
                f"memory stands at {now} before a batch begins, above the target of {self._bounds.target:.0%}:"
                f" batches cannot bring it down, so the run goes on with batches of {grown.size};"
                " allow more memory, or lower the processor's concurrency"
            )


def _make(options: MemoryOptions, context: RunContext) -> BatchStrategy:
    if address_space_limit():
        share_one_arena()
    cap = parse_size(options.limit) if options.limit else 0
    return MemoryStrategy(options, MemorySensor(cap), context.warn)


@hookimpl
def ihacpa_strategies() -> list[Offer[BatchStrategy]]:
    return [
        Offer(
            name="memory",
            aliases=("memory-adaptive",),
            factory=_make,
            options=MemoryOptions,
            summary="batches as large as memory allows: cgroup, RLIMIT_AS, a limit of yours, the machine",
        )
    ]
