"""Reading a set of advisories out of a zip file or a folder, within limits that a hostile file cannot pass."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ihacpa_plugins.advisory_data.errors import ImportRefused

SET_FILE = "ihacpa-set.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a set may be at the most. OSV's whole ``PyPI/all.zip`` is far below each of them.

    :param ratio: unpacked bytes for each byte of the zip file.
    """

    members: int = 1_000_000
    member_bytes: int = 32 << 20
    total_bytes: int = 8 << 30
    ratio: int = 100


class FileSet:
    """The JSON files of a zip file or a folder. Read `files` to the end, then `sha256` is known."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.sha256 = ""
        self._limits = limits

    def files(self) -> Iterator[tuple[str, bytes]]:
        """The name and the content of each file that ends in ``.json``.

        :raises ImportRefused: there is no such file or folder, it cannot be read, or it is past the limits.
        """
        with _explained(self.path):
            if self.path.is_dir():
                yield from self._folder()
            else:
                yield from self._zip()

    def _folder(self) -> Iterator[tuple[str, bytes]]:
        digest, total = hashlib.sha256(), 0
        for count, path in enumerate(sorted(self.path.rglob("*.json")), start=1):
            size = path.stat().st_size
            total += size
            self._check(count, size, total)
            content = path.read_bytes()
            name = path.relative_to(self.path).as_posix()
            digest.update(f"{len(name)} {name} {len(content)}\n".encode())
            digest.update(content)
            yield name, content
        self.sha256 = digest.hexdigest()

    def _zip(self) -> Iterator[tuple[str, bytes]]:
        with self.path.open("rb") as stream:
            self.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            with zipfile.ZipFile(stream) as archive:
                members = [item for item in archive.infolist() if item.filename.endswith(".json")]
                self._check_zip(members)
                for item in members:
                    yield item.filename, self._member(archive, item)

    def _check_zip(self, members: list[zipfile.ZipInfo]) -> None:
        total = sum(item.file_size for item in members)
        self._check(len(members), max((item.file_size for item in members), default=0), total)
        # against the file itself, not the sizes in its directory: entries that overlap share their bytes
        if total > self._limits.ratio * max(self.path.stat().st_size, 1 << 16):
            raise _refused(self.path, f"it unpacks to more than {self._limits.ratio} times its size")

    def _check(self, members: int, size: int, total: int) -> None:
        limits = self._limits
        if members > limits.members:
            raise _refused(self.path, f"it holds more than {limits.members:,} files")
        if size > limits.member_bytes:
            raise _refused(self.path, f"a file in it has more than {limits.member_bytes:,} bytes")
        if total > limits.total_bytes:
            raise _refused(self.path, f"its files have more than {limits.total_bytes:,} bytes")

    def _member(self, archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> bytes:
        # one byte more than is announced: a directory that lies about sizes is found out, not believed
        with archive.open(item) as stream:
            content = stream.read(item.file_size + 1)
        if len(content) != item.file_size:
            raise _refused(self.path, f"the size of {item.filename} is not the one that it announces")
        return content


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ImportRefused(f"no such file or folder: {path}", hint="ihacpa advisories import FILE") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ImportRefused(
            f"not a zip file that can be read: {path}",
            why=str(error),
            hint="OSV's PyPI/all.zip or a folder of OSV records is what can be imported",
        ) from error
    except OSError as error:
        raise ImportRefused(f"the advisories cannot be read: {path}", why=str(error)) from error


def _refused(path: Path, why: str) -> ImportRefused:
    return ImportRefused(f"the advisories were not read: {path}", why=why, hint="get the set again from its source")
