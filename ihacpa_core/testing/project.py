"""A folder with a workbook and settings, in which a test runs ihacpa as a person would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ihacpa_core.errors import ExitCode

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_NOWHERE = "http://127.0.0.1:9"
"""The port of the discard service, where nobody listens any more."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished command: its exit code and what it printed."""

    exit_code: int
    stdout: str
    stderr: str


class Project:
    """A folder that holds ``book.xlsx``: a header on row 1, the key in column A, and rows of values.

    The workbook is made by openpyxl; commands run in a child process, with no settings but those of the test, and with
    no way to any network but this machine's own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workbook = folder / "book.xlsx"

    def write_workbook(self, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
        """Write the workbook, replacing one that is there."""
        from openpyxl import Workbook

        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.title = "Data"
        sheet.append(list(headers))
        for row in rows:
            sheet.append(list(row))
        book.save(self.workbook)
        return self.workbook

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *args: str, expect: ExitCode | None = None, timeout: float = 120) -> Result:
        """Run ``ihacpa ARGS`` to its end; with `expect`, its exit code has to be that."""
        done = subprocess.run(
            self._command(args),
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        if expect is not None and result.exit_code != expect:
            raise AssertionError(f"exit code {result.exit_code}, expected {expect!r}:\n{done.stdout}\n{done.stderr}")
        return result

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start ``ihacpa ARGS`` and leave it running."""
        return subprocess.Popen(
            self._command(args),
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cells(self, path: Path | None = None, sheet: str | None = None) -> dict[str, Any]:
        """Every cell of the workbook that holds something, by its reference."""
        from openpyxl import load_workbook

        book = load_workbook(path or self.workbook)
        page = book[sheet] if sheet else book.active
        assert page is not None
        return {cell.coordinate: cell.value for row in page.iter_rows() for cell in row if cell.value is not None}

    def leftovers(self) -> list[Path]:
        """Temporary files that a save left beside the workbook."""
        return sorted(self.folder.glob(".*ihacpa-tmp*"))

    def _command(self, args: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "ihacpa_core", *args]

    def _environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("IHACPA_")}
        home = str(self.folder / "home")
        own = {"XDG_CACHE_HOME": home, "XDG_DATA_HOME": home, "NO_COLOR": "1"}
        return {**kept, **own, **dict.fromkeys(_PROXIES, _NOWHERE), "NO_PROXY": "127.0.0.1,localhost"}


def wait_until(condition: Callable[[], bool], *, timeout: float = 30, what: str = "it") -> None:
    """Wait for `condition`, looking every few milliseconds.

    :raises AssertionError: it did not come true in `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(0.01)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process as a power cut would: no handler runs."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
