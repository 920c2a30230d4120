"""Runs ihacpa again and again, each time in a process of its own that is cheap to make and may be killed.

Started as a script. It reads requests, a line of JSON each, forks a child for each, and answers with its exit code. The
child runs the command line, with a file system that fails inside of it (`FaultyOps`), or below it (preload.c). What the
first child had to import, this process imports as well, so that later ones find it done. Started with a request as its
argument, it does that one by itself: for systems without fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import signal
import struct
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ihacpa_core.cli import run_command
from ihacpa_core.cli.main import main
from ihacpa_core.testing.faults import Crash, FaultyOps

KILLED = 137
"""The exit code of a child that died at its effect, as a shell would give it."""
BROKEN = 99
"""The exit code of a child in which these tests failed, not ihacpa."""
PATIENCE = 60
"""Seconds after which a child that hangs is ended by its alarm."""
COUNT = "count.bin"
"""The file in which a child keeps count of its effects: eight bytes, little-endian."""


class CountingOps(FaultyOps):
    """Counts into a file that outlives the process, and dies where it is to crash: no handler runs after that.

    :param note: a file for a line an effect: its name and its path.
    """

    def __init__(self, count: Path, note: Path | None = None, **fault: Any) -> None:
        super().__init__(**fault)
        self._note = note
        count.write_bytes(bytes(8))
        with count.open("r+b") as file:
            self._count = mmap.mmap(file.fileno(), 8)

    def effect(self, name: str, path: Path) -> None:
        if self._note is not None:
            with self._note.open("a", encoding="utf-8") as note:
                note.write(f"{name}\t{path}\n")
        try:
            super().effect(name, path)
        except Crash:
            self._count[:] = struct.pack("<q", len(self.calls))
            os._exit(KILLED)
        finally:
            self._count[:] = struct.pack("<q", len(self.calls))


class CarelessOps(CountingOps):
    """Writes over a file in four pieces instead of replacing it: what a sweep has to notice."""

    def replace(self, source: Path, target: Path) -> None:
        content = source.read_bytes()
        quarter = len(content) // 4 + 1
        with target.open("wb", buffering=0) as file:
            for start in range(0, len(content), quarter):
                self.effect("replace", target)
                file.write(content[start : start + quarter])
        self.unlink(source)


def serve() -> None:
    """Answer requests until there are no more."""
    shim = ctypes.CDLL(None) if "preload" in os.environ.get("LD_PRELOAD", "") else None
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(_answer(request, shim)) + "\n")
        sys.stdout.flush()


def _answer(request: dict[str, Any], shim: Any) -> dict[str, int]:
    if shim is not None:
        shim.fi_prepare()
    child = os.fork()
    if child == 0:
        try:
            os._exit(act(request, shim))
        finally:
            os._exit(BROKEN)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    _learn(request)
    return {"code": KILLED if code == -signal.SIGKILL else code, "outside": shim.fi_count() if shim else 0}


def _learn(request: dict[str, Any]) -> None:
    """Import what the first child had imported."""
    if not request.get("learn"):
        return
    for name in Path(request["learn"]).read_text(encoding="utf-8").split():
        with contextlib.suppress(ImportError):  # a name that only looks like a module
            import_module(name)


def act(request: dict[str, Any], shim: Any = None) -> int:
    """Run the command that is asked for, with its fault; returns the exit code."""
    folder = Path(request["folder"])
    if hasattr(signal, "alarm"):
        signal.alarm(PATIENCE)
    os.chdir(folder)
    _redirect(folder)
    fault = request.get("fault")
    inside = fault if fault and fault["where"] == "inside" else None
    note = request.get("note")
    kind = CarelessOps if request.get("careless") else CountingOps
    _let_fail(kind(folder / COUNT, Path(note) if note else None, **_inside(inside)))
    if shim is not None:
        _arm(shim, request, fault if fault and fault["where"] == "outside" else None)
    code = main(request["argv"])
    sys.stdout.flush()
    sys.stderr.flush()
    if request.get("learn"):
        names = [name for name in sys.modules if name != "__main__" and not name.startswith("ihacpa_user_")]
        Path(request["learn"]).write_text("\n".join(names), encoding="utf-8")
    return code


def _let_fail(files: FaultyOps) -> None:
    """Give the next run another file system: the command line has no word for it, as no person needs one."""
    original = run_command.request_from
    run_command.request_from = lambda *args: replace(original(*args), files=files)


def _inside(fault: dict[str, Any] | None) -> dict[str, Any]:
    if fault is None:
        return {}
    number = fault["errno"]
    error = OSError(number, os.strerror(number)) if number else Crash()
    return {"fail_at": fault["at"], "error": error, "sticky": fault["sticky"]}


def _arm(shim: Any, request: dict[str, Any], fault: dict[str, Any] | None) -> None:
    at, number, sticky = (fault["at"], fault["errno"], fault["sticky"]) if fault else (0, 0, False)
    log = request.get("log") or ""
    shim.fi_arm(os.fsencode(request["root"]), os.fsencode(log), ctypes.c_long(at), ctypes.c_long(number), int(sticky))


def _redirect(folder: Path) -> None:
    for descriptor, name in ((1, "stdout.txt"), (2, "stderr.txt")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os._exit(act(json.loads(sys.argv[1])))
    serve()
