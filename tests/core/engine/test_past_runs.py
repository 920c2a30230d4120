"""Reading runs back: which one a word means, and what is told of it."""

from __future__ import annotations

import pytest

from ihacpa_core import CommandParts, ExitCode, UsageError
from ihacpa_core.engine.request import RunRequest

FAST = """\
def double(record):
    if record["Amount"] == 13:
        raise ValueError("unlucky")
    return {"Total": record["Amount"] * 2}
"""


@pytest.fixture
def parts(project):
    """What a command is given in the project's folder; the function does not sleep."""
    project.write("work.py", FAST)
    return CommandParts(RunRequest(cwd=project.folder))


def ids(parts):
    return [parts.runs([word])[0].run_id for word in ("previous", "latest")]


def test_a_run_is_read_back(project, parts):
    """Its outcomes in the order of the rows, done and failed, with sheet, headers and settings."""
    project.run("--strategy", "size", expect=ExitCode.INCOMPLETE)

    (run,) = parts.runs()

    assert (run.workbook, run.sheet, run.records, run.finished, run.whole) == (project.workbook, "Data", 30, True, True)
    assert [outcome.row for outcome in run.outcomes] == list(range(2, 32))
    assert [outcome.id.key for outcome in run.outcomes if outcome.error] == ["item-13"]
    assert run.headers["C"] == "Total" and run.missing == ()
    assert run.settings["ihacpa"]["strategy"] == "size"


def test_reading_needs_no_workbook(project, parts):
    """The journal is enough: a workbook that was moved away, or that is damaged, keeps nobody from its report."""
    project.run(expect=ExitCode.INCOMPLETE)
    project.workbook.unlink()

    assert len(parts.runs()[0].outcomes) == 30


def test_words_for_runs(project, parts):
    """An id, the beginning of one, latest and previous; all has the newest outcome of each record."""
    project.run(expect=ExitCode.INCOMPLETE)
    project.write("work.py", FAST.replace("13", "-1"))
    project.run("--only-failed", expect=ExitCode.OK)
    first, second = ids(parts)

    (whole, part) = parts.runs([first, "latest"])
    (united,) = parts.runs(["all"])

    assert part.run_id == second and not part.whole and [o.id.key for o in part.outcomes] == ["item-13"]
    assert whole.run_id == first and whole.whole
    assert parts.runs([first[:-2]])[0].run_id == first
    assert len(united.outcomes) == 30 and not [o for o in united.outcomes if o.error]


def test_a_run_that_is_not_there(project, parts):
    """The error names those that there are; without any run it says how to start one."""
    with pytest.raises(UsageError, match=r"no run on book\.xlsx yet"):
        parts.runs()

    project.run(expect=ExitCode.INCOMPLETE)
    (run,) = parts.runs()

    with pytest.raises(UsageError, match=f"no run 'nope'.*{run.run_id}"):
        parts.runs(["nope"])
    with pytest.raises(UsageError, match="no run before"):
        parts.runs(["previous"])
    with pytest.raises(UsageError, match="no run ''"):
        parts.runs([""])


def test_the_beginning_of_several_ids_is_refused(project, parts):
    """Two runs that a beginning fits are named."""
    project.run(expect=ExitCode.INCOMPLETE)
    project.run(expect=ExitCode.INCOMPLETE)

    with pytest.raises(UsageError, match="means 2 runs"):
        parts.runs(["20"])


def test_an_interrupted_run_says_what_is_missing(project, parts, slow_from):
    """Outcomes that there are, and the records that have none yet."""
    project.write(
        "work.py", FAST.replace("    if", "    import time\n    time.sleep(0.04 if record.row < 12 else 60)\n    if")
    )
    process = project.start("-o", "grace=1s")
    wait_for_journal(project, process, 6)
    process.terminate()
    process.communicate()

    (run,) = parts.runs()

    assert not run.finished and run.missing
    assert len(run.outcomes) + len(run.missing) == run.records == 30


def wait_for_journal(project, process, count):
    from ihacpa_core.testing.project import wait_until

    def enough():
        assert process.poll() is None
        try:
            (run,) = CommandParts(RunRequest(cwd=project.folder)).runs()
        except UsageError:
            return False
        return len(run.outcomes) >= count

    wait_until(enough, what="some outcomes")
