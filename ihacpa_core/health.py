"""What ``ihacpa doctor`` asks: checks that look, change nothing, and say what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ihacpa_core.errors import ExitCode


class Health(StrEnum):
    """What a check found. `SKIP`: it was not made, and the message says why."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found, on one line, and what to type or do about it.

    :param exit_code: with which a run would end because of a failed check.
    """

    health: Health
    message: str
    fix: str = ""
    exit_code: ExitCode = ExitCode.USAGE

    @classmethod
    def passed(cls, message: str) -> CheckResult:
        """All is well."""
        return cls(health=Health.PASS, message=message)

    @classmethod
    def warned(cls, message: str, fix: str = "") -> CheckResult:
        """A run would go on, and a person should know."""
        return cls(health=Health.WARN, message=message, fix=fix)

    @classmethod
    def failed(cls, message: str, fix: str = "", exit_code: ExitCode = ExitCode.USAGE) -> CheckResult:
        """A run would not begin, or not do its job."""
        return cls(health=Health.FAIL, message=message, fix=fix, exit_code=exit_code)

    @classmethod
    def skipped(cls, message: str) -> CheckResult:
        """It was not looked at."""
        return cls(health=Health.SKIP, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthContext:
    """What a check may know.

    :param options: the validated options of a selected offer, by role and name; None if it is not selected.
    :param config_dir: the folder that relative paths in them start from.
    :param offline: nothing but this machine may be asked.
    """

    options: Callable[[str, str], Any]
    config_dir: Path
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """One check. It changes nothing and takes a few seconds at the most; an exception is a failed check.

    :param name: one or two words, for the column at the left.
    """

    name: str
    run: Callable[[HealthContext], CheckResult]
