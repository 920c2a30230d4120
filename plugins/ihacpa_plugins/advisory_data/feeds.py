"""What is known of CVEs elsewhere: known exploited, chance of exploitation, public exploits. One file each."""

from __future__ import annotations

import gzip
import hashlib
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ihacpa_plugins.advisory_data.building import Fill
from ihacpa_plugins.advisory_data.database import TABLES, SetInfo
from ihacpa_plugins.advisory_data.errors import ImportRefused

LARGEST_FILE = 256 << 20
"""Bytes of a file, unpacked: ten times the largest of them."""
GZIP = b"\x1f\x8b"
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}\Z")


@dataclass(slots=True)
class Content:
    """What a file holds: rows for its table, the day that they are of, and the lines that could not be read."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    day: date | None = None
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One kind of file.

    :param name: the set, and the source that reads it.
    :param family: what a whole file is complete for.
    :param read: makes the content of a file's text; raises ValueError, with the reason, where it is of another kind.
    """

    name: str
    family: str
    read: Callable[[str], Content]

    def fill(self, path: Path, source: str, *, complete_for: Iterable[str] | None = None) -> Fill:
        """What brings the file at `path` into a database that is being built.

        :param source: where it came from.
        :param complete_for: what a person vouches for.
        """
        vouched = frozenset([self.family] if complete_for is None else complete_for)
        return lambda connection: self._filled(connection, path, source, vouched)

    def _filled(self, connection: sqlite3.Connection, path: Path, source: str, complete: frozenset[str]) -> SetInfo:
        """:raises ImportRefused: the file is of another kind, damaged, or holds next to nothing that can be read."""
        with _explained(source, self.name):
            content, digest = self.read(text_of(path)), _sha256(path)
        if len(content.rows) <= len(content.unreadable):
            told = f"; {len(content.unreadable)} lines cannot be read" if content.unreadable else ""
            why = f"{len(content.rows)} found{told}"
            raise ImportRefused(f"hardly any CVE in {source}", why=why, hint="get it again from its source")
        (table,) = TABLES[self.name]
        marks = ", ".join("?" * len(content.rows[0]))
        connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", content.rows)
        (records,) = connection.execute(f"SELECT count(DISTINCT cve) FROM {table}").fetchone()
        return SetInfo(
            name=self.name,
            source=source,
            date=content.day,
            sha256=digest,
            records=records,
            complete_for=complete,
            partial=not complete,
            imported_at=datetime.now(UTC),
            unreadable=tuple(content.unreadable),
        )


def cve(text: object) -> str:
    """The CVE that `text` is, in capital letters.

    :raises ValueError: it is none.
    """
    name = text.strip().upper() if isinstance(text, str) else ""
    if not _CVE.match(name):
        raise ValueError(f"no CVE: {str(text)[:40]!r}")
    return name


def day(text: object) -> date | None:
    """The day at the beginning of `text`; None where there is none, or one that is still to come."""
    try:
        found = date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
    return found if found <= datetime.now(UTC).date() else None


def text_of(path: Path) -> str:
    """The text in a file, which may be packed by gzip.

    :raises ImportRefused: it is larger than `LARGEST_FILE`.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        with gzip.open(raw) if packed else raw as stream:
            content = stream.read(LARGEST_FILE + 1)  # a bomb is found out without being unpacked
    if len(content) > LARGEST_FILE:
        raise ImportRefused(f"more than {LARGEST_FILE:,} bytes in {path}", hint="get the file again from its source")
    return content.decode("utf-8-sig")


@contextmanager
def _explained(source: str, name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ImportRefused(f"no such file: {source}", hint="ihacpa advisories import FILE") from error
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImportRefused(
            f"this cannot be read as data of {name}: {source}", why=str(error), hint="get it again from its source"
        ) from error
    except OSError as error:
        raise ImportRefused(f"this cannot be read: {source}", why=str(error)) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
