"""Answers that are kept on disk for a while, a file each. A convenience: where that cannot be, the run goes on."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def cache_folder(name: str) -> Path:
    """Where a source keeps its answers: ``ihacpa/NAME`` in the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(root) if Path(root).is_absolute() else Path.home() / ".cache") / "ihacpa" / name


class KeptAnswers:
    """What was answered to a question, for at most `max_age` seconds."""

    def __init__(
        self, folder: Path, max_age: float, warn: Callable[[str], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._max_age = max_age
        self._warn = warn
        self._clock = clock
        self._told = False

    def get(self, question: str) -> bytes | None:
        """The answer, if it is there and fresh."""
        path = self._file(question)
        try:
            age = self._clock() - path.stat().st_mtime
            return path.read_bytes() if 0 <= age < self._max_age else None
        except OSError:
            return None  # not there, or as good as not there

    def put(self, question: str, answer: bytes) -> None:
        """Keep an answer; a reader sees it whole or not at all."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(suffix=".tmp", dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(answer)
                Path(name).replace(self._file(question))
            finally:
                with suppress(FileNotFoundError):
                    Path(name).unlink()
        except OSError as error:
            if not self._told:
                self._told = True
                self._warn(f"answers are not kept in {self._folder} ({error})")

    def _file(self, question: str) -> Path:
        return self._folder / f"{hashlib.sha256(question.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}.json"
