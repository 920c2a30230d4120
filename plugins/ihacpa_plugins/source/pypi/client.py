"""Asks the index for a package's document."""

from __future__ import annotations

from urllib.parse import quote

from ihacpa_plugins.source.pypi.options import PypiOptions
from ihacpa_plugins.web.client import Backoff, Fetched, Manners, WebClient


class IndexClient(WebClient):
    """One client for all look-ups of a run."""

    def __init__(self, options: PypiOptions, *, backoff: Backoff | None = None) -> None:
        manners = Manners(
            subject="the index",
            connections=options.connections,
            timeout=options.timeout,
            attempts=options.attempts,
            backoff=backoff or Backoff(),
        )
        super().__init__(options.url, manners)

    async def fetch(self, name: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        """The document of the package with this canonical name, or word that it is as it was.

        :raises LookUpFailedError: it could not be had, not even after several tries.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        given = {key: text for key, text in conditions.items() if text}
        return await self.get(f"/pypi/{quote(name, safe='')}/json", given)
