"""OSV's records over its API, for who has no local copy: https://google.github.io/osv.dev/api/.

A package's records are asked for by its name alone, many packages in a request, and then each record by its id.
Whether one affects a version is decided here, as for a local copy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from ihacpa_plugins.source.osv.options import OsvOptions
from ihacpa_plugins.web.client import Backoff, LookUpFailedError, Manners, WebClient
from ihacpa_plugins.web.shared import Shared

COMPLETE_FOR = frozenset({"PYSEC", "GHSA", "MAL"})
"""The databases of PyPI packages that OSV takes in whole."""
LARGEST_BATCH = 1000
"""Questions in a request: the API's own limit."""
_GATHERING = 0.02
"""Seconds in which look-ups come together in one request."""
_PAGES = 50
T = TypeVar("T")


class _Named(msgspec.Struct):
    id: str


class _Result(msgspec.Struct):
    vulns: list[_Named] | None = None
    next_page_token: str | None = None


class _Results(msgspec.Struct):
    results: list[_Result]


class OnlineRecords:
    """The records of packages, asked for together where many want some, and once a run."""

    def __init__(self, options: OsvOptions, backoff: Backoff | None = None) -> None:
        manners = Manners(
            subject="OSV",
            connections=options.connections,
            timeout=options.timeout,
            attempts=options.attempts,
            patience=2,  # each request stands for many packages
            backoff=backoff or Backoff(),
        )
        self._client = WebClient(options.api, manners)
        self._names: Shared[str, list[str]] = Shared(self._learn_names)
        self._records: Shared[str, bytes] = Shared(self._learn_record)
        self._waiting: dict[str, asyncio.Future[list[str]]] = {}
        self._batch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make ready; nobody is asked yet."""
        await self._client.open()

    async def close(self) -> None:
        """Abandon what is under way."""
        tasks = [self._batch] if self._batch is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._names.close()
        await self._records.close()
        await self._client.close()

    async def bodies(self, package: str) -> list[bytes]:
        """The JSON texts of a package's records, by its canonical name.

        :raises LookUpFailedError: one of them could not be had: without it nothing is known.
        """
        return list(await asyncio.gather(*(self._records.get(name) for name in await self._names.get(package))))

    async def _learn_names(self, package: str) -> list[str]:
        future: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._waiting[package] = future
        if self._batch is None or self._batch.done():
            self._batch = asyncio.create_task(self._ask_together())
        return await future

    async def _ask_together(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHERING)
            batch = {name: self._waiting.pop(name) for name in list(self._waiting)[:LARGEST_BATCH]}
            try:
                found = await self._names_of(list(batch))
            except LookUpFailedError as error:
                for future in batch.values():
                    _settle(future, error)
            else:
                for name, future in batch.items():
                    _settle(future, found[name])

    async def _names_of(self, packages: Sequence[str]) -> dict[str, list[str]]:
        """The ids of the records of each package, however many pages they have."""
        found: dict[str, list[str]] = {name: [] for name in packages}
        open_pages: dict[str, str] = dict.fromkeys(packages, "")
        for _ in range(_PAGES):
            answers = await self._page(open_pages)
            for name, answer in zip(open_pages, answers, strict=True):
                found[name].extend(item.id for item in answer.vulns or ())
            tokens = {name: answer.next_page_token for name, answer in zip(open_pages, answers, strict=True)}
            open_pages = {name: token for name, token in tokens.items() if token}
            if not open_pages:
                return found
        raise LookUpFailedError("OSV's answer has no end")

    async def _page(self, pages: dict[str, str]) -> list[_Result]:
        questions = [
            {"package": {"name": name, "ecosystem": "PyPI"}, **({"page_token": token} if token else {})}
            for name, token in pages.items()
        ]
        body = (await self._client.post("/v1/querybatch", {"queries": questions})).body
        if body is None:
            raise LookUpFailedError("OSV answered 404")
        results = _decoded(body, _Results).results
        if len(results) != len(questions):
            raise LookUpFailedError(f"OSV answered {len(results)} of {len(questions)} questions")
        return results

    async def _learn_record(self, name: str) -> bytes:
        body = (await self._client.get(f"/v1/vulns/{quote(name, safe='')}")).body
        if body is None:
            raise LookUpFailedError(f"OSV names {name}, and does not have it")
        if _decoded(body, _Named).id != name:
            raise LookUpFailedError(f"OSV has another record in the place of {name}")
        return body


def _settle(future: asyncio.Future[list[str]], outcome: list[str] | LookUpFailedError) -> None:
    if future.done():
        return  # whoever waited gave up
    if isinstance(outcome, LookUpFailedError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _decoded(body: bytes, kind: type[T]) -> T:
    if not body.strip():
        raise LookUpFailedError("OSV's answer is empty")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise LookUpFailedError(f"OSV's answer has an unknown shape ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LookUpFailedError(f"OSV's answer is no JSON ({error})") from error
