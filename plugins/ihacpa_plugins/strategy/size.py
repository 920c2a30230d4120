"""The strategy `size`: exactly so many records a batch."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ihacpa_core import BatchState, BatchStrategy, Offer, hookimpl


class SizeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[strategy.size]``"""

    batch_size: Annotated[int, msgspec.Meta(ge=1, le=100, description="records in a batch")] = 10


class SizeStrategy(BatchStrategy):
    """Every batch takes `batch_size` records; the last one takes what is left."""

    def __init__(self, options: SizeOptions) -> None:
        self._size = options.batch_size

    def next_size(self, state: BatchState) -> int:
        return self._size


def _make(options: SizeOptions, context: Any) -> BatchStrategy:
    return SizeStrategy(options)


@hookimpl
def ihacpa_strategies() -> list[Offer[BatchStrategy]]:
    return [
        Offer(
            name="size",
            aliases=("fixed-size",),
            factory=_make,
            options=SizeOptions,
            summary="exactly batch_size records in each batch",
        )
    ]
