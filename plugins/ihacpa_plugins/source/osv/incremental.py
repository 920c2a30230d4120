"""Bringing the advisories up to date record by record, where few of them changed.

Beside each ``all.zip`` OSV keeps ``modified_id.csv``, a line ``TIME,ID`` for each record, and each record as
``ID.json``: https://google.github.io/osv.dev/data/#downloading-recent-changes. What is on the list and later than ours,
or new, is fetched; what we have and the list does not is gone.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ihacpa_plugins.advisory_data.building import OLD, replace_database, take_over
from ihacpa_plugins.advisory_data.database import AdvisoryDatabase, SetInfo
from ihacpa_plugins.advisory_data.download import is_address
from ihacpa_plugins.advisory_data.errors import AdvisoryDataError
from ihacpa_plugins.source.osv.records import decode
from ihacpa_plugins.source.osv.writing import count, families_of, write_records
from ihacpa_plugins.web.client import Backoff, LookUpFailedError, Manners, WebClient

MOST = 1000
"""Records that are fetched one by one; for more of them the whole set is the shorter way."""
_LIST = "/modified_id.csv"
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[^,]*,(?:[^,/]+/)?([A-Za-z0-9][A-Za-z0-9._-]*)\Z")
_SECONDS = len("2026-01-31T00:00:00")


@dataclass(frozen=True, slots=True)
class _Changes:
    wanted: tuple[str, ...]
    gone: tuple[str, ...]


def bring_up_to_date(
    address: str, database: Path, *, force: bool = False, backoff: Backoff | None = None
) -> SetInfo | None:
    """Renew the advisories that came from `address`; None where only the whole set can do that.

    :raises ImportRefused: much would be gone; nothing was changed.
    :raises AdvisoryDataError: a record cannot be had, or the database cannot be written; nothing was changed.
    """
    known = _known(database, address) if is_address(address) else None
    if known is None:
        return None
    info, modified = known
    fetched = asyncio.run(_fetch(address.rpartition("/")[0], modified, backoff or Backoff()))
    if fetched is None:
        return None
    changes, bodies = fetched
    renewal = _Renewal(info, changes, bodies)
    return replace_database(database, renewal.fill, force=force)


def _known(database: Path, address: str) -> tuple[SetInfo, Mapping[str, str]] | None:
    try:
        opened = AdvisoryDatabase(database)
    except AdvisoryDataError:
        return None  # bringing in the whole set says what is wrong with it
    try:
        info = opened.sets.get("osv")
        return (info, opened.modified()) if info is not None and info.source == address else None
    finally:
        opened.close()


async def _fetch(
    base: str, modified: Mapping[str, str], backoff: Backoff
) -> tuple[_Changes, list[tuple[str, bytes]]] | None:
    client = WebClient(base, Manners(subject="the advisories' source", backoff=backoff))
    await client.open()
    try:
        listed = _listed((await client.get(_LIST)).body or b"")
        changes = _changes(listed, modified) if listed else None
        if changes is None or len(changes.wanted) > MOST:
            return None
        return changes, await asyncio.gather(*(_record(client, name) for name in changes.wanted))
    except LookUpFailedError as error:
        raise AdvisoryDataError(
            f"the advisories cannot be had from {base}", why=str(error), hint="try again later, or with --full"
        ) from error
    finally:
        await client.close()


async def _record(client: WebClient, name: str) -> tuple[str, bytes]:
    body = (await client.get(f"/{name}.json")).body
    if body is None:
        raise LookUpFailedError(f"{name} is on the list of changes, and is not there")
    return name, body


def _listed(content: bytes) -> dict[str, str]:
    """When each record was changed, to the second; empty if the list is not one."""
    listed: dict[str, str] = {}
    for line in content.decode("utf-8", errors="replace").splitlines():
        found = _LINE.match(line.strip())
        if found is None:
            return {}
        listed[found[2]] = max(found[1], listed.get(found[2], ""))
    return listed


def _changes(listed: Mapping[str, str], modified: Mapping[str, str]) -> _Changes:
    wanted = (name for name, moment in listed.items() if moment > modified.get(name, "")[:_SECONDS])
    return _Changes(tuple(wanted), tuple(name for name in modified if name not in listed))


class _Renewal:
    """The set as it was, with what changed since."""

    def __init__(self, info: SetInfo, changes: _Changes, bodies: Sequence[tuple[str, bytes]]) -> None:
        self._info = info
        self._changes = changes
        self._bodies = bodies

    def fill(self, connection: sqlite3.Connection) -> SetInfo:
        (now,) = connection.execute(f"SELECT sha256 FROM {OLD}.data_set WHERE name = 'osv'").fetchone() or ("",)
        if now != self._info.sha256:
            raise AdvisoryDataError(
                "the advisories were renewed by somebody else meanwhile", hint="ihacpa advisories update"
            )
        take_over(connection, "osv", OLD)
        stale = [(name,) for name in (*self._changes.gone, *self._changes.wanted)]
        connection.executemany("DELETE FROM main.advisory WHERE id = ?", stale)
        connection.executemany("DELETE FROM main.affected WHERE id = ?", stale)
        unreadable = write_records(connection, ((name, body) for name, body in self._bodies if _is(name, body)))
        counts = count(connection)
        renewed = {name for (name,) in stale}
        every = (*(name for name in self._info.unreadable if name not in renewed), *unreadable)
        return replace(
            self._info,
            date=counts.newest,
            sha256=_digest(connection),
            records=counts.records,
            withdrawn=counts.withdrawn,
            packages=counts.packages,
            complete_for=self._info.complete_for - families_of(every),
            imported_at=datetime.now(UTC),
            unreadable=every,
        )


def _is(name: str, body: bytes) -> bool:
    """Whether `body` is the record `name`; one that cannot be read may be."""
    try:
        found = decode(body).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True
    if found != name:
        raise AdvisoryDataError(f"in the place of {name} there is {found or 'no record'}", hint="try with --full")
    return True


def _digest(connection: sqlite3.Connection) -> str:
    digest = hashlib.sha256()
    for name, body in connection.execute("SELECT id, body FROM main.advisory ORDER BY id"):
        digest.update(f"{len(name)} {name} {len(body)}\n".encode())
        digest.update(body)
    return digest.hexdigest()
