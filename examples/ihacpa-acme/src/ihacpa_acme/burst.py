"""The strategy `burst`: small batches, and a large one now and then."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ihacpa_core import BatchState, BatchStrategy, Close, Duration, Offer, RunContext, hookimpl, parse_duration

ihacpa_hook_api = 1


class BurstOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[strategy.burst]``."""

    small: Annotated[int, msgspec.Meta(ge=1, le=100, description="records in a small batch")] = 2
    large: Annotated[int, msgspec.Meta(ge=1, le=100, description="records in a burst")] = 50
    every: Annotated[int, msgspec.Meta(ge=1, le=1000, description="each batch of this number is a burst")] = 4
    max_seconds: Annotated[
        Duration,
        msgspec.Meta(description="a batch that is open for so long ends", extra={"at_least": "1s", "at_most": "1d"}),
    ] = "1m"

    def __post_init__(self) -> None:
        if self.small > self.large:
            raise ValueError(f"expected small to be at most large, found {self.small} and {self.large}")


class BurstStrategy(BatchStrategy):
    """Begins with small batches, so that a mistake shows early; each batch whose number `every` divides is a burst."""

    def __init__(self, options: BurstOptions) -> None:
        self._options = options
        self._max_seconds = parse_duration(options.max_seconds)

    def next_size(self, state: BatchState) -> int:
        # The number counts through interruptions, so that a resumed run goes on in the same rhythm.
        return self._options.large if state.number % self._options.every == 0 else self._options.small

    def should_close(self, state: BatchState) -> Close | None:
        if state.seconds < self._max_seconds:
            return None
        return Close(f"open for {self._options.max_seconds}")


def _make(options: BurstOptions, context: RunContext) -> BatchStrategy:
    return BurstStrategy(options)


@hookimpl
def ihacpa_strategies() -> list[Offer[BatchStrategy]]:
    return [
        Offer(
            name="burst",
            factory=_make,
            options=BurstOptions,
            summary="small batches, and a large one now and then",
        )
    ]
