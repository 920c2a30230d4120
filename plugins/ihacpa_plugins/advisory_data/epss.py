"""The Exploit Prediction Scoring System: how likely a CVE is to be exploited in the next 30 days, as CSV.

https://www.first.org/epss/data_stats: a comment with the model and the day, the header ``cve,epss,percentile``, a line
a CVE; free to use if FIRST is named.
"""

from __future__ import annotations

import re

from ihacpa_plugins.advisory_data.feeds import Content, Feed, cve, day

_DAY = re.compile(r"score_date:\s*([0-9-]{10})")


def read(text: str) -> Content:
    """The CVEs and their scores, 0.0 to 1.0.

    :raises ValueError: it has no columns of that name.
    """
    # 300,000 lines of three plain fields: splitting them is five times as fast as the csv module
    lines = text.splitlines()
    content = Content()
    place = 0
    while place < len(lines) and (lines[place].startswith("#") or not lines[place].strip()):
        found = _DAY.search(lines[place])
        content.day = day(found[1]) if found else content.day
        place += 1
    header = [name.strip().lower() for name in lines[place].split(",")] if place < len(lines) else []
    if header[:2] != ["cve", "epss"]:
        raise ValueError(f"it does not begin with the columns cve and epss, but with {header[:3]}")
    for number, line in enumerate(lines[place + 1 :], start=place + 2):
        try:
            content.rows.append(_row(line))
        except ValueError:
            content.unreadable.extend([f"line {number}"] if line.strip() else [])
    return content


def _row(line: str) -> tuple[str, float]:
    name, score, *_ = line.split(",")
    chance = float(score)
    if not 0.0 <= chance <= 1.0:
        raise ValueError(f"no chance: {score}")
    return cve(name), chance


FEED = Feed(name="epss", family="EPSS", read=read)
