"""What can go wrong, and the exit code that says so.

Every error tells what happened, why, and what to type next; the command line prints the three and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """How a run ended, as the shell sees it. 3 beats 1: both are printed."""

    OK = 0
    FAIL_ON = 1
    USAGE = 2
    INCOMPLETE = 3
    WORKBOOK = 4
    NOTHING_TO_DO = 5
    LOCKED = 6
    DECISION_NEEDED = 7
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


FAULTS = (Exception, SystemExit)
"""What code of plugins may raise that costs its own part and not the run: ``exit()`` in a plugin ends no run. Ctrl-C is
not among them."""


class IhacpaError(Exception):
    """An error that a person can act on.

    :param what: what happened, a sentence without a full stop.
    :param why: the cause, as far as it is known.
    :param hint: the next thing to type or to do.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


class UsageError(IhacpaError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong with the settings.

    `where` names the origin as a person finds it: ``ihacpa.toml:14``, ``--strategy``, ``IHACPA_STRATEGY``.
    """

    where: str
    key: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        tail = f" - {self.hint}" if self.hint else ""
        return f"{self.where}: {self.key}: {self.problem}{tail}"


class ConfigError(UsageError):
    """The settings hold mistakes; all of them are listed, none of them was acted on."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        count = f"{len(mistakes)} mistakes" if len(mistakes) != 1 else "one mistake"
        super().__init__(
            f"the settings hold {count}, nothing was written", hint="mend them, then type the same command again"
        )
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"  {mistake}" for mistake in self.mistakes)])


class PluginError(UsageError):
    """A plugin cannot be used: unknown, in conflict, broken, or breaking the rules of the hooks."""


class WorkbookError(IhacpaError):
    """The workbook cannot be read or written as asked."""

    exit_code = ExitCode.WORKBOOK


class StoreError(IhacpaError):
    """The journal cannot be read or written; nothing may go on without it."""

    exit_code = ExitCode.WORKBOOK


class NothingToDo(IhacpaError):
    """No row of the workbook matches what was asked for."""

    exit_code = ExitCode.NOTHING_TO_DO


class WorkbookLocked(IhacpaError):
    """Another run holds the workbook."""

    exit_code = ExitCode.LOCKED


class DecisionNeeded(IhacpaError):
    """Going on would need a choice that only a person can make; nothing was written."""

    exit_code = ExitCode.DECISION_NEEDED


class TransientError(IhacpaError):
    """A record could not be processed now, but may well be in a moment (time-out, 429, 5xx, I/O).

    :param retry_after: seconds that the other side asked us to wait.
    """

    def __init__(self, what: str, *, why: str = "", hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, why=why, hint=hint)
        self.retry_after = retry_after


class RecordError(IhacpaError):
    """A record cannot be processed, and trying again would not help."""
