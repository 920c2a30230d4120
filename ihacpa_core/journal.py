"""The entries of a run's journal, as stores keep them: order, kind, and a JSON payload that only the core reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EntryKind(StrEnum):
    """What a journal entry tells."""

    RUN = "run"
    PLAN = "plan"
    OUTCOME = "outcome"
    BATCH = "batch"
    SAVE_INTENDED = "save-intended"
    SAVE_CONFIRMED = "save-confirmed"
    CHOICE = "choice"
    STOPPED = "stopped"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One entry. A store keeps it as it is, gives it back in order, and looks at nothing but `run_id`.

    :param sequence: its place in the run's journal, from 1, without gaps.
    :param kind: an `EntryKind`; kept as text, so that a store need not know later kinds.
    :param payload: JSON values only; a mapping with text keys.
    """

    run_id: str
    sequence: int
    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
