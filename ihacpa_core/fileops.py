"""Every effect that the core has on the file system, through one small object.

Tests pass an object that counts the effects, lets the Nth one fail, or dies before it; so what happens to a workbook
at each of them can be tried, not argued. What SQLite and openpyxl do by themselves is not seen here, but for their
writes to files that were opened here.
"""

from __future__ import annotations

import contextlib
import errno
import io
import mmap
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, TextIO

_BUFFER: Final = 256 * 1024
_CHUNK: Final = 1024 * 1024
_WINDOW: Final = 1024 * 1024
_EXCLUSIVE: Final = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_APPENDING: Final = (_EXCLUSIVE & ~os.O_EXCL) | os.O_APPEND
_LINES: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A virus scanner or an indexer holds a new file open for a moment: access denied, sharing and lock violation.
_WINDOWS_BUSY: Final = frozenset({5, 32, 33})
_WINDOWS_PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 0.9)
# A file system that has no such attribute, or a process that may not set it, is no reason not to save.
_NOT_ALLOWED: Final = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
_NO_EXCHANGE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_KERNEL_COPY: Final = frozenset({errno.EXDEV, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})

_AT_FDCWD: Final = -100  # of Linux: names are looked up from the current folder
_EXCHANGE: Final = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS

Effect = Callable[[str, Path], None]


class _CountedFile(io.FileIO):
    """A raw file whose writes are effects; the buffer above it sees to it that there are few of them."""

    def __init__(self, descriptor: int, path: Path, effect: Effect, mode: str = "r+b") -> None:
        super().__init__(descriptor, mode)
        self._path = path
        self._effect = effect

    def write(self, data: Any, /) -> int:
        self._effect("write", self._path)
        return super().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        self._effect("truncate", self._path)
        return super().truncate(size)


class EffectFile(io.BufferedRandom):
    """A binary file, seekable, for reading and writing, whose effects are counted like those of `FileOps`."""

    def __init__(self, descriptor: int, path: Path, effect: Effect) -> None:
        super().__init__(_CountedFile(descriptor, path, effect), _BUFFER)
        self.path = path

    def copy_from(self, source: int, offset: int, size: int) -> None:
        """Write `size` bytes of the open file `source` from `offset` on, here, without a detour through a buffer.

        The bytes are only ever touched by the kernel, in its write: if somebody cuts `source` short meanwhile, that is
        an error of the write, and no signal. For parts of a file, copy_file_range(2) costs nearly twice as much on
        ext4 (10 against 6 ms of CPU for 26 MB), since it can share no blocks.

        :raises OSError: they cannot be written, or `source` has fewer.
        """
        self.flush()
        at, end = self.tell(), offset + size
        while offset < end:
            try:
                with _window(source, offset, min(_WINDOW, end - offset)) as piece:
                    written = self.raw.write(piece) or 0
            except OSError as error:
                if error.errno != errno.ENODEV:
                    raise
                written = self.raw.write(_read_at(source, offset, min(_CHUNK, end - offset))) or 0
            if not written:
                raise OSError(errno.EIO, "the file that is copied from was cut short")
            offset += written
            at += written
        self.seek(at)


@contextlib.contextmanager
def _window(source: int, offset: int, size: int) -> Iterator[memoryview]:
    """A part of a file as memory; small parts one after the other, so that the whole never counts as this process's.

    :raises OSError: the file system cannot do that (ENODEV), or the file is shorter.
    """
    skew = offset % mmap.ALLOCATIONGRANULARITY
    try:
        if sys.platform == "linux":  # with all pages at once: a fault for each would cost more than the copy saves
            flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
            mapped = mmap.mmap(source, skew + size, flags, mmap.PROT_READ, offset=offset - skew)
        else:
            mapped = mmap.mmap(source, skew + size, access=mmap.ACCESS_READ, offset=offset - skew)
    except ValueError as error:
        raise OSError(errno.EIO, "the file that is copied from was cut short") from error
    with mapped, memoryview(mapped) as whole, whole[skew:] as part:
        yield part


