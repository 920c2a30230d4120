"""The package review over the 486-row workbook, against a loopback index, side by side with the ways it competes with.

Each variant runs as a user would run it: the command as a whole process, start-up, reading, saving and verification
included. Variants take turns, so that a machine that slows down slows all of them. Prints medians and ratios, and the
machine they were measured on.

usage: python benchmarks/review.py [--runs 5] [--rows 48] [--latency 0.1] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ihacpa_core.testing.index import LoopbackIndex

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ROWS = 486


@dataclass(slots=True)
class Variant:
    """One way to do the work: what it is called, over how many rows, and the seconds of each run."""

    name: str
    rows: int
    options: tuple[str, ...]
    fresh_cache: bool = True
    seconds: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def a_row(self) -> float:
        return statistics.median(self.seconds) / self.rows


class Bench:
    """A folder with a copy of the workbook, settings that lead to the loopback index, and an advisory database."""

    def __init__(self, folder: Path, index: str) -> None:
        self._folder = folder
        self._index = index
        self._advisories = folder / "advisories.sqlite"
        self._command("advisories", "import", str(EXAMPLES / "advisories"), "--complete-for", "PYSEC,GHSA,MAL")

    def run(self, variant: Variant) -> None:
        """Run `variant` once and keep what it took."""
        cache = self._folder / "pypi.sqlite"
        if variant.fresh_cache:
            for path in self._folder.glob("pypi.sqlite*"):
                path.unlink()
        shutil.rmtree(self._folder / ".ihacpa", ignore_errors=True)
        shutil.copy(EXAMPLES / "packages-486.xlsx", self._folder / "packages.xlsx")
        started = time.perf_counter()
        summary = self._command(
            "run", "packages.xlsx", "--json", "--progress", "none", "-o", f"source.pypi.cache={cache}", *variant.options
        )
        variant.seconds.append(time.perf_counter() - started)
        metrics = json.loads(summary)["metrics"]
        variant.memory.append(metrics["peak_memory"])
        if metrics["done"] != variant.rows:
            raise SystemExit(f"{variant.name}: {metrics['done']} of {variant.rows} rows done")

    def _command(self, *words: str) -> str:
        command = [
            sys.executable, "-m", "ihacpa_core", *words,
            "-o", f"source.pypi.url={self._index}", "-o", f"source.osv.database={self._advisories}",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout


def variants(rows: int) -> list[Variant]:
    """What is compared: the default way, more of it from the cache, and the way of working that it replaces."""
    serial = (
        "--limit", str(rows), "--batch-size", "1", "--save-every", "batch",
        "-o", "processor.package-review.concurrency=1", "-o", "source.pypi.connections=1",
    )  # fmt: skip
    return [
        Variant("16 at once, batches of 10, saved when due", ROWS, ("--concurrency", "16")),
        Variant("the same again, from the cache", ROWS, ("--concurrency", "16"), fresh_cache=False),
        Variant("one package and one save at a time", rows, serial),
    ]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(measured: list[Variant]) -> str:
    """The figures as text; ratios are of the time a row, against the first variant."""
    lines = [f"{'':<44}{'rows':>6}{'median s':>10}{'min':>8}{'max':>8}{'ms/row':>9}{'ratio':>8}{'MB':>7}"]
    for variant in measured:
        seconds = variant.seconds
        lines.append(
            f"{variant.name:<44}{variant.rows:>6}{statistics.median(seconds):>10.2f}{min(seconds):>8.2f}"
            f"{max(seconds):>8.2f}{variant.a_row * 1000:>9.1f}{variant.a_row / measured[0].a_row:>8.1f}"
            f"{max(variant.memory) / 1e6:>7.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="measure the package review over a loopback index")
    parser.add_argument("--runs", type=int, default=5, help="runs of each variant; default: 5")
    parser.add_argument("--rows", type=int, default=48, help="rows for the slow variant; default: 48")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds before each answer; default: 0.1")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    args = parser.parse_args()
    measured = variants(args.rows)
    with (
        tempfile.TemporaryDirectory() as folder,
        LoopbackIndex.from_csv(EXAMPLES / "packages-486.csv", latency=args.latency) as index,
    ):
        bench = Bench(Path(folder), index.url)
        for number in range(args.runs):
            for variant in measured:
                bench.run(variant)
                print(f"run {number + 1}: {variant.name}: {variant.seconds[-1]:.2f} s", file=sys.stderr)
    about = machine()
    print(table(measured))
    print(f"index: loopback, {args.latency * 1000:.0f} ms an answer; {args.runs} runs each, in turn")
    print("; ".join(f"{name}: {value}" for name, value in about.items()))
    if args.json:
        args.json.write_text(json.dumps({"machine": about, "variants": [asdict(one) for one in measured]}, indent=2))


if __name__ == "__main__":
    main()
