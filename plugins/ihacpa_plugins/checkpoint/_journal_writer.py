"""Appends to a run's journal: what it returned from is on the disk, what it raised for is taken back."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ihacpa_core import EffectFile, FileOps, JournalEntry, StoreError
from ihacpa_plugins.checkpoint._hold import hold
from ihacpa_plugins.checkpoint._journal_reader import Tail, header_of, read_groups, seal_of, seal_path
from ihacpa_plugins.checkpoint._lines import line_of
from ihacpa_plugins.checkpoint._places import path_is_file
from ihacpa_plugins.checkpoint._telling import damaged, not_following


@dataclass(frozen=True, slots=True)
class Means:
    """What all writers of a store share.

    :param wait: seconds to wait for another process that holds the journal.
    :param next_number: the place of a run that begins now.
    :param torn: hears of a torn end that is cut off: the journal, and how many bytes.
    """

    files: FileOps
    wait: float
    next_number: Callable[[], int]
    torn: Callable[[Path, int], None]


class JournalWriter:
    """The one writer of the journal at `path`. Holds it, from the first append until it is closed.

    The file system is told each append at once and whole. After an error nothing is taken for granted: the file is cut
    back to what was acknowledged, and if that fails too, it is tried again before the next append. What comes then is
    written anew, so that no page counts that the system gave up on when an fsync failed.
    """

    def __init__(self, path: Path, run_id: str, means: Means) -> None:
        self.path = path
        self._run_id = run_id
        self._means = means
        self._file: EffectFile | None = None
        self._tail: Tail | None = None
        self._named = False
        self._sealed = 0

    @property
    def end(self) -> int | None:
        """The bytes that were acknowledged, by this writer or one before it; None before the first append."""
        return None if self._tail is None else self._tail.end

    def append(self, entries: Sequence[JournalEntry]) -> None:
        """Add a group.

        :raises StoreError: it does not follow, or cannot be stored; nothing of it is there.
        :raises OSError: the file system refused; nothing of it will be seen.
        """
        lines = _lines_of(entries)
        file = self._held()
        tail = self._cut(file)
        _check_order(entries, tail.last)
        if not tail.end:
            lines = header_of(self._run_id, self._means.next_number()) + lines
        try:
            self._write(file, lines)
        except OSError:
            with contextlib.suppress(OSError):  # the next append tries it again, and the first error is the one to tell
                self._cut(file)
                self._means.files.fsync(file)
            raise
        self._tail = Tail(tail.end + len(lines), entries[-1].sequence)

    def seal(self) -> None:
        """Note beside the journal how much there is in it, unless that is known."""
        if self._tail is not None and self._tail.last > self._sealed:
            self._means.files.write_atomic(seal_path(self.path), seal_of(self._run_id, self._tail.last))
            self._sealed = self._tail.last

    def close(self) -> None:
        """Take back what is still to be taken back, seal, and let go."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with contextlib.suppress(OSError, StoreError), file:  # what was acknowledged is safe without it
            if self._tail is not None:
                self._cut(file)
            self.seal()

    # --- before an append ---------------------------------------------------------------------------------------------

    def _held(self) -> EffectFile:
        """The file, open and ours."""
        if self._file is None:
            path_is_file(self.path)
            file = self._means.files.open_appending(self.path)
            try:
                hold(file.fileno(), self.path, self._means.wait)
            except BaseException:  # an interruption too: nobody else would close it
                file.close()
                raise
            self._file = file
        self._check_place(self._file)
        return self._file

    def _check_place(self, file: EffectFile) -> None:
        """What we go on writing to must be what the next run will find."""
        if not os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
            raise StoreError(
                "the journal was moved or replaced while it is in use",
                why=f"{self.path} is another file now",
                hint="put it back, then run the same command again",
            )

    def _cut(self, file: EffectFile) -> Tail:
        """Cut off what does not count: a torn end, or what a failed append left."""
        if self._tail is None:
            self._tail = self._read()
            if self._tail.torn:
                self._means.torn(self.path, self._tail.torn)
        size = os.fstat(file.fileno()).st_size
        if size < self._tail.end:
            raise damaged(self.path, f"it was cut from {self._tail.end} to {size} bytes while it is in use")
        if size > self._tail.end:
            file.raw.truncate(self._tail.end)
        return self._tail

    def _read(self) -> Tail:
        groups = read_groups(self.path, self._run_id)
        while True:
            try:
                next(groups)
            except StopIteration as ended:
                tail: Tail = ended.value
                return tail

    # --- the append ---------------------------------------------------------------------------------------------------

    def _write(self, file: EffectFile, lines: bytes) -> None:
        """Past the buffer, which would keep what could not be written and write it later."""
        rest = memoryview(lines)
        while rest:
            written = file.raw.write(rest)
            if not written:
                raise OSError(errno.EIO, "nothing was written", str(self.path))
            rest = rest[written:]
        self._means.files.fsync(file)
        if not self._named:
            self._means.files.fsync_folder(self.path.parent)
            self._means.files.fsync_folder(self.path.parent.parent)
            self._named = True


def _lines_of(entries: Sequence[JournalEntry]) -> bytes:
    group = entries[0].sequence, entries[-1].sequence
    return b"".join(_line_of(entry, group) for entry in entries)


def _line_of(entry: JournalEntry, group: tuple[int, int]) -> bytes:
    fields = {
        "run": entry.run_id,
        "sequence": entry.sequence,
        "group": group,
        "kind": str(entry.kind),
        "payload": dict(entry.payload),
    }
    try:
        return line_of(fields)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"entry {entry.sequence} of run {entry.run_id} cannot be stored", why=str(error)) from error


def _check_order(entries: Sequence[JournalEntry], last: int) -> None:
    for entry in entries:
        if entry.sequence != last + 1:
            raise not_following(entry.run_id, entry.sequence, last)
        last += 1
