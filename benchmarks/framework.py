"""What the plugin framework costs: start-up with twenty plugins installed, and calling hooks during a run.

Start-up is measured as whole processes, in turn with bare Python; dispatch as the time that a run of 486 rows spends in
telling its events to observers, as a share of the least that such a run takes (see review.py, from the cache).

usage: python benchmarks/framework.py [--runs 15] [--plugins 20]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from review import ROWS, machine

from ihacpa_core.events import RecordFinished
from ihacpa_core.plugins.dispatch import Dispatcher
from ihacpa_core.plugins.table import PluginTable
from ihacpa_core.records import Outcome, Record

OBSERVER = """\
from ihacpa_core import hookimpl

@hookimpl
def ihacpa_record_finished(event):
    pass
"""


def install(folder: Path, count: int) -> None:
    """Put `count` small distributions into `folder`, each with an offer and a module that must not be imported."""
    for number in range(count):
        name = f"bench_plugin_{number}"
        (folder / f"{name}.py").write_text("raise ImportError('nobody selected this')\n")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: ihacpa>=0.1\n"
        )
        (info / "entry_points.txt").write_text(f"[ihacpa.strategy]\nbench-{number} = {name}\n")


def startup(folder: Path, runs: int) -> dict[str, float]:
    """Median seconds of bare Python, ``--version`` and ``--help``, in turn."""
    commands = {
        "bare python": ["-c", "pass"],
        "ihacpa --version": ["-m", "ihacpa_core", "--version"],
        "ihacpa --help": ["-m", "ihacpa_core", "--help"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, words in commands.items():
            seconds[name].append(_timed(words, folder))
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def _timed(words: Sequence[str], folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *words], env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, check=True
    )
    return time.perf_counter() - started


def dispatch(folder: Path, observers: int) -> float:
    """Seconds for telling 486 rows' five events each to `observers` plugins."""
    table = PluginTable()
    for number in range(observers):
        path = folder / f"observer_{number}.py"
        path.write_text(OBSERVER)
        table.enable(f"./{path.name}", folder)
    dispatcher = Dispatcher(table)
    event = RecordFinished(outcome=Outcome.skipped(Record(row=1, key="x")), batch=1, finished=1, total=1)
    started = time.perf_counter()
    for _ in range(ROWS * 5):
        dispatcher.notify(event)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="measure what the plugin framework costs")
    parser.add_argument("--runs", type=int, default=15, help="runs of each command; default: 15")
    parser.add_argument("--plugins", type=int, default=20, help="installed distributions; default: 20")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install(folder, args.plugins)
        medians = startup(folder, args.runs)
        told = {observers: statistics.median(dispatch(folder, observers) for _ in range(5)) for observers in (0, 2, 5)}
    bare = medians["bare python"]
    print(f"start-up with {args.plugins} plugins installed, medians of {args.runs} runs in turn")
    for command, seconds in medians.items():
        print(f"  {command:<20}{seconds * 1000:>8.1f} ms{seconds / bare:>8.1f} x bare")
    print(f"{ROWS * 5} events told (five a row), medians of 5")
    for observers, seconds in told.items():
        print(f"  {observers} observers         {seconds * 1000:>8.1f} ms   {seconds / ROWS * 1e6:>6.1f} us a row")
    print("; ".join(f"{name}: {value}" for name, value in machine().items()))


if __name__ == "__main__":
    main()
