"""Fetching a set of advisories over HTTP."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ihacpa_plugins.advisory_data.errors import AdvisoryDataError, ImportRefused

LARGEST_DOWNLOAD = 2 << 30
_SECONDS = 30.0
_DAY = 86_400
_PREFIX = ".advisories."
_SUFFIX = ".zip.tmp"


def is_address(source: str) -> bool:
    """Whether `source` is an address rather than a path."""
    return source.lower().startswith(("http://", "https://"))


@contextmanager
def local(source: str, folder: Path) -> Iterator[tuple[Path, str]]:
    """`source` as a file or folder on this machine, and what to call it; an address is fetched into `folder` first.

    :raises AdvisoryDataError: it cannot be had.
    """
    if is_address(source):
        with downloaded(source, folder) as path:
            yield path, source
    else:
        path = Path(source).expanduser()
        yield path, str(path.resolve())


@contextmanager
def downloaded(address: str, folder: Path, largest: int = LARGEST_DOWNLOAD) -> Iterator[Path]:
    """The file at `address`, kept in a temporary file until the end of the block.

    :param folder: where the file lies meanwhile; it is made where it is not there.
    :raises AdvisoryDataError: it cannot be had.
    :raises ImportRefused: it has more than `largest` bytes.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with tempfile.NamedTemporaryFile(prefix=_PREFIX, suffix=_SUFFIX, dir=folder) as stream:
            _fetch(address, stream.file, largest)
            stream.flush()
            yield Path(stream.name)
    except OSError as error:
        raise AdvisoryDataError(f"the advisories cannot be kept in {folder}", why=str(error)) from error


def _sweep(folder: Path) -> None:
    """Remove what downloads that were killed left behind; a day old, so that nobody works on it any more."""
    for left in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _DAY:
                left.unlink()


def _fetch(address: str, stream: IO[bytes], largest: int) -> None:
    import httpx2  # a third of a second, needed here alone

    try:
        with httpx2.stream("GET", address, timeout=_SECONDS, follow_redirects=True) as answer:
            answer.raise_for_status()
            size = 0
            for part in answer.iter_bytes():
                size += len(part)
                if size > largest:
                    raise ImportRefused(
                        f"{address} has more than {largest:,} bytes", hint="--from names another address"
                    )
                stream.write(part)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise AdvisoryDataError(
            f"the data cannot be had from {address}",
            why=str(error) or type(error).__name__,
            hint="try again later, or: ihacpa advisories import FILE",
        ) from error
