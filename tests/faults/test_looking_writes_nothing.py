"""Commands that only look make no change to the file system at all: they are counted, not trusted."""

from __future__ import annotations

import pytest
from fault_bench import COMBINATIONS, Bench, Desk, Fault, lines

LOOKING = [
    ["--dry-run"],
    ["status"],
    ["runs", "list"],
    ["checkpoints", "list"],
    ["checkpoints", "verify"],
    ["config", "show"],
    ["doctor"],
]


@pytest.mark.parametrize(("store", "saver"), COMBINATIONS)
def test_looking_makes_no_write(tmp_path, seeing_runner, store, saver):
    """On a workbook never worked on, in the middle of a run that was killed, and after its end: 0 operations."""
    desk = Desk(tmp_path / "desk", store, saver).lay()
    bench = Bench(seeing_runner, desk, tmp_path / "scratch")
    made = {}

    def look(when):
        for words in LOOKING:
            log = tmp_path / f"{when}-{'-'.join(words)}.txt"
            ended = seeing_runner.run(desk, *words, log=log)
            changes = [f"{kind} {path}" for kind, path in lines(log)]
            made[when, *words] = (changes, ended.code == 70)

    look("before")
    seeing_runner.run(desk, fault=Fault("outside", bench.operations["outside"] * 2 // 3))
    look("between")
    seeing_runner.run(desk)
    look("after")

    assert {words: found for words, found in made.items() if found != ([], False)} == {}
    assert len(made) == 3 * len(LOOKING)
