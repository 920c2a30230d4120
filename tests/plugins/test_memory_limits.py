from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from figures import record_figure
from ihacpa_plugins.strategy._cgroups import limited_cgroups
from ihacpa_plugins.strategy._limits import MemorySensor, Use, address_space_limit

MB = 1_000_000
KIB = 1024
V1_NONE = "9223372036854771712\n"
MEMINFO = (
    "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\nHugePages_Total:       0\n"
)
V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
OTHER_MOUNT = "33 31 0:30 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


class Machine:
    """A folder that looks like / to a process, with the files of /proc and /sys that a test writes."""

    def __init__(self, root):
        self.root = root
        self.write("proc/meminfo", MEMINFO)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def is_in(self, lines, mounts):
        self.write("proc/self/cgroup", lines)
        self.write("proc/self/mountinfo", mounts)

    def v2(self, folder, limit, usage=0, inactive=0):
        self.write(f"{folder}/memory.max", f"{limit}\n")
        self.write(f"{folder}/memory.current", f"{usage}\n")
        self.write(f"{folder}/memory.stat", f"anon 12\nfile 7\ninactive_file {inactive}\n")

    def v1(self, folder, limit, usage=0, inactive=0):
        self.write(f"{folder}/memory.limit_in_bytes", f"{limit}\n")
        self.write(f"{folder}/memory.usage_in_bytes", f"{usage}\n")
        self.write(f"{folder}/memory.stat", f"cache 1\ninactive_file 99\ntotal_inactive_file {inactive}\n")

    def found(self):
        return [(str(group.folder.relative_to(self.root)), group.limit) for group in limited_cgroups(self.root)]

    def use(self, **options):
        return MemorySensor(root=self.root, **options).look()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


# --- control groups ---------------------------------------------------------------------------------------------------


def test_version_2(machine):
    """The process's own group, measured without the file cache that it would give up."""
    machine.is_in("0::/app.slice/run.scope\n", V2_MOUNT)
    machine.v2("sys/fs/cgroup/app.slice/run.scope", 256 * MB, usage=100 * MB, inactive=30 * MB)

    assert machine.found() == [("sys/fs/cgroup/app.slice/run.scope", 256 * MB)]
    assert [group.used() for group in limited_cgroups(machine.root)] == [70 * MB]


def test_version_1(machine):
    """Other files, other names: the cache of the groups below counts, too."""
    machine.is_in("4:memory:/batch\n3:cpuset:/\n", OTHER_MOUNT + V1_MOUNT)
    machine.v1("sys/fs/cgroup/memory/batch", 512 * MB, usage=90 * MB, inactive=20 * MB)

    assert machine.found() == [("sys/fs/cgroup/memory/batch", 512 * MB)]
    assert [group.used() for group in limited_cgroups(machine.root)] == [70 * MB]


def test_a_machine_with_both_versions(machine):
    """Memory is version 1's there, and the unified hierarchy has nothing to say about it, or it is the other way."""
    unified = V2_MOUNT.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified ")
    machine.is_in(
        "9:name=systemd:/\n4:cpu,memory:/a\n0::/b\n", V1_MOUNT.replace("rw,memory", "rw,cpu,memory") + unified
    )
    machine.v1("sys/fs/cgroup/memory/a", 300 * MB)
    machine.write("sys/fs/cgroup/unified/b/cgroup.procs", "1\n")

    assert machine.found() == [("sys/fs/cgroup/memory/a", 300 * MB)]

    machine.v2("sys/fs/cgroup/unified/b", 200 * MB)
    assert machine.found() == [("sys/fs/cgroup/memory/a", 300 * MB), ("sys/fs/cgroup/unified/b", 200 * MB)]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_tighter_group_further_up_holds_too(machine, version):
    """A limit of the parent is the process's as well; use is what the parent's other children take, too."""
    base = {"v1": "sys/fs/cgroup/memory", "v2": "sys/fs/cgroup"}[version]
    machine.is_in({"v1": "4:memory:/team/job/step\n", "v2": "0::/team/job/step\n"}[version], V1_MOUNT + V2_MOUNT)
    group = getattr(machine, version)
    group(f"{base}/team/job/step", 800 * MB, usage=100 * MB)
    group(f"{base}/team/job", {"v1": V1_NONE, "v2": "max"}[version], usage=100 * MB)
    group(f"{base}/team", 400 * MB, usage=300 * MB)

    assert machine.found() == [(f"{base}/team/job/step", 800 * MB), (f"{base}/team", 400 * MB)]
    assert machine.use() == Use(300 * MB, 400 * MB, "cgroup")


@pytest.mark.parametrize(("version", "none"), [("v1", V1_NONE), ("v1", "-1"), ("v2", "max"), ("v2", ""), ("v2", "?")])
def test_no_limit_is_none(machine, version, none):
    """ "max", version 1's largest number, and nonsense limit nothing."""
    machine.is_in("4:memory:/x\n0::/x\n", V1_MOUNT + V2_MOUNT)
    getattr(machine, version)({"v1": "sys/fs/cgroup/memory/x", "v2": "sys/fs/cgroup/x"}[version], none)

    assert machine.found() == []
    assert machine.use() == Use(4_000_000 * KIB, 16_000_000 * KIB, "machine")


