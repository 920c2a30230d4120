"""What is explained: a row of a run, or a package and version that is reviewed on the spot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from ihacpa_core import CommandParts, Headers, Outcome, Processor, Record, RunContext, UsageError
from ihacpa_plugins.command.pins import read_pins
from ihacpa_plugins.command.reviewed import ReviewFacts, reviewed
from ihacpa_plugins.processor.package_review.processor import PackageReview

_HEADERS = Headers({"A": "Package", "B": "Version"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A reviewed package, and where the review comes from.

    :param origin: a sentence for a person.
    :param row: the row of the workbook; None if it was reviewed on the spot.
    """

    facts: ReviewFacts
    unchecked: tuple[str, ...]
    origin: str
    run_id: str = ""
    row: int | None = None


def read_words(words: Iterable[str]) -> list[tuple[str, str]]:
    """Name and version of each word; a word without a version has an empty one.

    :raises UsageError: a word is neither.
    """
    listed = list(words)
    pins = [word for word in listed if "==" in word]
    read = read_pins(pins, []) if pins else []
    versions = {word: (pin.name, pin.version) for word, pin in zip(pins, read, strict=True)}
    return [versions.get(word, (word.strip(), "")) for word in listed]


def from_run(parts: CommandParts, word: str, workbook: str, name: str, version: str) -> list[Subject]:
    """The rows of a run with this package, and this version if one is given; of all runs if the last one has none.

    :raises UsageError: a package without a version is asked for, and there is no run at all.
    """
    words = [word, "all"] if word == "latest" else [word]
    try:
        runs = parts.runs(words, workbook)
    except UsageError:
        if not version:
            raise
        return []  # no workbook, or no run yet: it can be reviewed all the same
    for past in runs:
        review = reviewed(past)
        origin = f"row {{row}} of {past.workbook.name}, run {past.run_id}, begun {past.started:%Y-%m-%d %H:%M} UTC"
        found = [
            Subject(row.facts, row.unchecked, origin.format(row=row.outcome.row), past.run_id, row.outcome.row)
            for row in review.rows
            if row.facts is not None
            and canonicalize_name(row.facts.canonical or row.name) == canonicalize_name(name)
            and version in ("", row.facts.version)
        ]
        if found:
            return found
    return []


def on_the_spot(parts: CommandParts, pins: Sequence[tuple[str, str]], *, online: bool) -> list[Subject]:
    """Review packages, by name and version, as a run would, from what is stored on this machine.

    :param online: let the sources ask the network.
    """
    if not pins:
        return []
    options, folder = parts("processor", "package-review")
    asked = {word: _source(parts, word, online=online) for word in options.sources}
    outcomes = asyncio.run(_reviewed(PackageReview(options, asked, parts.warn, folder), pins))
    how = "asking its sources" if online else "from what is stored on this machine"
    origin = f"reviewed on the spot, {how}"
    return [Subject(msgspec.convert(each.detail, ReviewFacts), each.unchecked, origin) for each in outcomes]


def _source(parts: CommandParts, word: str, *, online: bool) -> Any:
    """A source of the settings; one that can be told to be offline is."""
    options, _ = parts("source", word)
    can_be_offline = options is not None and hasattr(options, "offline")
    return parts.part("source", word, **({"offline": True} if can_be_offline and not online else {}))


async def _reviewed(processor: Processor, pins: Sequence[tuple[str, str]]) -> list[Outcome]:
    context = RunContext(run_id="", workbook=Path(), state_dir=Path(), config_dir=Path(), read_only=True)
    processor.bind(_HEADERS)
    await processor.open()
    try:
        return [await processor.process(_record(name, version), context) for name, version in pins]
    finally:
        await processor.close()


def _record(name: str, version: str) -> Record:
    return Record(row=0, key=name, contents={"A": name, "B": version}, headers=_HEADERS)
