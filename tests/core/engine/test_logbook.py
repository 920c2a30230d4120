"""The log of a run: a line an event, for its owner's eyes only, and never a secret."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ihacpa_core.engine.logbook import LOGGER, Logbook, Secrets
from ihacpa_core.errors import StoreError
from ihacpa_core.events import (
    BatchCommitted,
    BatchStarted,
    CheckpointWritten,
    Event,
    RecordFinished,
    RunFinished,
    RunStarted,
    WarningRaised,
    WorkbookSaved,
)
from ihacpa_core.records import Failure, Outcome, RecordId, Status
from ihacpa_core.state import BatchMetrics, Fingerprint, RunInfo, RunMetrics

RUN = RunInfo(
    run_id="r7",
    workbook="/data/p.xlsx",
    sheet="Packages",
    started=datetime(2026, 1, 2, tzinfo=UTC),
    original=Fingerprint("ab", 1),
    records=2,
)
DONE = Outcome(id=RecordId("flask"), row=4, status=Status.DONE)
FAILED = Outcome(
    id=RecordId("dja\nngo"), row=5, status=Status.FAILED, attempts=3, error=Failure(kind="OSError", message="no\r\nway")
)
END = (
    "INFO    run r7 finished, exit code 3: 1 done, 1 failed, 0 skipped, 1 batch, 0 saves, 0 checkpoints, 0 retries;"
    " 0.0 s in all, 0.0 s processing, 0.0 s saving, 0.0 s waiting; 0.0 records a second,"
    " 0 bytes of memory at the peak; slowest: flask 0.5 s"
)
EVENTS: list[Event] = [
    RunStarted(run=RUN, workbook=Path("/data/p.xlsx"), total=2, left=2, resumed=False, concurrency=4),
    BatchStarted(number=1, size=10),
    RecordFinished(outcome=DONE, batch=1, finished=1, total=2),
    RecordFinished(outcome=FAILED, batch=1, finished=2, total=2),
    BatchCommitted(batch=BatchMetrics(number=1, records=2, failed=1, seconds=1, closed_by="end"), finished=2, total=2),
    WorkbookSaved(path=Path("/data/p.xlsx"), cells=9, seconds=0.5, fingerprint=Fingerprint("cd", 2)),
    CheckpointWritten(checkpoint_id="c1", batch=1, seconds=0.1),
    WarningRaised(message="slow", source="pypi"),
    RunFinished(
        run=RUN,
        metrics=RunMetrics(done=1, failed=1, batches=1, slowest=(("flask", 0.5),)),
        state="finished",
        exit_code=3,
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.log"


@pytest.fixture(autouse=True)
def logger_is_left_as_it_was() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    before = (list(logger.handlers), logger.level)
    yield
    assert (list(logger.handlers), logger.level) == before


def test_a_line_an_event(path: Path) -> None:
    """Each event is one line with an ISO time, a level, and words."""
    with Logbook(path) as logbook:
        for event in EVENTS:
            logbook.note(event)

    lines = path.read_text().splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "INFO    run r7 begins on /data/p.xlsx, sheet Packages: 2 of 2 records to do, 4 at a time",
        "INFO    batch 1 started, at most 10 records",
        "WARNING row 5 dja ngo: failed in 0.0 s after 3 attempts: OSError: no way",
        "INFO    batch 1 committed: 2 records, 1 failed, 1.0 s, closed by end; 2 of 2 finished",
        "INFO    saved /data/p.xlsx: 9 cells in 0.5 s, SHA-256 cd",
        "INFO    checkpoint c1 written after batch 1 in 0.1 s",
        "WARNING pypi: slow",
        END,
    ]
    assert all(datetime.fromisoformat(line.split()[0]).tzinfo for line in lines)


def test_debug_level_tells_every_record(path: Path) -> None:
    """At the debug level the log names every record."""
    with Logbook(path, level=logging.DEBUG) as logbook:
        for event in EVENTS:
            logbook.note(event)

    assert "row 4 flask: done" in path.read_text()


@pytest.mark.parametrize("secret", ["tok/en+1234", 'pa"ss\\word', "s3cret"])
def test_secrets_are_masked(path: Path, secret: str) -> None:
    """A registered secret is written in no form: not in a message, an address, an argument, or a traceback."""
    secrets = Secrets(["s3"])
    logger = logging.getLogger(LOGGER)
    with Logbook(path, secrets) as logbook:
        secrets.add(f"{secret}\n")
        logbook.note(WarningRaised(message=f"the server said {secret}"))
        logger.info("GET %s", f"https://host/?key={secret.replace('/', '%2F').replace('+', '%2B')}")
        logger.info("headers %r", {"token": secret})
        try:
            raise ValueError(secret)
        except ValueError:
            logger.exception("it went wrong")

    text = path.read_text()
    assert secret not in text
    assert "en%2B1234" not in text
    assert text.count("***") >= 4
    assert "Traceback" in text


def test_text_of_others_makes_no_lines(path: Path) -> None:
    """A message with line breaks stays on its line: nobody writes entries into the log that never happened."""
    with Logbook(path) as logbook:
        logbook.note(WarningRaised(message="x\n2026-01-01T00:00:00 INFO saved\x1b[2J"))

    assert len(path.read_text().splitlines()) == 1
    assert "\x1b" not in path.read_text()


def test_file_is_for_its_owner_and_grows(path: Path) -> None:
    """The log is made with mode 0600; a run that goes on adds to it."""
    for _ in range(2):
        with Logbook(path) as logbook:
            logbook.note(EVENTS[0])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().splitlines()) == 2


def test_planted_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    """A link in the log's place is refused with an error of ours."""
    path.symlink_to(tmp_path / "victim")

    with pytest.raises(StoreError) as caught:
        Logbook(path).attach()

    assert caught.value.hint
    assert not (tmp_path / "victim").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A log that cannot be written does not stop the run and says nothing on the terminal; its lines are counted."""
    logbook = Logbook(Path("/dev/full"))
    logbook.attach()
    for event in EVENTS:
        logbook.note(event)
    logbook.detach()
    logbook.detach()

    assert logbook.lost >= 8
    assert capsys.readouterr().err == ""
