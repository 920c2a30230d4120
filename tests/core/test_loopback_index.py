"""The loopback index behaves as an index does, and misbehaves as it is told."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ihacpa_core.testing.index import FAULTS, LoopbackIndex


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=5.0, trust_env=False) as client:
        yield client


def test_it_serves_what_it_was_told_and_counts(client: httpx2.Client) -> None:
    """Any spelling of a known name is answered with its releases; another name is not found."""
    with LoopbackIndex({"Zope.Interface": ["5.4.0"]}) as index:
        found = client.get(f"{index.url}/pypi/zope_interface/json")
        missing = client.get(f"{index.url}/pypi/nope/json")

    assert "5.4.0" in found.json()["releases"]
    assert missing.status_code == 404
    assert index.requests == {"zope-interface": 1, "nope": 1}


def test_facts_are_the_same_in_every_process() -> None:
    """The made-up document depends on the name and the versions alone."""
    code = (
        "from ihacpa_core.testing.index_facts import *; import json; print(json.dumps(made_up_document('a', ['1.0'])))"
    )
    first, second = (subprocess.check_output([sys.executable, "-c", code]) for _ in range(2))

    assert first == second
    assert {"info", "releases", "urls", "vulnerabilities", "last_serial", "ownership"} == set(json.loads(first))


def test_an_entity_tag_saves_the_body(client: httpx2.Client) -> None:
    """A request that names the current entity tag is answered 304 without a body."""
    with LoopbackIndex({"a": []}) as index:
        tag = client.get(f"{index.url}/pypi/a/json").headers["ETag"]
        again = client.get(f"{index.url}/pypi/a/json", headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")
    assert index.statuses == {200: 1, 304: 1}


def test_faults_end_after_their_times(client: httpx2.Client) -> None:
    """A fault with a count is gone after it, one without stays until it is healed."""
    with LoopbackIndex({"a": []}) as index:
        index.fail("a", 429, times=1, retry_after=7)
        refused, served = (client.get(f"{index.url}/pypi/a/json") for _ in range(2))
        index.fail("a", 500)
        broken = [client.get(f"{index.url}/pypi/a/json").status_code for _ in range(3)]
        index.heal()
        healed = client.get(f"{index.url}/pypi/a/json")

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert broken == [500, 500, 500]
    assert served.status_code == healed.status_code == 200


@pytest.mark.parametrize("fault", ["drop", "truncated"])
def test_broken_connections_are_broken(client: httpx2.Client, fault: str) -> None:
    """A dropped or truncated answer is an error of the transport, not an answer."""
    with LoopbackIndex({"a": []}) as index:
        index.fail("a", fault)

        with pytest.raises(httpx2.TransportError):
            client.get(f"{index.url}/pypi/a/json")


def test_an_unknown_fault_is_refused() -> None:
    """A misspelt fault is a mistake of the test, and says which ones there are."""
    with pytest.raises(ValueError, match=FAULTS[0]):
        LoopbackIndex().fail("a", "explode")


def test_a_file_is_served_as_it_is(client: httpx2.Client, tmp_path: Path) -> None:
    """Any path can hold the bytes of a file."""
    file = tmp_path / "all.zip"
    file.write_bytes(b"PK\x05\x06" + bytes(18))
    with LoopbackIndex() as index:
        index.serve("/PyPI/all.zip", file)
        answer = client.get(f"{index.url}/PyPI/all.zip")

    assert answer.content == file.read_bytes()


def test_it_runs_as_a_process_of_its_own(client: httpx2.Client, tmp_path: Path) -> None:
    """The command prints its address, serves the packages of a CSV file, and ends with its standard input."""
    packages = tmp_path / "packages.csv"
    with packages.open("w", newline="") as file:
        csv.writer(file).writerows([("index", "package", "version"), (1, "absl-py", "2.1.0")])
    command = [sys.executable, "-m", "ihacpa_core.testing.index", "--from", str(packages)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        url = process.stdout.readline().strip()
        answer = client.get(f"{url}/pypi/absl-py/json")
        process.stdin.close()
        code = process.wait(timeout=10)

    assert "2.1.0" in answer.json()["releases"]
    assert code == 0


def test_it_plays_other_servers(client: httpx2.Client) -> None:
    """A path can be answered by a function of what was sent, over one connection, and fails like any other."""
    with LoopbackIndex() as index:
        index.reply("/v1/ask?x=1", lambda request: {"got": request.body.decode(), "key": request.headers["x-key"]})
        url = f"{index.url}/v1/ask?x=1"
        answers = [client.post(url, content=text, headers={"X-Key": "k"}).json() for text in ("one", "two" * 5000)]
        index.fail("/v1/ask?x=1", 503, times=1)
        refused = client.post(url, content="three", headers={"X-Key": "k"})

    assert answers == [{"got": "one", "key": "k"}, {"got": "two" * 5000, "key": "k"}]
    assert refused.status_code == 503
    assert index.requests == {"/v1/ask?x=1": 3}
