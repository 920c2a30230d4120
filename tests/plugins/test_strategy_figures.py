"""What the strategies promise in figures, measured on real runs."""

from __future__ import annotations

import re
import sys
from statistics import median

import pytest
from figures import record_figure
from heavy_runs import HeavyProject, why_no_cgroup

from ihacpa_core.errors import ExitCode

SLEEPING = """\
import random, time

def sleep(record):
    time.sleep(min(max(random.Random(record.row).lognormvariate(-3.2, 0.4), 0.02), 0.08))
    return {"Total": record["Amount"] * 2}
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")


@pytest.fixture(params=["cgroup", "RLIMIT_AS"])
def heavy(request, tmp_path):
    """A project of 300 rows of 2 to 6 MB under 256 MiB."""
    if request.param == "cgroup" and (why := why_no_cgroup()):
        pytest.skip(why)
    return HeavyProject(tmp_path, request.param)


def test_a_run_of_heavy_rows_stays_within_its_limit(heavy):
    """All rows together take five times what is allowed; in batches as large as memory allows they are done."""
    result = heavy.heavy("--strategy", "memory")

    assert result.survived, result.stderr
    assert "closed by memory" in "".join(path.read_text() for path in heavy.folder.rglob("logs/*.log"))


@pytest.mark.slow
def test_twenty_runs_and_a_mean_batch_of_half_the_best_fixed_one(heavy):
    """No run of 20 is killed, and the mean batch is at least half of the largest fixed size that survives the work."""
    runs = [heavy.heavy("--strategy", "memory") for _ in range(20)]
    best = heavy.largest_fixed_size()

    killed = [run.stderr for run in runs if not run.survived]
    means = [run.mean for run in runs]
    record_figure(
        f"memory strategy, 256 MiB {heavy.how}",
        f"{len(killed)} of {len(runs)} runs out of memory; mean batch {min(means):.1f} to {max(means):.1f},"
        f" largest fixed size that survives {best}",
    )
    assert killed == []
    assert min(means) >= best / 2


@pytest.mark.slow
def test_the_median_batch_of_a_real_run_lasts_the_interval(project):
    """Rows of 20 to 80 ms, four at a time, an interval of a second: the median is within 20 % of it."""
    project.write("work.py", SLEEPING.replace("sleep(record)", "double(record)"))
    project.write_workbook(["Name", "Amount", "Total", "Note"], [[f"item-{n:04}", n] for n in range(1, 1601)])
    project.run("--strategy", "time", "-o", "strategy.time.interval=1s", expect=ExitCode.OK)

    logged = "".join(path.read_text() for path in project.folder.rglob("logs/*.log"))
    lasted = [float(seconds) for seconds in re.findall(r"failed, ([\d.]+) s, closed by time", logged)]
    middle = median(lasted)
    record_figure("time strategy, interval 1 s", f"median of {len(lasted)} batches {middle:.2f} s")
    assert len(lasted) >= 15
    assert middle == pytest.approx(1.0, rel=0.2)
