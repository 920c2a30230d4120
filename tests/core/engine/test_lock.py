"""One run at a time on a workbook, held and freed by the kernel: tried with real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.errors import WorkbookError, WorkbookLocked

ROOT = Path(__file__).resolve().parents[3]

HOLDER = """
import sys, time, pathlib
from ihacpa_core.engine.lock import WorkbookLock
with WorkbookLock(pathlib.Path(sys.argv[1])).acquire():
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "packages.xlsx"
    path.write_bytes(b"PK")
    return path


@contextmanager
def holder(workbook: Path, seconds: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock for so long, or until it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER, str(workbook), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_second_run_is_refused_and_told_by_whom(workbook: Path) -> None:
    """A second run is refused within a second, and told the process, the host, since when, and how to wait."""
    with holder(workbook) as process:
        begun = time.monotonic()
        with pytest.raises(WorkbookLocked) as caught:
            WorkbookLock(workbook).acquire()
        spent = time.monotonic() - begun

    assert spent < 1
    assert f"process {process.pid} on {socket.gethostname()} since 20" in caught.value.why
    assert "--wait" in caught.value.hint
    assert caught.value.exit_code == 6


def test_dead_owner_is_taken_over_at_once(workbook: Path) -> None:
    """When the holder is killed, the next run starts at once, with no manual step."""
    with holder(workbook) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        begun = time.monotonic()
        lock = WorkbookLock(workbook).acquire()

    assert time.monotonic() - begun < 1
    owner = lock.owner()
    assert owner is not None
    assert owner.pid == os.getpid()
    lock.release()


def test_waiting_gets_the_lock(workbook: Path) -> None:
    """A run that waits starts when the other one ends."""
    with holder(workbook, seconds=0.4):
        begun = time.monotonic()
        with WorkbookLock(workbook).acquire(wait=20):
            spent = time.monotonic() - begun

    assert spent < 10


def test_waiting_ends(workbook: Path) -> None:
    """A run that waits in vain is refused after the time that it was given."""
    with holder(workbook):
        begun = time.monotonic()
        with pytest.raises(WorkbookLocked):
            WorkbookLock(workbook).acquire(wait=0.5)

    assert 0.5 <= time.monotonic() - begun < 3


def test_link_and_relative_path_are_the_same_workbook(
    workbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workbook that is reached through a link, in another folder, or by a relative path, is locked all the same."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link.xlsx").symlink_to(workbook)
    (tmp_path / "folder").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    with holder(workbook):
        for path in (elsewhere / "link.xlsx", tmp_path / "folder" / workbook.name, Path("packages.xlsx")):
            with pytest.raises(WorkbookLocked):
                WorkbookLock(path).acquire()


def test_state_folder_does_not_matter(workbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a run keeps its state changes nothing about the lock: it depends on the workbook's path alone."""
    with holder(workbook):
        monkeypatch.setenv("IHACPA_STATE_DIR", str(tmp_path / "other-state"))
        with pytest.raises(WorkbookLocked):
            WorkbookLock(workbook).acquire()

    assert (tmp_path / ".ihacpa" / "packages.xlsx.lock").exists()


def test_two_workbooks_do_not_mind_each_other(workbook: Path) -> None:
    """Two workbooks of one folder can be worked on at once."""
    with holder(workbook), WorkbookLock(workbook.with_name("other.xlsx")).acquire() as lock:
        assert lock.owner() is not None


def test_same_process_is_refused_too(workbook: Path) -> None:
    """A second lock of the same process is refused, also from another thread."""
    refused: list[WorkbookLocked] = []

    def second() -> None:
        try:
            WorkbookLock(workbook).acquire()
        except WorkbookLocked as error:
            refused.append(error)

    with WorkbookLock(workbook).acquire():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        second()

    assert len(refused) == 2
    assert f"process {os.getpid()}" in refused[0].why


def test_released_lock_is_free_and_its_file_stays(workbook: Path) -> None:
    """After its release the lock is free; the lock file stays, the word about its owner goes."""
    lock = WorkbookLock(workbook).acquire()
    lock.release()
    lock.release()

    assert [path.name for path in (workbook.parent / ".ihacpa").iterdir()] == ["packages.xlsx.lock"]
    WorkbookLock(workbook).acquire().release()


def test_files_are_for_their_owner_alone(workbook: Path) -> None:
    """The folder, the lock and the word about its owner are for the user's own eyes."""
    folder = workbook.parent / ".ihacpa"
    with WorkbookLock(workbook).acquire():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}

    assert modes == {".ihacpa": 0o700, "packages.xlsx.lock": 0o600, "packages.xlsx.lock.json": 0o600}


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b'{"pid": "1"}', b'{"pid": 0, "host": 1, "since": "", "command": ""}']
)
def test_damaged_owner_information_is_only_a_poorer_message(workbook: Path, said: bytes) -> None:
    """The lock holds whatever stands in the file beside it; only the message knows less."""
    with holder(workbook):
        (workbook.parent / ".ihacpa" / "packages.xlsx.lock.json").write_bytes(said)

        with pytest.raises(WorkbookLocked) as caught:
            WorkbookLock(workbook).acquire()

    assert "--wait" in caught.value.hint