def test_a_container_that_sees_its_own_group_as_the_root(machine):
    """The process's path counts from the host's root, the mount shows the container's group: that is where to look."""
    mount = V1_MOUNT.replace("0:32 / /sys", "0:32 /docker/4f2a /sys")
    machine.is_in("4:memory:/docker/4f2a\n", mount)
    machine.v1("sys/fs/cgroup/memory", 128 * MB, usage=64 * MB)

    assert machine.found() == [("sys/fs/cgroup/memory", 128 * MB)]


@pytest.mark.parametrize("path", ["/../../elsewhere", "/docker/other"])
def test_a_group_that_cannot_be_seen_from_here(machine, path):
    """The path leads out of what is mounted: the mount itself is all there is."""
    machine.is_in(f"0::{path}\n", V2_MOUNT.replace("0:26 / /sys", "0:26 /docker/mine /sys"))
    machine.v2("sys/fs/cgroup", 128 * MB)

    assert machine.found() == [("sys/fs/cgroup", 128 * MB)]


def test_a_mount_point_with_a_space_in_it(machine):
    """The kernel writes it as \\040."""
    machine.is_in("0::/\n", V2_MOUNT.replace("/sys/fs/cgroup ", "/mnt/my\\040groups "))
    machine.v2("mnt/my groups", 128 * MB)

    assert machine.found() == [("mnt/my groups", 128 * MB)]


@pytest.mark.parametrize(
    ("lines", "mounts"),
    [
        ("", ""),
        ("0::/\n", ""),
        ("", V2_MOUNT),
        ("nonsense\n::\n0:\n", "nonsense - \n - cgroup2\n"),
        ("0::x\n", V2_MOUNT),
    ],
)
def test_nothing_to_read_is_no_limit(machine, lines, mounts):
    """Files that are missing, empty or not understood are a machine without control groups."""
    machine.is_in(lines, mounts)

    assert machine.found() == []


def test_a_group_that_cannot_be_measured_leaves_the_others(machine):
    """Its limit is known and its use is not: the other limits go on counting."""
    machine.is_in("0::/x\n", V2_MOUNT)
    machine.write("sys/fs/cgroup/x/memory.max", f"{100 * MB}\n")
    (machine.root / "sys/fs/cgroup/x/memory.current").mkdir()

    assert machine.found() == [("sys/fs/cgroup/x", 100 * MB)]
    assert machine.use() == Use(4_000_000 * KIB, 16_000_000 * KIB, "machine")


# --- all limits -------------------------------------------------------------------------------------------------------


def test_each_limit_counts_against_its_own_measure(machine):
    """The worst ratio is the one that counts, whichever number is the smallest."""
    machine.is_in("0::/x\n", V2_MOUNT)
    machine.v2("sys/fs/cgroup/x", 1000 * MB, usage=200 * MB)
    machine.write("proc/self/limits", "Limit Soft Hard Units\nMax address space  8000000000  unlimited  bytes\n")
    pages = 6_000_000_000 // os.sysconf("SC_PAGE_SIZE")
    machine.write("proc/self/statm", f"{pages} 10 5 1 0 10 0\n")

    use = machine.use()

    assert use is not None
    assert (use.what, use.limit, round(use.ratio, 3)) == ("RLIMIT_AS", 8_000_000_000, 0.75)
    assert str(use) == "6000 of 8000 MB (RLIMIT_AS)"


def test_an_unlimited_address_space_is_no_limit(machine):
    """As most machines have it."""
    machine.write("proc/self/limits", "Max address space     unlimited         unlimited         bytes     \n")

    assert address_space_limit(machine.root) == 0


def test_limits_that_change_are_seen_at_the_next_look(machine):
    """An administrator gives a container less: the next batch knows."""
    machine.is_in("0::/x\n", V2_MOUNT)
    machine.v2("sys/fs/cgroup/x", 1000 * MB, usage=500 * MB)
    sensor = MemorySensor(root=machine.root)
    sensor.look()
    machine.v2("sys/fs/cgroup/x", 600 * MB, usage=500 * MB)

    assert sensor.measure() == Use(500 * MB, 1000 * MB, "cgroup")
    assert sensor.look() == Use(500 * MB, 600 * MB, "cgroup")


def test_a_configured_limit_counts_what_children_hold():
    """Against a limit of one's own stands what this process and its children have in memory."""
    alone = MemorySensor(cap=1000 * MB)._resident()()
    code = "held = bytearray(100_000_000); print(len(held), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    sensor = MemorySensor(cap=MB)

    use = sensor.look()
    child.communicate(b"\n")
    afterwards = sensor.measure()

    assert use is not None
    assert afterwards is not None
    assert (use.what, use.limit) == ("configured limit", MB)
    assert use.used > alone + 90 * MB
    assert afterwards.used < use.used - 90 * MB


def test_without_proc_the_machine_is_asked_another_way(tmp_path):
    """macOS, Windows: total and available memory of the system's own."""
    use = MemorySensor(root=tmp_path).look()

    assert use is not None
    assert use.what == "machine"
    assert 0 < use.used < use.limit


@on_linux
def test_this_process_can_be_measured():
    """The real files of this machine make sense."""
    use = MemorySensor().look()

    assert use is not None
    assert 0 < use.ratio < 1.5


@on_linux
def test_measuring_is_cheap_enough_for_every_record():
    """Asked after every record, the sensor takes a small part of what making that record durable takes."""
    sensor = MemorySensor()
    sensor.look()
    started = time.process_time()
    for _ in range(1000):
        sensor.measure()
    each = time.process_time() - started  # seconds for 1000, so milliseconds for one

    record_figure("memory strategy, one measurement", f"{each * 1000:.0f} µs")
    assert each < 0.5
