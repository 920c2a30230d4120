"""A slow, plain reading of the OSV rules, to hold the product against. Imports nothing of it.

https://ossf.github.io/osv-schema/#evaluation, over PEP 440 as `packaging` reads it. What cannot be read is tried in
every place where it could belong; the answer is certain if all tries agree.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from packaging.version import InvalidVersion, Version

AFFECTED, NOT_AFFECTED, UNCERTAIN = "affected", "not_affected", "uncertain"
Place = tuple[float, int]
FIRST: Place = (float("-inf"), 0)


def read(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def pep503(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def verdict(record: dict[str, Any], package: str, version: str) -> str:
    """What one record says about one version of a package."""
    if record.get("withdrawn"):
        return NOT_AFFECTED
    answers = set()
    for affected in record.get("affected") or []:
        named = affected.get("package") or {}
        if named.get("ecosystem") == "PyPI" and pep503(named.get("name") or "") == pep503(package):
            answers.add(_in_versions(affected.get("versions") or [], version))
            answers |= {_in_range(item, version) for item in affected.get("ranges") or [] if item.get("type") != "GIT"}
    return next((answer for answer in (AFFECTED, UNCERTAIN) if answer in answers), NOT_AFFECTED)


def _in_versions(versions: list[str], version: str) -> str:
    if version in versions:
        return AFFECTED
    wanted = read(version)
    return AFFECTED if wanted is not None and any(read(item) == wanted for item in versions) else NOT_AFFECTED


def _in_range(source: dict[str, Any], version: str) -> str:
    events = [(kind, text) for event in source.get("events") or [] for kind, text in event.items() if text]
    texts = {text for _, text in events} | {version}
    known = sorted({read(text) for text in texts if read(text) is not None})
    # Whole numbers are versions that can be read. What cannot may stand anywhere between and around them, or at one of
    # them: then it may come before or after what else is there.
    places = {text: (float(known.index(read(text))), 0) for text in texts if read(text) is not None}
    unknown = sorted(texts - set(places))
    parts = len(unknown) + 1
    anywhere = [(step / parts, 0) for step in range(1 - parts, parts * len(known))]
    anywhere += [(float(place), side) for place in range(len(known)) for side in (-1, 1)]
    every, consistent = set(), set()
    for tried in itertools.product(anywhere, repeat=len(unknown)):
        at = places | dict(zip(unknown, tried, strict=True))
        every.add(_evaluate(events, at, at[version]))
        if _reads_as_written(events, at):
            consistent.add(any(_evaluate(item, at, at[version]) for item in _written_intervals(events)))
    for answers in (every, consistent):
        if len(answers) == 1:
            return AFFECTED if answers.pop() else NOT_AFFECTED
    return UNCERTAIN


def _evaluate(events: list[tuple[str, str]], at: dict[str, Place], version: Place) -> bool:
    """`IncludedInRanges` of the schema, for one range."""
    limits = [text for kind, text in events if kind == "limit"]
    if limits and not any("*" in limit or version[0] < at[limit][0] for limit in limits):
        return False
    vulnerable = False
    for kind, text in _in_order(events, at):
        if kind == "introduced" and (text == "0" or version[0] >= at[text][0]):
            vulnerable = True
        if (kind == "fixed" and version[0] >= at[text][0]) or (kind == "last_affected" and version[0] > at[text][0]):
            vulnerable = False
    return vulnerable


def _in_order(events: list[tuple[str, str]], at: dict[str, Place]) -> list[tuple[str, str]]:
    return sorted(
        (event for event in events if event[0] != "limit"),
        key=lambda event: FIRST if event == ("introduced", "0") else at[event[1]],
    )


def _written_intervals(events: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Each interval of the written list by itself, with all the limits."""
    limits = [event for event in events if event[0] == "limit"]
    intervals: list[list[tuple[str, str]]] = []
    before = ""
    for event in events:
        if event[0] == "introduced" and before != "introduced":
            intervals.append([*limits])
        if event[0] != "limit":
            intervals[-1].append(event)
            before = event[0]
    return intervals


def _reads_as_written(events: list[tuple[str, str]], at: dict[str, Place]) -> bool:
    """Whether the events in order are the intervals of the written list, one after the other, each as it is written."""
    written = [event for event in events if event[0] != "limit"]
    if not written or written[0][0] != "introduced":
        return False
    intervals = re.findall("i+c*", "".join("i" if kind == "introduced" else "c" for kind, _ in written))
    labels = [(number, letter) for number, interval in enumerate(intervals) for letter in interval]
    place = [FIRST if event == ("introduced", "0") else at[event[1]] for event in written]
    seen = [labels[number] for number in sorted(range(len(written)), key=place.__getitem__)]
    pieces = ["".join(letter for _, letter in group) for _, group in itertools.groupby(seen, key=lambda item: item[0])]
    whole = len(pieces) == len(intervals) and all(re.fullmatch("i+c*", piece) for piece in pieces)
    return whole and all("c" in piece for piece in pieces[:-1])
