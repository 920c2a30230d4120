"""A run over twenty rows that is killed, or whose disk fails, at a chosen operation; and what must hold afterwards."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fault_runner import BROKEN, COUNT, KILLED
from openpyxl import Workbook, load_workbook

from ihacpa_core import RecordId, RunContext
from ihacpa_core.engine.fingerprint import fingerprint
from ihacpa_core.engine.journal import RunHistory, latest_history
from ihacpa_core.plugins.builtins import BUILTINS
from ihacpa_core.testing.context import offered
from ihacpa_core.workbook.records import read_sheet

ROOT = Path(__file__).parents[2]
ROWS = 20
CONCURRENCY = 4
STORES = [builtin.name for builtin in BUILTINS if builtin.role == "checkpoint"]
SAVERS = [builtin.name for builtin in BUILTINS if builtin.role == "save"]
COMBINATIONS = [(store, saver) for store in STORES for saver in SAVERS]
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EACCES": errno.EACCES}

FUNCTION = """\
import os
from pathlib import Path
from ihacpa_core import Cell

CALLS = os.open(Path(__file__).with_name("calls.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def double(record):
    os.write(CALLS, record.key.encode() + b"\\n")
    return {"Total": Cell(record["Amount"] * 2, style="good"), "Note": f"=twice {record['Amount']}"}
"""

SETTINGS = """\
[ihacpa]
workbook = "sheet/book.xlsx"
processor = "python:work.py:double"
checkpoint = "{store}"
save = "{saver}"
save_every = "batch"
checkpoint_every = 1
progress = ["none"]

[sheet]
header_row = 1
key = "Name"

[strategy.size]
batch_size = 5

[processor.python]
concurrency = {concurrency}
results = ["Total", "Note"]
"""

_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
_CHECKPOINT = re.compile(r"\.ihacpa/book\.xlsx/checkpoints/RUN-\d{5}-[0-9a-f]{4}\.json")
"""Of a run that was killed after its end was written, before its checkpoints were removed: it goes when it expires."""
_BACKUP = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{12}-[0-9a-f]{6}")
_TOLD = re.compile(r"^ihacpa: error: .+(\n  why:  .+|: .+)\n  hint: .+", re.M)
Cells = Mapping[str, Any]


# --- what goes wrong --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at which operation.

    :param where: "inside", at an effect of `FileOps`; "outside", at a call of the C library below the sheet's folder.
    :param at: the operation's number, from 1.
    :param errno: the error that it gets; 0 kills the process before it.
    :param sticky: every later one gets it too.
    """

    where: str
    at: int
    errno: int = 0
    sticky: bool = False

    def __str__(self) -> str:
        what = errno.errorcode[self.errno] if self.errno else "kill"
        return f"{what}{' from there on' if self.sticky else ''} at operation {self.at} ({self.where})"


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of fault, to be tried at many operations: `faults` takes turns, an (errno, sticky) for each operation."""

    name: str
    faults: tuple[tuple[int, bool], ...]

    def fault(self, where: str, at: int, turn: int) -> Fault:
        number, sticky = self.faults[turn % len(self.faults)]
        return Fault(where, at, number, sticky)


_ERRORS = tuple((number, sticky) for sticky in (False, True) for number in ERRORS.values())
KILL = Kind("kill", ((0, False),))
ANY_ERROR = Kind("error", _ERRORS)
ANYTHING = Kind("kill or error", tuple(each for error in _ERRORS for each in ((0, False), error)))
EVERY_KIND = [
    KILL,
    *(
        Kind(f"{errno.errorcode[number]} {'from there on' if ever else 'once'}", ((number, ever),))
        for number, ever in _ERRORS
    ),
]


# --- the run that it goes wrong in ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder in which a run is made; the workbook and all of its state lie in `sheet`, and nothing else does."""

    folder: Path
    store: str
    saver: str

    @property
    def sheet(self) -> Path:
        return self.folder / "sheet"

    @property
    def workbook(self) -> Path:
        return self.sheet / "book.xlsx"

    @property
    def errors(self) -> str:
        return (self.folder / "stderr.txt").read_text(encoding="utf-8")

    def lay(self) -> Desk:
        """Put a workbook of twenty rows, its settings and its function there."""
        self.sheet.mkdir(parents=True)
        book = Workbook()
        page = book.active
        assert page is not None
        page.append(["Name", "Amount", "Total", "Note", "Mine"])
        for number in range(1, ROWS + 1):
            page.append([f"item-{number:02}", number, None, None, f"=B{number + 1}+1"])
        book.save(self.workbook)
        (self.folder / "work.py").write_text(FUNCTION)
        settings = SETTINGS.format(store=self.store, saver=self.saver, concurrency=CONCURRENCY)
        (self.folder / "ihacpa.toml").write_text(settings)
        return self

    def copy(self, to: Path) -> Desk:
        shutil.copytree(self.folder, to)
        return Desk(to, self.store, self.saver)

    def calls(self) -> Counter[str]:
        path = self.folder / "calls.txt"
        return Counter(path.read_text(encoding="utf-8").split() if path.exists() else ())

    def cells(self) -> Cells:
        """Every cell, as openpyxl reads it; the reader of the core has to read the same rows.

        :raises Exception: one of them cannot.
        """
        assert len(read_sheet(self.workbook, header_row=1, key="Name").records) == ROWS
        page = load_workbook(self.workbook).active
        assert page is not None
        return {cell.coordinate: cell.value for row in page.iter_rows() for cell in row if cell.value is not None}

    def history(self) -> RunHistory | None:
        """What the journal says, read without a change to it."""
        state = self.sheet / ".ihacpa" / "book.xlsx"
        module = next(b.module for b in BUILTINS if (b.role, b.name) == ("checkpoint", self.store))
        context = RunContext(
            run_id="look", workbook=self.workbook, state_dir=state, config_dir=self.folder, read_only=True
        )
        store = offered(module, self.store)(context)
        try:
            return latest_history(store)
        finally:
            store.close()

    def names(self) -> set[str]:
        """Every file and folder of the sheet's, with what differs between two runs replaced by a word."""
        names = (path.relative_to(self.sheet).as_posix() for path in self.sheet.rglob("*"))
        return {_BACKUP.sub("BACKUP", _RUN.sub("RUN", name)) for name in names}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, and how many operations there were, seen from inside and from outside."""

    code: int
    inside: int
    outside: int

    def reached(self, fault: Fault) -> bool:
        return (self.inside if fault.where == "inside" else self.outside) >= fault.at


class Runner:
    """Runs commands in children of a process that has everything imported.

    :param temporary: the folder for temporary files, which no other runner uses.
    :param shim: the compiled preload.c; None sees only what `FileOps` does.
    :param fork: False starts a new process for each command, as systems without fork need it.
    :param careless: files are written over, not replaced: to see that a sweep finds out.
    """

    def __init__(
        self,
        temporary: Path,
        shim: Path | None = None,
        *,
        fork: bool = hasattr(os, "fork"),
        careless: bool = False,
    ) -> None:
        self.temporary = temporary
        self._careless = careless
        self._environment = environment(temporary) | ({"LD_PRELOAD": str(shim)} if shim else {})
        self._process = self._start() if fork else None
        self._learned = False

    def run(self, desk: Desk, *argv: str, fault: Fault | None = None, **more: Path) -> Ended:
        """Run ``ihacpa ARGV`` in `desk`, with `fault`.

        :param more: `note` and `log`, files for what was seen from inside and from outside.
        """
        if not self._learned and fault is None:
            more["learn"] = self.temporary / "modules.txt"
            self._learned = True
        request = request_for(desk, *argv, fault=fault, careless=self._careless, **more)
        answer = self._ask(request) if self._process else self._run_once(request)
        (inside,) = struct.unpack("<q", (desk.folder / COUNT).read_bytes())
        assert answer["code"] != BROKEN, desk.errors
        return Ended(answer["code"], inside, answer["outside"])

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate(timeout=30)

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("fault_runner.py"))],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _ask(self, request: str) -> dict[str, int]:
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{request}\n")
        self._process.stdin.flush()
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    def _run_once(self, request: str) -> dict[str, int]:
        command = [sys.executable, str(Path(__file__).with_name("fault_runner.py")), request]
        return {"code": subprocess.run(command, env=self._environment, check=False).returncode, "outside": 0}


def request_for(desk: Desk, *argv: str, fault: Fault | None = None, careless: bool = False, **more: Path) -> str:
    """What fault_runner.py takes for a run in `desk`: a line of JSON."""
    request: dict[str, Any] = {"folder": str(desk.folder), "root": str(desk.sheet), "argv": argv, "careless": careless}
    request |= {"fault": asdict(fault) if fault else None, **{name: str(path) for name, path in more.items()}}
    return json.dumps(request)


class PlainRunner:
    """Runs the command line as a person does, each time from the start, with faults from the environment.

    :param temporary: the folder for temporary files, which no other runner uses.
    :param shim: the compiled preload.c.
    """

    def __init__(self, temporary: Path, shim: Path) -> None:
        self.temporary = temporary
        self._environment = environment(temporary) | {"LD_PRELOAD": str(shim)}

    def run(self, desk: Desk, *argv: str, fault: Fault | None = None) -> Ended:
        log = desk.folder / "log.txt"
        log.unlink(missing_ok=True)
        variables = {"FI_ROOT": str(desk.sheet), "FI_LOG": str(log)}
        if fault:
            variables |= {"FI_AT": str(fault.at), "FI_ACTION": str(fault.errno), "FI_STICKY": str(int(fault.sticky))}
        with (desk.folder / "stderr.txt").open("wb") as errors:
            done = subprocess.run(
                [sys.executable, "-m", "ihacpa_core", *argv],
                cwd=desk.folder,
                env=self._environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                check=False,
            )
        return Ended(KILLED if done.returncode == -signal.SIGKILL else done.returncode, 0, len(lines(log)))


def environment(temporary: Path) -> dict[str, str]:
    """The environment of a command: nothing of the person's, and temporary files in a folder of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("IHACPA_", "FI_"))}
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary),
        "NO_COLOR": "1",
    }