def test_dead_pid_is_not_blamed(workbook: Path) -> None:
    """What a killed run left behind is not told as if it held the lock that somebody else has just taken."""
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with holder(workbook):
        said = {"pid": gone.pid, "host": socket.gethostname(), "since": "2020", "command": "x"}
        (workbook.parent / ".ihacpa" / "packages.xlsx.lock.json").write_text(json.dumps(said))

        with pytest.raises(WorkbookLocked) as caught:
            WorkbookLock(workbook).acquire()

    assert str(gone.pid) not in str(caught.value)


def test_lock_file_taken_away_while_waiting(workbook: Path) -> None:
    """A lock on a file that was moved away is worth nothing: the waiting run takes the one at the path."""
    path = workbook.parent / ".ihacpa" / "packages.xlsx.lock"
    with holder(workbook, seconds=0.5):
        threading.Timer(0.2, lambda: path.rename(path.with_name("moved"))).start()
        with WorkbookLock(workbook).acquire(wait=20), pytest.raises(WorkbookLocked):
            WorkbookLock(workbook).acquire()


def test_folder_that_cannot_be_made(workbook: Path) -> None:
    """Where no lock file can be made, the error is ours, with a hint."""
    (workbook.parent / ".ihacpa").write_text("in the way")

    with pytest.raises(WorkbookError) as caught:
        WorkbookLock(workbook).acquire()

    assert str(workbook.parent) in caught.value.hint


def test_missing_folder_is_not_made(tmp_path: Path) -> None:
    """A workbook in a folder that does not exist is an error, and the folder is not made."""
    with pytest.raises(WorkbookError):
        WorkbookLock(tmp_path / "typo" / "packages.xlsx").acquire()

    assert not (tmp_path / "typo").exists()


READ_ONLY = """
import os, sys, pathlib
import filelock  # while it can still be read
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.errors import WorkbookError
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere, so the attempt is made by somebody who may not
try:
    WorkbookLock(pathlib.Path(sys.argv[1])).acquire()
except WorkbookError as error:
    print(error.what, error.why, error.hint, sep="|")
"""


def test_read_only_folder_is_told() -> None:
    """A folder that may not be written to is a workbook error that says so and what to do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "packages.xlsx").write_bytes(b"PK")
        folder.chmod(0o555)
        told = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(folder / "packages.xlsx")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        folder.chmod(0o700)

    assert "cannot be locked" in told.stdout
    assert "Permission denied" in told.stdout
    assert "may write to" in told.stdout


def test_looking_at_the_lock_says_who_holds_it_and_writes_nothing(workbook: Path) -> None:
    """Whether the lock is held can be asked without a trace: no file is made, none is written or renamed."""
    lock = WorkbookLock(workbook)
    assert not lock.is_held()
    assert list(workbook.parent.iterdir()) == [workbook]
    with holder(workbook) as process:
        before = {path: path.stat() for path in workbook.parent.rglob("*")}
        held = lock.holder()
        after = {path: path.stat() for path in workbook.parent.rglob("*")}
        process.kill()
        process.wait()

    assert held is not None
    assert f"process {process.pid}" in held.why
    assert [(path, stat.st_ino, stat.st_mtime_ns) for path, stat in before.items()] == [
        (path, stat.st_ino, stat.st_mtime_ns) for path, stat in after.items()
    ]
    assert not lock.is_held()
    assert lock.holder() is None


def test_a_look_at_the_lock_keeps_no_run_out(workbook: Path) -> None:
    """A run that starts while somebody looks at its lock is not refused."""
    WorkbookLock(workbook).acquire().release()
    looking = threading.Event()

    def look() -> None:
        while not looking.is_set():
            WorkbookLock(workbook).is_held()
            time.sleep(0.001)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(50):
            WorkbookLock(workbook).acquire().release()
    finally:
        looking.set()
        thread.join()

    assert not WorkbookLock(workbook).is_held()