def _read_at(source: int, offset: int, size: int) -> bytes:
    os.lseek(source, offset, os.SEEK_SET)
    return os.read(source, size)


class FileOps:
    """The file system, as the core uses it. Errors are `OSError`; the callers turn them into words."""

    def effect(self, name: str, path: Path) -> None:
        """Hear that the effect `name` is about to happen to `path`. Tests override it, to count or to raise."""

    def create_exclusive(self, path: Path) -> EffectFile:
        """A new file that only its owner may read, open for reading and writing; a link in its place is an error.

        :raises FileExistsError: there is something at `path`.
        """
        self.effect("create", path)
        descriptor = os.open(path, _EXCLUSIVE, 0o600)
        return EffectFile(descriptor, path, self.effect)

    def open_appending(self, path: Path) -> EffectFile:
        """The file at `path`, made for its owner alone if it is not there; whatever is written goes to its end."""
        self.effect("open", path)
        descriptor = os.open(path, _APPENDING, 0o600)
        return EffectFile(descriptor, path, self.effect)

    def open_lines(self, path: Path, *, anew: bool = False, mode: int = 0o600) -> TextIO:
        """The file at `path`, to write lines of UTF-8 to its end; it may be a link or a pipe, since a person named it.

        :param anew: what it holds is dropped.
        :param mode: who may read it if it is made, less what the process's mask takes away.
        """
        self.effect("open", path)
        descriptor = os.open(path, _LINES | (os.O_TRUNC if anew else 0), mode)
        raw = _CountedFile(descriptor, path, self.effect, "wb")
        return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="replace", newline="\n")

    def fsync(self, file: EffectFile) -> None:
        """Make what was written to `file` survive a loss of power."""
        file.flush()
        self.effect("fsync", file.path)
        _sync(file.fileno())

    def replace(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, in one step. Windows gets a few attempts, 2.5 s in all."""
        self.effect("replace", target)
        for pause in _WINDOWS_PAUSES:
            try:
                source.replace(target)
            except OSError as error:
                if getattr(error, "winerror", None) not in _WINDOWS_BUSY:
                    raise
                time.sleep(pause)
            else:
                return
        source.replace(target)

    def exchange(self, source: Path, target: Path) -> bool:
        """Let two files change places in one step: renameat2(2) of Linux, renamex_np(2) of macOS.

        :returns: False if the system or the file system cannot do that; nothing has changed then.
        """
        exchange = _exchange_call()
        if exchange is None:
            return False
        self.effect("exchange", target)
        try:
            exchange(source, target)
        except OSError as error:
            if error.errno in _NO_EXCHANGE:
                return False
            raise
        return True

    def fsync_folder(self, folder: Path) -> None:
        """Make the names in `folder` survive a loss of power; Windows has no such call and needs none."""
        self.effect("fsync-folder", folder)
        if os.name == "nt":
            return
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)

    def link(self, source: Path, target: Path) -> None:
        """Give the file `source` a second name."""
        self.effect("link", target)
        target.hardlink_to(source)

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is not there is no error."""
        self.effect("unlink", path)
        path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all that is in it, which counts as one effect; one that is not there is no error."""
        self.effect("remove-folder", path)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)

    def make_folder(self, path: Path, mode: int = 0o700) -> None:
        """Make `path` and the folders above it, where they are not there yet, for their owner's eyes only."""
        if path.is_dir():
            return
        if path.parent != path:
            self.make_folder(path.parent, mode)
        self.effect("mkdir", path)
        path.mkdir(mode=mode, exist_ok=True)

    def copy_attributes(self, source: Path, file: EffectFile) -> None:
        """Give `file` the owner, the extended attributes (ACLs among them) and, last, the mode of `source`.

        What the system does not allow stays as it is: a save by another member of the group is still a save.
        """
        self.effect("attributes", file.path)
        if os.name == "nt":
            return
        about = source.stat()
        _copy_owner(file.fileno(), about)
        _copy_extended(source, file.fileno())
        os.fchmod(file.fileno(), about.st_mode & 0o777)

    def copy(self, source: Path, target: Path) -> None:
        """A durable copy under a name that is not taken; shares the blocks where the file system can do that.

        :raises FileExistsError: there is something at `target`.
        """
        file = self.create_exclusive(target)
        try:
            with file, source.open("rb", buffering=0) as original:
                self._fill(file, original)
                self.fsync(file)
        except OSError:
            with contextlib.suppress(OSError):  # the first error is the one that tells
                self.unlink(target)
            raise

    def free_bytes(self, folder: Path) -> int:
        """How many bytes this user may still write below `folder`. No effect: it is not counted."""
        return shutil.disk_usage(folder).free

    def write_atomic(self, path: Path, content: bytes, *, mode: int = 0o600) -> None:
        """Let `path` hold `content`, durably; a reader sees the old content or the new one, never a part."""
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        file = self.create_exclusive(temporary)
        try:
            with file:
                file.write(content)
                if mode != 0o600 and os.name != "nt":
                    os.fchmod(file.fileno(), mode)
                self.fsync(file)
            self.replace(temporary, path)
        except OSError:
            with contextlib.suppress(OSError):  # the first error is the one that tells
                self.unlink(temporary)
            raise
        self.fsync_folder(path.parent)

    def sweep_temporaries(self, path: Path) -> None:
        """Remove what processes that died in `write_atomic` left beside `path`. Only while no other one writes it.

        What cannot be removed stays: it is in nobody's way.
        """
        ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}\.tmp")
        with contextlib.suppress(OSError):
            for left in path.parent.iterdir():
                if ours.fullmatch(left.name):
                    self.unlink(left)

    def _fill(self, file: EffectFile, original: io.FileIO) -> None:
        """Copy `original` into `file`: by the kernel if it can, which shares blocks on XFS, Btrfs and APFS's likes."""
        self.effect("copy", file.path)
        if not _kernel_copy(original.fileno(), file.fileno()):
            original.seek(0)
            shutil.copyfileobj(original, file, _CHUNK)


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        # fsync of macOS leaves the bytes in the drive's cache; only this call asks the drive to write them.
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


