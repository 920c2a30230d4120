"""Real runs whose rows are heavy: what a row brings is held until its batch is committed, under a limit on memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ihacpa_core.testing.project import Project

ROWS = 300
LIMIT = 256 * 2**20

WORK = """\
import random
import held

def hold(record):
    held.ROWS.append(b"x" * int(random.Random(record.row).uniform(2, 6) * 1e6))
    return {"Total": record["Amount"] * 2}
"""

RELEASE = """\
import held
from ihacpa_core import hookimpl

@hookimpl
def ihacpa_batch_committed(event):
    held.ROWS.clear()
"""

SETTINGS = """\
[ihacpa]
workbook = "book.xlsx"
processor = "python:work.py:hold"
plugins = ["./release.py"]
progress = ["plain"]
[sheet]
header_row = 1
key = "Name"
[processor.python]
concurrency = 4
results = ["Total"]
"""

CGROUPS = Path("/sys/fs/cgroup/memory")


@dataclass(frozen=True)
class Heavy:
    """A run under a limit: whether it survived it with every row done, and the sizes of its batches."""

    survived: bool
    sizes: list[int]
    stderr: str

    @property
    def mean(self):
        return sum(self.sizes) / len(self.sizes)


def why_no_cgroup():
    """Why a control group of version 1 cannot be made here; empty if it can."""
    if not (CGROUPS / "memory.limit_in_bytes").exists():
        return "no control groups of version 1 for memory"
    return "" if os.access(CGROUPS, os.W_OK) else "may make no control group"


class HeavyProject(Project):
    """A workbook of heavy rows.

    :param how: ``cgroup`` or ``RLIMIT_AS``.
    """

    def __init__(self, folder, how):
        super().__init__(folder)
        self.how = how
        self.environment = {}
        self.write("held.py", "ROWS = []\n")
        self.write("work.py", WORK)
        self.write("release.py", RELEASE)
        self.write("ihacpa.toml", SETTINGS)
        self.write_workbook(["Name", "Amount", "Total"], [[f"item-{n:03}", n] for n in range(1, ROWS + 1)])

    def heavy(self, *args):
        """Run ``ihacpa --start-fresh ARGS`` under the limit."""
        run = self._in_cgroup if self.how == "cgroup" else self._in_address_space
        done = run([sys.executable, "-m", "ihacpa_core", "--start-fresh", *args])
        sizes = [int(count) for count in re.findall(r"^batch \d+: (\d+) records", done.stderr, re.M)]
        return Heavy(done.returncode == 0 and sum(sizes) == ROWS, sizes, done.stderr)

    def largest_fixed_size(self):
        """The largest number of records a batch that survives, by bisection.

        With one malloc arena, as `memory` gives itself under RLIMIT_AS: without that far smaller ones would fail.
        """
        self.environment = {"MALLOC_ARENA_MAX": "1"}
        low, high = 0, 101
        while high - low > 1:
            middle = (low + high) // 2
            if self.heavy("--strategy", "size", "--batch-size", str(middle)).survived:
                low = middle
            else:
                high = middle
        return low

    def _in_cgroup(self, command):
        group = CGROUPS / f"ihacpa-test-{os.getpid()}"
        group.mkdir()
        try:
            (group / "memory.limit_in_bytes").write_text(str(LIMIT))
            return self._done(command, lambda: (group / "cgroup.procs").write_text(str(os.getpid())))
        finally:
            group.rmdir()

    def _in_address_space(self, command):
        import resource

        return self._done(command, lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)))

    def _done(self, command, limit):
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self._environment(), **self.environment},
            preexec_fn=limit,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
