"""How quickly a second run is refused, and how quickly one starts after the holder of the lock was killed."""

from __future__ import annotations

import re
import socket
import time

import pytest
from figures import record_figure

from ihacpa_core.errors import ExitCode
from ihacpa_core.testing.project import kill, wait_until

TRIES = 3  # the quickest counts: others work on this machine too


@pytest.fixture
def held(project, calls):
    """A run that holds the lock for a minute."""
    project.write("work.py", (project.folder / "work.py").read_text().replace("0.04", "60"))
    process = project.start()
    wait_until(lambda: len(calls()) >= 1, what="a call")
    yield process
    if process.poll() is None:
        kill(process)


def test_a_second_run_is_refused_within_a_second(project, held):
    """From typing the command to its end: it says the process, the host, and since when."""
    spent = []
    for _ in range(TRIES):
        begun = time.monotonic()
        refused = project.run(expect=ExitCode.LOCKED)
        spent.append(time.monotonic() - begun)

    record_figure("second run refused", f"{min(spent):.2f} s, start of the command included")
    assert min(spent) < 1
    told = re.search(r"process (\d+) on (\S+) since (\S+)", refused.stderr)
    assert told is not None
    assert (int(told[1]), told[2]) == (held.pid, socket.gethostname())
    assert told[3].startswith("20")


def test_the_next_run_starts_at_once_after_a_kill(project, calls, held):
    """kill -9 of the holder: the same command goes on, with no command to unlock, as quickly as any run starts."""
    kill(held)
    project.write("work.py", (project.folder / "work.py").read_text().replace("60", "0"))
    before = len(calls())
    begun = time.monotonic()
    process = project.start()
    wait_until(lambda: len(calls()) > before, what="a call")
    spent = time.monotonic() - begun
    process.communicate(timeout=30)

    record_figure("next run after kill -9 of the holder", f"{spent:.2f} s from the command to its first look-up")
    assert spent < 5
    assert process.returncode == 0