@cache
def _exchange_call() -> Callable[[Path, Path], None] | None:
    """The C library's call that exchanges two names, or None where it has none."""
    import ctypes  # only for this one call

    name = {"linux": "renameat2", "darwin": "renamex_np"}.get(sys.platform, "")
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if call is None:
        return None

    def exchange(source: Path, target: Path) -> None:
        names = os.fsencode(source), os.fsencode(target)
        arguments = (_AT_FDCWD, names[0], _AT_FDCWD, names[1]) if name == "renameat2" else names
        if call(*arguments, _EXCHANGE):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(target))

    return exchange


def _kernel_copy(source: int, target: int) -> bool:
    """Copy all of `source` with copy_file_range(2); False if nothing was copied because it does not work here."""
    if sys.platform != "linux":
        return False
    left = os.fstat(source).st_size
    try:
        while left > 0:
            copied = os.copy_file_range(source, target, left)
            if copied == 0:  # some file systems answer so instead of refusing
                break
            left -= copied
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    if left > 0:
        os.lseek(target, 0, os.SEEK_SET)
    return left <= 0


def _copy_owner(descriptor: int, about: os.stat_result) -> None:
    for owner in (about.st_uid, -1):
        try:
            return os.fchown(descriptor, owner, about.st_gid)
        except OSError as error:
            if error.errno not in _NOT_ALLOWED:
                raise
    return None


def _copy_extended(source: Path, descriptor: int) -> None:
    if sys.platform != "linux":
        return
    for name in _extended_names(source):
        try:
            os.setxattr(descriptor, name, os.getxattr(source, name))
        except OSError as error:
            if error.errno not in {*_NOT_ALLOWED, errno.ENODATA}:
                raise


def _extended_names(source: Path) -> list[str]:
    if sys.platform != "linux":
        return []
    try:
        return os.listxattr(source)
    except OSError as error:
        if error.errno not in _NOT_ALLOWED:
            raise
        return []
