"""When the workbook is saved: pure functions of what was measured."""

from __future__ import annotations

from dataclasses import dataclass

SHARE = 0.1
"""The part of a run's time that `auto` lets saving take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveSchedule:
    """The policy `save_every`: ``batch``, ``auto``, ``end``, or seconds between saves."""

    every: str | float = "auto"

    def is_due(self, *, since_last: float, cost: float, asked: bool) -> bool:
        """Whether the batch that was just committed is followed by a save.

        :param since_last: seconds since the last save ended, or since the run began.
        :param cost: seconds that the last save took, or is expected to take.
        :param asked: the strategy asked for a save; that overrides `auto` and a duration, never ``end``.
        """
        if self.every == "end":
            return False
        if self.every == "batch" or asked:
            return True
        if isinstance(self.every, str):
            # A save of `cost` after a pause of cost * (1 - SHARE) / SHARE takes SHARE of the time.
            return since_last >= cost * (1 - SHARE) / SHARE
        return since_last >= self.every
