"""Asks one host over HTTP: a few requests at once, again where that may help, never more than it allows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ihacpa_core import parse_duration
from ihacpa_plugins.web.breaker import Breaker
from ihacpa_plugins.web.rate import Unlimited

if TYPE_CHECKING:
    import httpx2

    from ihacpa_plugins.web.rate import Rate

_LARGEST = 64 * 1024 * 1024
_LONGEST_WAIT = 60.0
_REDIRECTS = 5
_GONE = (404, 410)
_PASSING = (408, 425, 429)
"""Statuses that another try may change, besides every 5xx."""


class LookUpFailedError(Exception):
    """A look-up failed for good; the text says why, for a person."""


class _PassingError(Exception):
    """A try failed in a way that may pass.

    :param wait: seconds that the host asked for.
    """

    def __init__(self, note: str, *, wait: float | None = None) -> None:
        super().__init__(note)
        self.wait = wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer. `body` is None where there is no such thing; `unchanged`: what is cached still holds."""

    body: bytes | None = None
    unchanged: bool = False
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The waits between tries, in seconds: `first`, twice that, and so on up to `longest`, and up to `jitter` more."""

    first: float = 0.5
    jitter: float = 1.0
    longest: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a host is asked.

    :param subject: what messages call it: ``the index``.
    :param connections: requests at once.
    :param timeout: how long a silent host is waited for, as a duration; a whole answer: four times.
    :param attempts: tries before a look-up fails.
    :param headers: sent with every request; may hold a key, so they are never shown.
    :param rate: how many requests a time it allows.
    :param patience: look-ups in a row that come to nothing before it is not asked for a while.
    """

    subject: str
    connections: int = 16
    timeout: str = "30s"
    attempts: int = 4
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    rate: Rate | Unlimited = field(default_factory=Unlimited)
    backoff: Backoff = field(default_factory=Backoff)
    patience: int = 8
    largest: int = _LARGEST
    """Bytes of an answer."""


