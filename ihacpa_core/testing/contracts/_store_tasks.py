"""What child processes do with a store for its contract, and what the contract compares."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from ihacpa_core import codec
from ihacpa_core.errors import StoreError
from ihacpa_core.journal import JournalEntry
from ihacpa_core.roles import CheckpointStore, RunContext
from ihacpa_core.state import BrokenCheckpoint, CheckpointData, Fingerprint, RunMetrics, RunState
from ihacpa_core.testing.contracts._children import Report

StoreFactory = Callable[[RunContext], CheckpointStore]

GROUP = 3
"""Entries that are appended together: none of them may ever be there without the others."""
RUN = "r1"


def group(first: int, run_id: str = RUN, text: str = "") -> list[JournalEntry]:
    """`GROUP` entries from the sequence `first` on, each of which knows its own number."""
    return [
        JournalEntry(
            run_id=run_id, sequence=number, kind="outcome", payload={"number": number, "text": text or "ä" * 9}
        )
        for number in range(first, first + GROUP)
    ]


def groups(count: int, run_id: str = RUN) -> list[JournalEntry]:
    """The entries of `count` groups, one after the other."""
    return [entry for number in range(count) for entry in group(1 + number * GROUP, run_id)]


def checkpoint(name: str = "c1", run_id: str = RUN, batch: int = 1) -> CheckpointData:
    """A checkpoint that differs from others in every way that matters."""
    return CheckpointData(
        checkpoint_id=name,
        run_id=run_id,
        created=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        sequence=batch * GROUP,
        batch=batch,
        metrics=RunMetrics(done=batch, wall_seconds=0.1 + batch, slowest=(("flask ä", 1.5), ("django", 0.25))),
        workbook=Fingerprint("ab" * 32, 12_345),
        backup=f"backup-of-{name}.xlsx",
        state=RunState.FINISHED if batch % 2 else RunState.UNFINISHED,
        expires=None if batch % 2 else datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def exact(entries: Iterable[JournalEntry]) -> list[tuple[str, int, str, str]]:
    """Entries as they can be compared without 1, 1.0 and true being the same."""
    return [(e.run_id, e.sequence, e.kind, json.dumps(dict(e.payload), sort_keys=True)) for e in entries]


@dataclass(slots=True)
class Reading:
    """What a store gives back of a run: the entries up to the first damage, and how it told of that."""

    entries: list[JournalEntry] = field(default_factory=list)
    damage: str = ""


def read(make: StoreFactory, context: RunContext, run_id: str = RUN) -> Reading:
    """Open the store and read a run as far as it goes; anything but a `StoreError` escapes."""
    found = Reading()
    try:
        store = make(context)
        try:
            found.entries.extend(store.entries(run_id))
        finally:
            store.close()
    except StoreError as error:
        found.damage = str(error) or type(error).__name__
    return found


def write_and_close(make: StoreFactory, context: RunContext, count: int) -> None:
    """Write `count` groups, a group of a second run and three checkpoints, and close the store."""
    store = make(context)
    for number in range(count):
        store.append(group(1 + number * GROUP))
    store.append(group(1, "r2"))
    for batch, name in enumerate(("c1", "c2", "c3"), start=1):
        store.write_checkpoint(checkpoint(name, batch=batch))
    store.close()


def write_and_stay(report: Report, make: StoreFactory, context: RunContext, count: int) -> None:
    """Write as `write_and_close`, report it, and wait to be killed with the store open."""
    store = make(context)
    for number in range(count):
        store.append(group(1 + number * GROUP))
    report("written")
    time.sleep(600)
    store.close()


def append_for_ever(report: Report, make: StoreFactory, context: RunContext) -> None:
    """Go on where the journal ends, group after group, and report the last sequence that was acknowledged."""
    store = make(context)
    last = sum(1 for _ in store.entries(RUN))
    while True:
        store.append(group(last + 1))
        last += GROUP
        report(last)


@dataclass(slots=True)
class GoneOn:
    """A journal that was read, appended to and read again."""

    before: Reading
    kept: bool
    after: Reading


def go_on(make: StoreFactory, context: RunContext) -> GoneOn:
    """Read what is there, append the group that follows, and read again with a store of its own."""
    before = read(make, context)
    kept = False
    try:
        store = make(context)
        try:
            store.append(group(len(before.entries) + 1, text="after"))
            kept = True
        finally:
            store.close()
    except StoreError:
        kept = False
    return GoneOn(before, kept, read(make, context))


# --- dying at a step --------------------------------------------------------------------------------------------------


_PURE_TYPES = (str, bytes, bytearray, int, float, list, tuple, dict, set, frozenset, type)
_PURE_MODULES = frozenset(
    {"builtins", "_json", "_hashlib", "_blake2", "_thread", "_contextvars", "math", "time", "zlib"}
)


class _Countdown:
    """A profiler that counts the steps by which something may have an effect, and dies before one of them.

    A step is a call of a C function, which every effect goes through, unless it is known to compute only.
    """

    def __init__(self, last: int | None) -> None:
        self.steps = 0
        self._last = last

    def __call__(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and not _computes_only(function):
            self.steps += 1
            if self.steps == self._last:
                os.kill(os.getpid(), signal.SIGKILL)

    def __enter__(self) -> _Countdown:
        threading.setprofile(self)
        sys.setprofile(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)


def _computes_only(function: Any) -> bool:
    module = getattr(function, "__module__", None)
    return module in _PURE_MODULES or isinstance(getattr(function, "__self__", None), _PURE_TYPES)


def append_dying(make: StoreFactory, context: RunContext, before: int, step: int | None) -> int:
    """Append `before` groups, then die before step `step` of appending one more; with None, count the steps."""
    if before:
        store = make(context)
        for number in range(before):
            store.append(group(1 + number * GROUP))
    with _Countdown(step) as countdown:
        store = store if before else make(context)
        store.append(group(1 + before * GROUP))
    return countdown.steps


def checkpoint_dying(make: StoreFactory, context: RunContext, step: int | None) -> int:
    """Write a checkpoint, then die before step `step` of replacing it; with None, count the steps."""
    store = make(context)
    store.append(group(1))
    store.write_checkpoint(checkpoint(batch=1))
    with _Countdown(step) as countdown:
        store.write_checkpoint(checkpoint(batch=2))
    return countdown.steps


def checkpoints_of(make: StoreFactory, context: RunContext, run_id: str = RUN) -> list[CheckpointData] | str:
    """The checkpoints of a run, or the text of the `StoreError` that came instead."""
    try:
        store = make(context)
        try:
            return list(store.checkpoints(run_id))
        finally:
            store.close()
    except StoreError as error:
        return str(error) or type(error).__name__


def broken_of(make: StoreFactory, context: RunContext) -> list[BrokenCheckpoint]:
    """The checkpoints that the store says cannot be used."""
    store = make(context)
    try:
        return list(store.broken_checkpoints())
    finally:
        store.close()


def write_newer(make: StoreFactory, context: RunContext, name: str) -> None:
    """Let a process whose stored forms are of a later version replace the checkpoint `name`."""
    codec.SCHEMA += 1  # in a process of its own, which ends with it
    store = make(context)
    store.write_checkpoint(checkpoint(name))
    store.close()


def try_to_remove(make: StoreFactory, context: RunContext, name: str) -> bool:
    """Remove the checkpoint `name`; whether the store did not refuse."""
    try:
        store = make(context)
        store.remove_checkpoint(name)
        store.close()
    except StoreError:
        return False
    return True


# --- no room, several writers -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Filled:
    """A journal that was appended to until there was no room."""

    kept: int
    refused: bool
    seen: Reading


def fill(make: StoreFactory, context: RunContext) -> Filled:
    """Append while no file of the process may grow by more than a few pages, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that the write fails with EFBIG
    store = make(context)
    store.append(group(1))
    largest = max(path.stat().st_size for path in files(context.state_dir))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 50_000, resource.RLIM_INFINITY))
    filled = Filled(GROUP, False, Reading())
    while not filled.refused and filled.kept < 300 * GROUP:
        try:
            store.append(group(filled.kept + 1, text="x" * 4000))
            filled.kept += GROUP
        except StoreError:
            filled.refused = True
    filled.seen.entries.extend(store.entries(RUN))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return filled


