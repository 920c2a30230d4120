from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from fault_bench import Bench, Desk, Runner
from figures import record_figure

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The compiled preload.c."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("the library that fails from outside needs Linux and a C compiler")
    made = tmp_path_factory.mktemp("shim") / "preload.so"
    command = [compiler, "-O2", "-fPIC", "-shared", "-o", str(made), str(HERE / "preload.c"), "-ldl"]
    subprocess.run(command, check=True)
    return made


@pytest.fixture
def runner(tmp_path, request):
    """Runs commands; with `where` "outside", below the library that fails from outside."""
    outside = "where" in request.fixturenames and request.getfixturevalue("where") == "outside"
    (tmp_path / "temporary").mkdir()
    made = Runner(tmp_path / "temporary", request.getfixturevalue("shim") if outside else None)
    yield made
    made.close()


@pytest.fixture
def seeing_runner(tmp_path, shim):
    """Runs commands that are seen from outside."""
    (tmp_path / "temporary").mkdir()
    made = Runner(tmp_path / "temporary", shim)
    yield made
    made.close()


@pytest.fixture
def bench(tmp_path, runner, store, saver, begun):
    """A run over twenty rows: a "fresh" one, or a "resumed" one that was killed in its middle."""
    fresh = Bench(runner, Desk(tmp_path / "start", store, saver).lay(), tmp_path / "scratch")
    return fresh if begun == "fresh" else fresh.interrupted()


@pytest.fixture
def report(request):
    """Takes what a sweep found: shows its figures, keeps them where SWEEP_RESULTS says, and judges them."""

    def take(tally, **about):
        record_figure(f"{', '.join(about.values())}", tally.text())
        folder = os.environ.get("SWEEP_RESULTS")
        if folder:
            name = "-".join(about.values()).replace(" ", "-")
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / f"{name}.json").write_text(json.dumps({**about, **asdict(tally)}))
        assert tally.faults, "no operation was reached"
        assert tally.wrong == []
        assert tally.lost == 0

    return take
