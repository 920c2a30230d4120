"""A run that is killed, or whose disk fails, at one of its file-system operations: nothing is lost, nothing is wrong.

How far a sweep goes is a matter of time: every tenth operation in `make test`; every one in `make test-all`, killed
and with one error each; and with each error, once and from there on, in `make sweep`.
"""

from __future__ import annotations

import pytest
from fault_bench import ANY_ERROR, ANYTHING, COMBINATIONS, EVERY_KIND, KILL, Bench, Desk, PlainRunner, Runner, offset

each_combination = pytest.mark.parametrize(("store", "saver"), COMBINATIONS)
each_side = pytest.mark.parametrize("where", ["inside", "outside"])
each_beginning = pytest.mark.parametrize("begun", ["fresh", "resumed"])


@each_combination
@each_side
@pytest.mark.parametrize("begun", ["fresh"])
def test_a_fault_at_every_tenth_operation(bench, report, store, saver, where, begun):
    """Killed or with an error, in turns: the same command again ends as an undisturbed run does."""
    tally = bench.sweep(ANYTHING, where, first=offset(store, saver, where, 10), step=10)

    report(tally, kind=ANYTHING.name, operations="every tenth", store=store, saver=saver, where=where, begun=begun)


@each_combination
@pytest.mark.parametrize(("where", "begun"), [("outside", "resumed")])
def test_a_fault_at_every_twentieth_operation_of_a_resume(bench, report, store, saver, where, begun):
    """A run that was killed is resumed, and that fails too: the third start ends as an undisturbed run does."""
    tally = bench.sweep(ANYTHING, where, first=2 * offset(store, saver, where, 10), step=20)

    report(tally, kind=ANYTHING.name, operations="every twentieth", store=store, saver=saver, where=where, begun=begun)


@pytest.mark.slow
@each_combination
@each_side
@pytest.mark.parametrize("begun", ["fresh"])
@pytest.mark.parametrize("kind", [KILL, ANY_ERROR], ids=lambda kind: kind.name)
def test_a_fault_at_every_operation(bench, report, kind, store, saver, where, begun):
    """Killed at every one of them, and with an error at every one."""
    tally = bench.sweep(kind, where)

    report(tally, kind=kind.name, operations="every", store=store, saver=saver, where=where, begun=begun)


@pytest.mark.slow
@each_combination
@each_side
@pytest.mark.parametrize("begun", ["resumed"])
@pytest.mark.parametrize("kind", [KILL, ANY_ERROR], ids=lambda kind: kind.name)
def test_a_fault_at_every_third_operation_of_a_resume(bench, report, kind, store, saver, where, begun):
    """A second kill, or an error after a kill, at every third operation."""
    tally = bench.sweep(kind, where, first=1 + offset(store, saver, where, 3), step=3)

    report(tally, kind=kind.name, operations="every third", store=store, saver=saver, where=where, begun=begun)


@pytest.mark.sweep
@each_combination
@each_side
@each_beginning
@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.name)
def test_every_fault_at_every_operation(bench, report, kind, store, saver, where, begun):
    """A kill and each error, once and from there on, at every operation, of a first start and of a resume."""
    tally = bench.sweep(kind, where)

    report(tally, kind=kind.name, operations="all", store=store, saver=saver, where=where, begun=begun)


@pytest.mark.parametrize(("store", "saver"), [COMBINATIONS[0], COMBINATIONS[-1]])
def test_the_plain_command_line_is_killed(tmp_path, shim, store, saver):
    """As a person starts it, with nothing imported before: the same holds."""
    (tmp_path / "temporary").mkdir()
    runner = PlainRunner(tmp_path / "temporary", shim)
    bench = Bench(runner, Desk(tmp_path / "start", store, saver).lay(), tmp_path / "scratch")

    tally = bench.sweep(ANYTHING, "outside", first=30, step=bench.operations["outside"] // 4)

    assert tally.faults >= 3
    assert tally.wrong == []


def test_a_system_without_fork_is_swept_too(tmp_path):
    """Each run in a process of its own: slower, and otherwise the same."""
    (tmp_path / "temporary").mkdir()
    runner = Runner(tmp_path / "temporary", fork=False)
    bench = Bench(runner, Desk(tmp_path / "start", *COMBINATIONS[0]).lay(), tmp_path / "scratch")

    tally = bench.sweep(ANYTHING, "inside", first=3, step=70)

    assert tally.faults >= 2
    assert tally.wrong == []


@pytest.mark.slow
def test_a_sweep_sees_a_workbook_that_is_written_over(tmp_path):
    """A file system that writes over a file in pieces, where it should replace it, is found out."""
    (tmp_path / "temporary").mkdir()
    runner = Runner(tmp_path / "temporary", careless=True)
    bench = Bench(runner, Desk(tmp_path / "start", *COMBINATIONS[0]).lay(), tmp_path / "scratch")

    tally = bench.sweep(KILL, "inside", step=2)
    runner.close()

    assert [problem for problem in tally.wrong if "damaged" in problem]
