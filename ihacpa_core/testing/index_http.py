"""Just enough of an HTTP/1.1 server to play a package index: kept-alive connections, bad answers on purpose."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent: the path with its query, the headers by name in small letters, and the body."""

    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sends. Status 0: the connection is dropped without a word; `cut`: in the middle of the body."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    etag: str = ""
    location: str = ""
    retry_after: str | None = None
    cut: bool = False
    delay: float = 0.0

    def head(self) -> bytes:
        """The status line and the headers, up to and with the empty line."""
        optional = {"ETag": self.etag, "Location": self.location, "Retry-After": self.retry_after}
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.kind}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in optional.items() if value),
        ]
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def encoded(document: Any) -> Answer:
    """`document` as JSON, with an entity tag made from its bytes."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Answer(200, body, etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"')


class IndexServer:
    """Serves what `answer` says, from a thread with an event loop of its own."""

    def __init__(self, answer: Callable[[Request], Answer], *, latency: float = 0.0, port: int = 0) -> None:
        self.port = port
        self.peak = 0
        self._answer = answer
        self._latency = latency
        self._waiting = 0
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._ready = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="loopback-index", daemon=True)

    def start(self) -> None:
        """Listen; `port` is the real one afterwards.

        :raises OSError: the port is taken.
        """
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Close every connection and end the thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(self._converse, "127.0.0.1", self.port, backlog=256)
            self.port = server.sockets[0].getsockname()[1]
        except OSError as error:
            self._error = error
            return
        finally:
            self._ready.set()
        await self._stopped.wait()
        server.close()
        await self._end_conversations()

    async def _end_conversations(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                continue
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client went away, or the server stops
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection lives on."""
        request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = request.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in fields if text)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        answer = self._answer(Request(line.split(" ")[1], headers, body))
        await self._wait(self._latency + answer.delay)
        if answer.status == 0:
            return False
        content = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        writer.write(answer.head() + content)
        await writer.drain()
        return not answer.cut

    async def _wait(self, seconds: float) -> None:
        self._waiting += 1
        self.peak = max(self.peak, self._waiting)
        try:
            if seconds:
                await asyncio.sleep(seconds)
        finally:
            self._waiting -= 1