def compete(report: Report, make: StoreFactory, context: RunContext, name: str, wanted: int) -> None:
    """Append `wanted` groups after whatever is there, beside another writer; report which were kept and refused.

    A refused group is tried again under another name; after two hundred refusals in a row the writer gives up.
    """
    kept = refusals = 0
    store: CheckpointStore | None = None
    while kept < wanted and refusals < 200:
        text = f"{name}-{kept}-{refusals}"
        try:
            store = store or make(context)
            last = sum(1 for _ in store.entries(RUN))
            store.append(group(last + 1, text=text))
        except StoreError:
            refusals += 1
            report(("refused", text))
            time.sleep(0.005)
        else:
            kept, refusals = kept + 1, 0
            report(("kept", text))
    if store is not None:
        store.close()


def append_late(report: Report, make: StoreFactory, context: RunContext, go: Path) -> None:
    """Open the store, read it, and append its first group only when `go` is there; report what came of it."""
    try:
        store = make(context)
        found = len(list(store.entries(RUN)))
        report("ready")
        while not go.exists():
            time.sleep(0.005)
        store.append(group(found + 1, text="late"))
        report("kept")
        store.close()
    except StoreError:
        report("refused")


def try_to_append(make: StoreFactory, context: RunContext) -> bool:
    """Append the first group of the run; whether it was kept."""
    try:
        store = make(context)
        store.append(group(1, text="here"))
        store.close()
    except StoreError:
        return False
    return True


# --- files ------------------------------------------------------------------------------------------------------------


def files(folder: Path) -> list[Path]:
    """Every file below `folder`, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def snapshot(folder: Path) -> dict[str, bytes]:
    """What lies in `folder`: name to content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in files(folder)}


def moved(context: RunContext, state_dir: Path) -> RunContext:
    """The context of the same run with its state elsewhere."""
    state_dir.mkdir(parents=True, exist_ok=True)
    return replace(context, state_dir=state_dir)


def spread(count: int, samples: int) -> Sequence[int]:
    """At most `samples` numbers from 1 to `count`, evenly spread, the first and the last among them."""
    if count <= samples:
        return range(1, count + 1)
    return sorted({1 + round(place * (count - 1) / (samples - 1)) for place in range(samples)})
