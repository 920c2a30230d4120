"""A file system that fails or dies at a chosen effect: the tool with which saving and recovering are tried."""

from __future__ import annotations

from pathlib import Path

from ihacpa_core.fileops import FileOps


class Crash(BaseException):
    """The process died here. No `BaseException` of the product's: no handler of its may take it for an error."""


class FaultyOps(FileOps):
    """Counts effects; the one with the number `fail_at` (from 1) raises `error` instead of happening.

    After a `Crash` every later effect raises it as well, so that no clean-up can tidy a disk that a dead process
    could not have touched.

    :param fail_at: None only counts; `calls` then tells how many effects there are to try.
    :param error: the exception that is raised; make a new `FaultyOps` for each attempt.
    :param sticky: every later effect fails too, as on a full disk.
    """

    def __init__(
        self, fail_at: int | None = None, error: OSError | Crash | None = None, *, sticky: bool = False
    ) -> None:
        self.fail_at = fail_at
        self.error = Crash() if error is None else error
        self.sticky = sticky or isinstance(self.error, Crash)
        self.calls: list[tuple[str, Path]] = []

    @property
    def reached(self) -> bool:
        """Whether the effect that was to fail has come up."""
        return self.fail_at is not None and len(self.calls) >= self.fail_at

    def effect(self, name: str, path: Path) -> None:
        self.calls.append((name, path))
        if self.fail_at is None:
            return
        number = len(self.calls)
        if number == self.fail_at or (self.sticky and number > self.fail_at):
            raise self.error