class WebClient:
    """One client for all look-ups of a run at one host: its connections are kept and reused."""

    def __init__(self, base: str, manners: Manners) -> None:
        self._base = base.rstrip("/")
        self._manners = manners
        self._largest = manners.largest
        self._timeout = parse_duration(manners.timeout)
        self._slots = asyncio.Semaphore(manners.connections)
        self._breaker = Breaker(limit=manners.patience)
        self._quiet_until = 0.0
        self._http: httpx2.AsyncClient | None = None

    async def open(self) -> None:
        """Make the client; connections are made when they are needed."""
        import httpx2  # 75 ms: paid by a run that asks somebody, not by every command

        # A warning a retry would land on the terminal where nobody set up logging.
        logging.getLogger("stamina").addHandler(logging.NullHandler())
        limit = self._manners.connections
        own = {"User-Agent": f"ihacpa/{version('ihacpa')}", "Accept": "application/json"}
        self._http = httpx2.AsyncClient(
            http2=True,
            headers={**own, **self._manners.headers},
            timeout=httpx2.Timeout(self._timeout, pool=None),
            limits=httpx2.Limits(max_connections=limit, max_keepalive_connections=limit, keepalive_expiry=30.0),
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def get(self, path: str, conditions: Mapping[str, str] | None = None) -> Fetched:
        """What is at `path` below the base, or word that there is nothing, or that it is as it was.

        :param conditions: headers of a conditional request.
        :raises LookUpFailedError: it could not be had, not even after several tries.
        """
        return await self._ask("GET", path, conditions or {}, None)

    async def post(self, path: str, question: Any) -> Fetched:
        """The answer to `question`, which is sent as JSON.

        :raises LookUpFailedError: it could not be had, not even after several tries.
        """
        return await self._ask("POST", path, {}, question)

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], question: Any) -> Fetched:
        if not self._breaker.allows():
            raise LookUpFailedError(f"{self._breaker.reason}; not asked again so soon")
        try:
            answer = await self._again_and_again(method, f"{self._base}{path}", headers, question)
        except _PassingError as failure:
            self._breaker.failed(str(failure))
            tries = self._manners.attempts
            raise LookUpFailedError(f"{failure}, {tries} tries" if tries > 1 else str(failure)) from failure
        except LookUpFailedError:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return answer

    async def _again_and_again(self, method: str, url: str, headers: Mapping[str, str], question: Any) -> Fetched:
        import stamina

        backoff = self._manners.backoff
        tries = stamina.retry_context(
            on=_wait_before_next,
            attempts=self._manners.attempts,
            timeout=None,
            wait_initial=backoff.first,
            wait_jitter=backoff.jitter,
            wait_max=backoff.longest,
        )
        async for attempt in tries:
            with attempt:
                return await self._try(method, url, headers, question)
        raise LookUpFailedError("no try was made")

    async def _try(self, method: str, url: str, headers: Mapping[str, str], question: Any) -> Fetched:
        import httpx2

        async with self._slots:
            await self._be_quiet()
            await self._manners.rate.wait()
            try:
                async with asyncio.timeout(4 * self._timeout):
                    return await self._send(method, url, headers, question)
            except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
                raise _PassingError(f"no answer from {self._host} within {self._manners.timeout}") from error
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
                raise _PassingError(f"no connection to {self._host}: {_told(error)}") from error
            except httpx2.RequestError as error:
                raise _PassingError(f"the connection to {self._host} broke: {_told(error)}") from error

    async def _be_quiet(self) -> None:
        """Wait as long as the host asked everybody to (429)."""
        while (rest := self._quiet_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(rest)

    async def _send(self, method: str, url: str, headers: Mapping[str, str], question: Any) -> Fetched:
        import httpx2

        assert self._http is not None, "open() comes first"
        target = httpx2.URL(url)
        for _ in range(_REDIRECTS + 1):
            async with self._http.stream(method, target, headers=dict(headers), json=question) as response:
                if not response.has_redirect_location:
                    return await self._understood(response)
                target = self._next_stop(target, response.headers["Location"])
        raise LookUpFailedError(f"{self._manners.subject} redirects more than {_REDIRECTS} times")

    async def _understood(self, response: httpx2.Response) -> Fetched:
        status, headers = response.status_code, response.headers
        if status in _PASSING or status >= 500:
            raise self._postponed(status, _retry_after(headers.get("Retry-After", "")))
        if status == 304:
            return Fetched(unchanged=True)
        if status in _GONE:
            return Fetched()
        if status != 200:
            raise LookUpFailedError(f"{self._manners.subject} answered {status}")
        body = await self._body(response)
        return Fetched(body=body, etag=headers.get("ETag", ""), last_modified=headers.get("Last-Modified", ""))

    def _postponed(self, status: int, wait: float | None) -> _PassingError:
        if status == 429 and wait is not None:
            self._quiet_until = max(self._quiet_until, asyncio.get_running_loop().time() + wait)
        return _PassingError(f"{self._manners.subject} answered {status}", wait=wait)

    async def _body(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._largest:
                size = f"{self._largest // (1024 * 1024)} MB"
                raise LookUpFailedError(f"{self._manners.subject}'s answer is larger than {size}")
        return bytes(body)

    def _next_stop(self, here: httpx2.URL, location: str) -> httpx2.URL:
        """Where a redirect leads: on the same host, and never from https to http."""
        import httpx2

        subject = self._manners.subject
        try:
            target = here.join(location)
        except httpx2.InvalidURL as error:
            raise LookUpFailedError(f"{subject} redirects to an address that is none") from error
        if target.host != here.host or target.scheme not in {here.scheme, "https"}:
            raise LookUpFailedError(f"{subject} redirects to {target.scheme}://{target.host}, which is not followed")
        return target

    @property
    def _host(self) -> str:
        return self._base.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _wait_before_next(error: Exception) -> bool | float:
    """Whether another try may help, and after how many seconds if the host said so."""
    if not isinstance(error, _PassingError):
        return False
    return True if error.wait is None else max(error.wait, 0.01)


def _retry_after(text: str) -> float | None:
    """The seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3); at most a minute."""
    if text.strip().isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
