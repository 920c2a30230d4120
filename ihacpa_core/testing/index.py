"""A package index on the loopback interface: a real HTTP server for tests and benchmarks.

In a test::

    with LoopbackIndex({"requests": ["2.31.0"]}) as index:
        index.fail("requests", 503, times=2)
        ...  # ask index.url + "/pypi/requests/json"
    assert index.requests["requests"] == 3

As a process of its own, so that it takes no time from what is measured::

    python -m ihacpa_core.testing.index --latency 0.1 --from packages.csv
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ihacpa_core.testing.index_facts import made_up_document, made_up_versions
from ihacpa_core.testing.index_http import Answer, IndexServer, Request, encoded

FAULTS = ("drop", "empty", "loop", "redirect", "redirect-away", "slow", "truncated", "wrong-json", "wrong-shape")
"""What `LoopbackIndex.fail` can do besides answering with a status."""


@dataclass
class _Fault:
    kind: str | int
    left: int | None
    retry_after: str | None


def canonical(name: str) -> str:
    """The PEP 503 form of a name."""
    return re.sub(r"[-_.]+", "-", name).lower()


class LoopbackIndex:
    """Serves ``/pypi/NAME/json`` for the packages that it was told, and 404 for all others.

    Use as a context manager; `url` is known inside. Its methods may be called from any thread.

    :param packages: name to versions, oldest first; a dozen made-up ones where there are none.
    :param latency: seconds before each answer.
    :param requests: how often each name (or path) was asked for.
    :param statuses: how often each HTTP status was answered.
    """

    def __init__(
        self, packages: Mapping[str, Sequence[str]] | None = None, *, latency: float = 0.0, port: int = 0
    ) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._documents: dict[str, Any] = {}
        self._bodies: dict[str, Answer] = {}
        self._makers: dict[str, Callable[[Request], Any]] = {}
        self._faults: dict[str, _Fault] = {}
        self._lock = threading.Lock()
        self._server = IndexServer(self._answer, latency=latency, port=port)
        for name, versions in (packages or {}).items():
            self.add(name, versions)

    @classmethod
    def from_csv(cls, path: Path, *, latency: float = 0.0, port: int = 0) -> Self:
        """The packages of a CSV file with the columns `package` and `version`, the latter among releases made up."""
        with path.open(encoding="utf-8", newline="") as file:
            packages = {
                row["package"]: made_up_versions(row["package"], row["version"]) for row in csv.DictReader(file)
            }
        return cls(packages, latency=latency, port=port)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, once the server runs."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def peak(self) -> int:
        """The most requests that were waiting for their answer at once."""
        return self._server.peak

    def add(
        self,
        name: str,
        versions: Sequence[str] = (),
        *,
        yanked: Collection[str] = (),
        empty: Collection[str] = (),
        document: Any = None,
    ) -> None:
        """Put a package into the index, or put another in its place; `document` is served as it is."""
        key = canonical(name)
        made = document if document is not None else made_up_document(key, versions, yanked=yanked, empty=empty)
        with self._lock:
            self._documents[key] = made
            self._bodies.pop(f"/pypi/{key}/json", None)

    def serve(self, path: str, file: Path) -> None:
        """Serve the bytes of `file` at `path`: ``/PyPI/all.zip``."""
        with self._lock:
            self._bodies[path] = Answer(200, file.read_bytes(), "application/octet-stream")

    def reply(self, path: str, make: Callable[[Request], Any]) -> None:
        """Answer each request for `path` (with its query) with the JSON document that `make` makes of it.

        For servers that are no index: ``index.reply("/v1/querybatch", lambda request: {"results": [{}]})``.
        """
        with self._lock:
            self._makers[path] = make

    def fail(
        self, name: str, fault: str | int, *, times: int | None = None, retry_after: float | str | None = None
    ) -> None:
        """Answer the next `times` requests for `name` (or a path; all if None) with a status or one of `FAULTS`."""
        if isinstance(fault, str) and fault not in FAULTS:
            raise ValueError(f"no fault {fault!r}; there are {', '.join(FAULTS)} and every HTTP status")
        key = name if name.startswith("/") else f"/pypi/{canonical(name)}/json"
        wait = None if retry_after is None else str(retry_after)
        with self._lock:
            self._faults[key] = _Fault(fault, times, wait)

    def heal(self) -> None:
        """Take back every fault."""
        with self._lock:
            self._faults.clear()

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests[_subject(request.path)] += 1
            answer = self._choose(request)
            if answer.status == 200 and answer.etag and request.headers.get("if-none-match") == answer.etag:
                answer = Answer(304, etag=answer.etag)
            self.statuses[answer.status] += 1
            return answer

    def _choose(self, request: Request) -> Answer:
        path = request.path
        fault = self._faults.get(path)
        make = self._makers.get(path.removeprefix("/elsewhere"))
        whole = encoded(make(request)) if make is not None else self._whole(path)
        if fault is None or fault.left == 0:
            return whole
        if fault.left is not None:
            fault.left -= 1
        return _faulty(fault, path, whole)

    def _whole(self, path: str) -> Answer:
        if path not in self._bodies:
            key = _subject(path)
            if key not in self._documents:
                return Answer(404, b'{"message": "Not Found"}')
            self._bodies[path] = encoded(self._documents[key])
        return self._bodies[path]


def _subject(path: str) -> str:
    match = re.fullmatch(r"(?:/elsewhere)?/pypi/([^/]+)/json", path)
    return canonical(match[1]) if match else path


def _faulty(fault: _Fault, path: str, whole: Answer) -> Answer:
    match fault.kind:
        case int(status):
            return Answer(status, b"no", "text/plain", retry_after=fault.retry_after)
        case "redirect":
            return Answer(301, location=f"/elsewhere{path}")
        case "loop":
            return Answer(302, location=path)
        case "redirect-away":
            return Answer(302, location=f"http://elsewhere.invalid{path}")
        case "wrong-json":
            return Answer(200, b"<html>Sign in to this network</html>", "text/html")
        case "wrong-shape":
            return Answer(200, b'{"info": 5, "releases": []}')
        case "empty":
            return Answer(200, b"")
        case "truncated":
            return Answer(whole.status, whole.body, whole.kind, cut=True)
        case "slow":
            return Answer(whole.status, whole.body, whole.kind, delay=3600.0)
        case _:
            return Answer(0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until standard input is closed; the address is the first line on standard output."""
    parser = argparse.ArgumentParser(prog="python -m ihacpa_core.testing.index", description=main.__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--from", dest="packages", type=Path, help="CSV file with the columns package and version")
    parser.add_argument("--serve", action="append", default=[], metavar="PATH=FILE", help="serve a file as well")
    options = parser.parse_args(arguments)
    given = {"latency": options.latency, "port": options.port}
    index = LoopbackIndex.from_csv(options.packages, **given) if options.packages else LoopbackIndex(**given)
    for path, _, file in (pair.partition("=") for pair in options.serve):
        index.serve(path, Path(file))
    with index:
        sys.stdout.write(f"{index.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