# --- what must hold ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What a sweep found.

    :param operations: how many there were to fail at.
    :param faults: how many were tried.
    :param wrong: what did not hold, a line each.
    :param lost: rows that were finished and had to be done again, or were not in the result.
    :param repeated: the most look-ups that one fault caused to be made again.
    """

    operations: int = 0
    faults: int = 0
    lost: int = 0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)

    def text(self) -> str:
        return (
            f"N {self.operations} operations, {self.faults} faults: {len(self.wrong)} wrong, {self.lost} rows lost,"
            f" at most {self.repeated} look-ups repeated by one"
        )


class Bench:
    """A run as it starts, and faults that are tried on copies of it.

    :param start: the folder that each attempt begins with: a workbook that was never worked on, or a run interrupted.
    """

    def __init__(self, runner: Runner | PlainRunner, start: Desk, scratch: Path) -> None:
        self._runner = runner
        self._start = start
        self._scratch = scratch
        self._before = start.calls()
        self._original = fingerprint(start.workbook)
        whole = start.copy(scratch / "undisturbed")
        ended = runner.run(whole)
        assert ended.code == 0, whole.errors
        self.operations = {"inside": ended.inside, "outside": ended.outside}
        self._cells = whole.cells()
        self._names = whole.names()
        self._left = (whole.calls() - self._before).total()
        """How many look-ups a run from here needs that nobody disturbs."""
        assert sum(self._cells[f"C{row}"] == 2 * (row - 1) for row in range(2, ROWS + 2)) == ROWS

    def sweep(self, kind: Kind, where: str, *, first: int = 1, step: int = 1) -> Tally:
        """Try `kind` at every operation from `first` on in steps, until one comes that a run does not get to."""
        tally = Tally(operations=self.operations[where])
        turn = 0
        while self._attempt(kind.fault(where, first + turn * step, turn), tally):
            turn += 1
        return tally

    def interrupted(self) -> Bench:
        """The same as this, begun with a run that was killed in its middle: what fails is its resume."""
        desk = self._start.copy(self._scratch / "interrupted")
        half = Fault("inside", self.operations["inside"] // 2)
        assert self._runner.run(desk, fault=half).code == KILLED
        return Bench(self._runner, desk, self._scratch / "resumed")

    def _attempt(self, fault: Fault, tally: Tally) -> bool:
        """Try one fault; False if the run was over before it."""
        desk = self._start.copy(self._scratch / "attempt")
        ended = self._runner.run(desk, fault=fault)
        if ended.reached(fault):
            tally.faults += 1
            try:
                for problem in self._check(desk, fault, ended, tally):
                    tally.wrong.append(f"{fault}: {problem}")
            except Exception as error:  # noqa: BLE001  whatever a check stumbles over is what the fault did
                tally.wrong.append(f"{fault}: {type(error).__name__}: {error}")
        shutil.rmtree(desk.folder)
        return ended.reached(fault)

    def _check(self, desk: Desk, fault: Fault, ended: Ended, tally: Tally) -> Iterator[str]:
        yield from self._check_end(desk, fault, ended)
        history = desk.history()
        kept = set(history.outcomes) if history else set()
        yield from self._check_workbook(desk, history, kept)
        called = desk.calls()
        over = ended.code == 0 or (history is not None and history.finished)
        if over and desk.cells() != self._cells:
            yield "the run says that it is over, and the workbook is not as it should be"
        yield from self._check_next_start(desk)
        if over:  # what came after it was another run
            return
        again = {key for key in desk.calls() - called if RecordId(key) in kept}
        if again:
            yield f"finished rows were done again: {sorted(again)}"
        repeated = (desk.calls() - self._before).total() - self._left
        if repeated > CONCURRENCY:
            yield f"{repeated} look-ups were repeated"
        tally.lost += len(again)
        tally.repeated = max(tally.repeated, repeated)

    def _check_end(self, desk: Desk, fault: Fault, ended: Ended) -> Iterator[str]:
        """A killed run is dead; another is complete, or says what happened, why, and what to type."""
        if not fault.errno:
            if ended.code != KILLED:
                yield f"it was to be killed, and ended with {ended.code}"
        elif ended.code == 4:
            if not _TOLD.search(desk.errors):
                yield f"exit code 4 without what, why and hint: {desk.errors!r}"
        elif ended.code != 0:
            yield f"exit code {ended.code}: {desk.errors!r}"

    def _check_workbook(self, desk: Desk, history: RunHistory | None, kept: set[RecordId]) -> Iterator[str]:
        """It opens, is the original or one that the run wrote, and shows nothing that the journal does not hold."""
        cells, found = desk.cells(), fingerprint(desk.workbook)
        if found not in ((*history.expected, self._original) if history else (self._original,)):
            yield "the workbook is none that the run wrote"
        others = {ref: value for ref, value in cells.items() if ref[0] not in "CD"}
        if others != {ref: value for ref, value in self._cells.items() if ref[0] not in "CD"}:
            yield "a cell that is not the run's was changed"
        for ref, value in cells.items():
            if ref[0] in "CD" and value != self._cells[ref]:
                yield f"{ref} holds {value!r}"
            if ref[0] == "C" and ref != "C1" and RecordId(str(cells[f"A{ref[1:]}"])) not in kept:
                yield f"{ref} shows what the journal does not hold"

    def _check_next_start(self, desk: Desk) -> Iterator[str]:
        """The same command again completes the sheet and leaves nothing behind."""
        ended = self._runner.run(desk)
        if ended.code != 0:
            yield f"the next start ended with {ended.code}: {desk.errors!r}"
            return
        if desk.cells() != self._cells:
            differing = {ref for ref in self._cells if desk.cells().get(ref) != self._cells[ref]}
            yield f"after the next start the workbook differs at {sorted(differing)}"
        left = sorted(name for name in desk.names() - self._names if not _CHECKPOINT.fullmatch(name))
        if left:
            yield f"left behind: {left}"
        aside = sorted(path.name for path in self._runner.temporary.glob("ihacpa-*"))
        if aside:
            yield f"left behind among temporary files: {aside}"


def offset(store: str, saver: str, where: str, step: int) -> int:
    """Where a sweep that takes every so many operations begins: elsewhere for each, so that together they see more."""
    number = COMBINATIONS.index((store, saver)) * 2 + (where == "outside")
    return 1 + number * 3 % step


def lines(path: Path) -> Sequence[tuple[str, str]]:
    """The (kind, path) pairs that a note or a log holds."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [(kind, name) for kind, _, name in (line.partition("\t") for line in text.splitlines())]
