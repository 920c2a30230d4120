"""The summary at the end of a run: complete, readable, and never wider than a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.cli.summary import render_summary
from ihacpa_core.records import Failure, Outcome, RecordId, Status
from ihacpa_core.state import RunMetrics
from ihacpa_core.text import columns

METRICS = RunMetrics(
    records=486,
    done=480,
    failed=4,
    skipped=2,
    unchecked=12,
    resumed=100,
    batches=49,
    saves=7,
    checkpoints=9,
    retries=13,
    cells_written=4321,
    formulas_kept=3,
    normalised=1,
    warnings=2,
    observer_errors=1,
    wall_seconds=80.0,
    processing_seconds=62.0,
    saving_seconds=3.1,
    waiting_seconds=0.4,
    peak_memory=212_000_000,
    slowest=(("numpy", 12.1), ("flask", 3.0)),
)
COMMAND = "ihacpa packages.xlsx --only-failed"


def failed(name: str = "flask", row: int = 17, message: str = "no answer from pypi.org") -> Outcome:
    error = Failure(kind="TimeoutError", message=message, transient=True)
    return Outcome(id=RecordId(name), row=row, status=Status.FAILED, attempts=3, error=error)


def summary(
    metrics: RunMetrics = METRICS,
    *,
    exit_code: int = 3,
    finished: bool = True,
    levels: Sequence[tuple[str, int]] = (),
    failures: Sequence[Outcome] = (),
    unchecked: Sequence[tuple[str, int]] = (),
    notes: Sequence[str] = (),
    next_command: str = "",
    colour: bool = False,
    width: int = 80,
    workbook: str = "packages.xlsx",
) -> str:
    return render_summary(
        metrics,
        workbook=Path("/data") / workbook,
        sheet="Packages",
        exit_code=exit_code,
        finished=finished,
        levels=levels,
        failures=failures,
        unchecked=unchecked,
        notes=notes,
        next_command=next_command,
        colour=colour,
        width=width,
    )


def test_whole_summary() -> None:
    """The summary of a run with failures reads like this."""
    text = summary(
        levels=[("critical", 3), ("medium", 12)],
        failures=[failed(), failed("a-package-with-a-very-long-name", 230, "the index has no such package " * 2)],
        unchecked=[("nvd: no answer", 12)],
        notes=["the advisory data is 40 days old"],
        next_command=COMMAND,
    )

    assert (
        text
        == """\
packages.xlsx, sheet Packages
complete, but some records failed or could not be checked (exit code 3)

records     486: 480 done, 4 failed, 2 skipped, 12 not fully checked, 100 of
            them from before the interruption
found       3 critical, 12 medium
work        49 batches, 7 saves, 9 checkpoints, 13 retries, 4,321 cells written,
            3 cells kept because they hold a formula, 1 cell made fit for Excel,
            2 warnings, 1 observer error
time        1 min 20 s in all: 1 min 2 s processing, 3.1 s saving, 0.4 s waiting
speed       4.8 records a second
memory      212 MB at the peak
slowest     numpy 12.1 s, flask 3.0 s

failed
  row 17    flask                     TimeoutError: no answer from pypi.org (3
                                      attempts)
  row 230   a-package-with-a-very-l…  TimeoutError: the index has no such
                                      package the index has no such package (3
                                      attempts)

not checked
  12 records    nvd: no answer

note        the advisory data is 40 days old

to try again what failed or was not checked:
  ihacpa packages.xlsx --only-failed
"""
    )


def test_clean_run_is_short() -> None:
    """A run without failures says so in few lines, and offers nothing to retry."""
    text = summary(RunMetrics(records=3, done=3, batches=1, saves=1, wall_seconds=1.5), exit_code=0)

    assert "complete (exit code 0)" in text
    assert "3: 3 done, 0 failed, 0 skipped" in text
    assert "1 batch, 1 save, 0 checkpoints, 0 retries" in text
    assert not {"failed\n", "to go on:"} & set(text.splitlines(keepends=True))
    assert len(text.splitlines()) < 12


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(1, "--fail-on"), (5, "no rows matched"), (130, "what was finished is kept"), (143, "kept"), (70, "stopped")],
)
def test_every_end_has_its_words(exit_code: int, words: str) -> None:
    """The headline says how the run ended, and the exit code."""
    text = summary(exit_code=exit_code, finished=False, next_command="ihacpa packages.xlsx")

    assert words in text
    assert f"(exit code {exit_code})" in text
    assert text.endswith("to go on:\n  ihacpa packages.xlsx\n")


def test_a_run_that_stopped_early_is_not_called_complete() -> None:
    """An unfinished run says so, and how many records are left."""
    metrics = RunMetrics(records=30, done=3, failed=3)

    text = summary(metrics, finished=False, next_command="ihacpa")

    assert "stopped early" in text
    assert "24 left" in text
    assert "complete" not in text


def test_many_failures_are_cut_and_counted() -> None:
    """A run that fails everywhere lists the first failures and counts the rest."""
    text = summary(failures=[failed(f"package{number}", number) for number in range(1, 487)])

    assert text.count("TimeoutError") == 20
    assert "and 466 more" in text


def test_colour_is_only_added() -> None:
    """Colours change nothing but the colour."""
    plain = summary(failures=[failed()], next_command=COMMAND)
    coloured = summary(failures=[failed()], next_command=COMMAND, colour=True)

    assert "\x1b" not in plain
    assert "\x1b[31mfailed\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


def test_long_command_can_be_copied() -> None:
    """A command is never broken, however long it is."""
    command = f"ihacpa '{'long ' * 30}packages.xlsx' --only-failed"

    assert f"\n  {command}\n" in summary(next_command=command)


@given(
    text=st.text(max_size=120),
    width=st.integers(40, 200),
    number=st.integers(0, 10**15),
    took=st.floats(0, 1e9),
)
def test_never_wider_than_the_terminal(text: str, width: int, number: int, took: float) -> None:
    """Whatever names and causes hold, no line is wider than the terminal or 80 columns, and nothing steers it."""
    rendered = summary(
        RunMetrics(records=number, done=number, peak_memory=number, wall_seconds=took, slowest=((text, took),)),
        workbook=text.replace("/", "").replace("\x00", "") or "x",
        failures=[failed(text, message=text)],
        unchecked=[(text, number)],
        notes=[text],
        width=width,
    )

    assert all(line.isprintable() for line in rendered.split("\n"))
    assert max(columns(line) for line in rendered.split("\n")) <= min(width, 80)
