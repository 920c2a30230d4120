"""The checkpoint store `file`: a journal of lines for each run, and a JSON file for each checkpoint."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec

from ihacpa_core import (
    BrokenCheckpoint,
    CheckpointData,
    CheckpointStore,
    JournalEntry,
    Offer,
    RunContext,
    StoreError,
    hookimpl,
)
from ihacpa_plugins.checkpoint._checkpoint_files import checkpoint_path, checkpoint_text, read_checkpoints
from ihacpa_plugins.checkpoint._journal_reader import Groups, Tail, read_groups, read_header
from ihacpa_plugins.checkpoint._journal_writer import JournalWriter, Means
from ihacpa_plugins.checkpoint._places import files_in, path_is_file, stem_of
from ihacpa_plugins.checkpoint._telling import damaged, telling

_LEFT_BEHIND = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")  # what an atomic write leaves when it is killed


class FileOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[checkpoint.file]``."""

    busy_timeout: Annotated[
        float,
        msgspec.Meta(ge=0.1, le=600, description="seconds to wait while another process writes to the journal"),
    ] = 5.0


class FileStore(CheckpointStore):
    """Plain files in the state folder: ``journal/RUN.jsonl`` and ``checkpoints/ID.json``.

    The first write makes them; until then nothing is written at all. All entries of one `append` are of one run.

    A journal's lines carry checksums, and a seal beside it says how many entries there were at the last checkpoint and
    at the last clean end, so that a tail cannot go missing unseen. After a kill, only the group that was being appended
    can be torn; its bytes are cut off by the next append, with a warning.
    """

    def __init__(self, context: RunContext, options: FileOptions | None = None) -> None:
        self._state_dir = context.state_dir
        self._journals = context.state_dir / "journal"
        self._checkpoints = context.state_dir / "checkpoints"
        self._files = context.files
        self._read_only = context.read_only
        self._warn = context.warn
        self._closed = False
        self._named = False
        self._told: set[Path] = set()
        self._lock = threading.RLock()
        self._writers: dict[str, JournalWriter] = {}
        self._begun: dict[Path, tuple[int, str]] = {}
        wait = (options or FileOptions()).busy_timeout
        self._means = Means(self._files, wait, self._next_number, self._tell_torn)

    # --- the journal --------------------------------------------------------------------------------------------------

    def append(self, entries: Sequence[JournalEntry]) -> None:
        if not entries:
            return
        run_id = entries[0].run_id
        if any(entry.run_id != run_id for entry in entries):
            raise StoreError(
                "entries of several runs cannot be appended together",
                why="each run has a file of its own, and no two files change in one step",
            )
        with self._writing(self._journals, "writing to the journal"):
            self._writer(run_id).append(entries)

    def entries(self, run_id: str) -> Iterator[JournalEntry]:
        path = self._path(run_id)
        with telling(path, f"reading run {run_id}"):
            tail = yield from _one_by_one(read_groups(path, run_id, self._known_end(run_id)))
            if tail.torn and not self._read_only:
                self._tell_torn(path, tail.torn)

    def runs(self) -> Sequence[str]:
        with telling(self._journals, "reading the list of runs"):
            self._refuse_missing()
            begun = [self._begins(path) for path in files_in(self._journals, ".jsonl")]
            return [run_id for _, run_id in sorted(found for found in begun if found is not None)]

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def write_checkpoint(self, data: CheckpointData) -> None:
        with self._writing(self._checkpoints, "writing a checkpoint"):
            if data.run_id in self._writers:
                self._writers[data.run_id].seal()
            self._files.write_atomic(checkpoint_path(self._checkpoints, data.checkpoint_id), checkpoint_text(data))
            if not self._named:
                self._files.fsync_folder(self._state_dir)
                self._named = True

    def checkpoints(self, run_id: str) -> Sequence[CheckpointData]:
        found = self._all_checkpoints()
        return [data for data in found if isinstance(data, CheckpointData) and data.run_id == run_id]

    def broken_checkpoints(self) -> Sequence[BrokenCheckpoint]:
        return [data for data in self._all_checkpoints() if isinstance(data, BrokenCheckpoint)]

    def _all_checkpoints(self) -> list[CheckpointData | BrokenCheckpoint]:
        with telling(self._checkpoints, "reading the checkpoints"):
            return read_checkpoints(self._checkpoints)

    def remove_checkpoint(self, checkpoint_id: str) -> None:
        path = checkpoint_path(self._checkpoints, checkpoint_id)
        with telling(path, "removing a checkpoint"), self._lock:
            self._refuse_unless_open()
            if path.exists():
                self._files.unlink(path)
                self._files.fsync_folder(path.parent)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for writer in self._writers.values():
                writer.close()

    # --- writing ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self, folder: Path, doing: str) -> Iterator[None]:
        """One thread at a time, with `folder` there, in the words of `doing` if it goes wrong."""
        with telling(folder, doing), self._lock:
            self._refuse_unless_open()
            if not self._state_dir.is_dir():
                raise StoreError(f"{doing} failed", why=f"{self._state_dir} is not a folder that is there")
            self._files.make_folder(folder)
            yield

    def _refuse_unless_open(self) -> None:
        if self._read_only or self._closed:
            state = "closed" if self._closed else "open for reading only"
            raise StoreError("the journal cannot be written", why=f"{self._journals} is {state}")

    def _writer(self, run_id: str) -> JournalWriter:
        if not self._writers:
            self._sweep()
        if run_id not in self._writers:
            self._writers[run_id] = JournalWriter(self._path(run_id), run_id, self._means)
        return self._writers[run_id]

    def _sweep(self) -> None:
        """Remove what atomic writes of a process that was killed left behind; it is in nobody's way if that fails."""
        for path in [*files_in(self._journals, ".tmp"), *files_in(self._checkpoints, ".tmp")]:
            if _LEFT_BEHIND.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    self._files.unlink(path)

    def _next_number(self) -> int:
        headers = [self._header(path) for path in files_in(self._journals, ".jsonl")]
        return 1 + max((header[0] for header in headers if header is not None), default=0)

    def _tell_torn(self, path: Path, count: int) -> None:
        """Tell the person, once, and in the main thread: a run that goes on has read its journal there."""
        if path not in self._told and threading.current_thread() is threading.main_thread():
            self._told.add(path)
            self._warn(f"the last {count} bytes of {path} were never completed: they do not count, and are cut off")

    # --- reading ------------------------------------------------------------------------------------------------------

    def _path(self, run_id: str) -> Path:
        return self._journals / f"{stem_of(run_id)}.jsonl"

    def _known_end(self, run_id: str) -> int | None:
        writer = self._writers.get(run_id)
        return writer.end if writer else None

    def _header(self, path: Path) -> tuple[int, str] | None:
        """The number and the id of the run at `path`; None if its header is torn."""
        path_is_file(path)
        with path.open("rb") as file:
            return read_header(path, file.readline())

    def _begins(self, path: Path) -> tuple[int, str] | None:
        """The same, or None if there is not yet a whole group: then the run has not begun."""
        if path not in self._begun:
            header = self._header(path)
            if header is None or not any(read_groups(path, header[1], self._known_end(header[1]))):
                return None
            self._begun[path] = header
        return self._begun[path]

    def _refuse_missing(self) -> None:
        """A seal without its journal: somebody took the journal away."""
        for seal in files_in(self._journals, ".jsonl.seal"):
            path = seal.with_suffix("")
            if not path.exists():
                raise damaged(path, f"it is not there, and {seal.name} beside it says that it was")


def _one_by_one(groups: Groups) -> Generator[JournalEntry, None, Tail]:
    while True:
        try:
            group = next(groups)
        except StopIteration as ended:
            tail: Tail = ended.value
            return tail
        yield from group


def _make(options: FileOptions, context: RunContext) -> CheckpointStore:
    return FileStore(context, options)


@hookimpl
def ihacpa_checkpoint_stores() -> list[Offer[CheckpointStore]]:
    return [
        Offer(
            name="file",
            factory=_make,
            options=FileOptions,
            summary="plain files that a person can read: JSON lines and a JSON file for each checkpoint",
        )
    ]
