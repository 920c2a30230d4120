"""Writes what `make sweep` found into a document: ``write_table.py RESULTS docs/reliability.md``."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- made by make sweep -->", "<!-- end of what make sweep made -->"
SIDES = {"inside": "effects of `FileOps`", "outside": "calls of the C library"}
HEAD = "| store | save | start | fails at | fault | operations | faults | wrong | rows lost | look-ups repeated |"


def main(results: Path, document: Path) -> None:
    """Replace what stands between the marks."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    text = document.read_text(encoding="utf-8")
    before, _, rest = text.partition(f"{BEGIN}\n")
    _, _, after = rest.partition(f"{END}\n")
    document.write_text(f"{before}{BEGIN}\n\n{section(found)}\n{END}\n{after}", encoding="utf-8")


def section(found: Sequence[Mapping[str, Any]]) -> str:
    """The figures, and what they were made with."""
    lines = [f"Made by `make sweep` on {machine()}.", "", HEAD, re.sub(r"[^|]+", " --- ", HEAD)]
    lines += rows(found)
    total = {name: sum(each[name] for each in found) for name in ("faults", "lost")}
    wrong, repeated = sum(len(each["wrong"]) for each in found), max(each["repeated"] for each in found)
    lines += ["", f"In all {total['faults']:,} faults: {wrong} wrong, {total['lost']} rows lost, at most {repeated}"]
    lines[-1] += " look-ups repeated by one fault."
    return "\n".join(lines) + "\n"


def rows(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A row for each place where a run was made to fail: one for the kills, one for all errors."""
    grouped = defaultdict(list)
    for each in found:
        fault = "kill" if each["kind"] == "kill" else "error"
        grouped[each["store"], each["saver"], each["begun"], each["where"], fault].append(each)
    for (store, saver, begun, where, fault), group in sorted(grouped.items()):
        figures = (
            max(each["operations"] for each in group),
            sum(each["faults"] for each in group),
            sum(len(each["wrong"]) for each in group),
            sum(each["lost"] for each in group),
            max(each["repeated"] for each in group),
        )
        yield f"| `{store}` | `{saver}` | {begun} | {SIDES[where]} | {fault} | {' | '.join(map(str, figures))} |"


def machine() -> str:
    """The machine in words that do not tell which one it is."""
    return f"{processor()}, {os.cpu_count()} cores, {system()}, Python {platform.python_version()}"


def processor() -> str:
    listed = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.*)$", listed.read_text(encoding="utf-8"), re.M) if listed.exists() else None
    return model[1] if model else platform.processor() or platform.machine()


def system() -> str:
    release = platform.release().partition("-")[0]
    if not hasattr(platform, "freedesktop_os_release") or sys.platform != "linux":
        return f"{platform.system()} {release}"
    return f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'Linux')}, kernel {release}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
