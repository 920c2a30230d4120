"""What is seen from outside of a run's folder is what goes through `FileOps`, or is SQLite's, or has a reason."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from fault_bench import COMBINATIONS, Bench, Desk, Fault, environment, lines, request_for

NAMES = {
    "create": ("create", "open"),
    "truncate": ("truncate", "open"),
    "write": ("write", "copy"),
    "copy": ("copy",),
    "fsync": ("fsync", "fsync-folder"),
    "rename": ("replace", "exchange"),
    "link": ("link",),
    "unlink": ("unlink",),
    "mkdir": ("mkdir",),
    "attributes": ("attributes",),
}
"""What an operation of the system is called by `FileOps`."""

IN_PARTS = {"copy", "attributes"}
"""Effects that are more than one operation."""

NOT_OURS = [
    (r".*/journal\.sqlite(-wal|-shm|-journal)?", None, "SQLite writes its files by itself"),
    (r".*/\.ihacpa/book\.xlsx", {"fsync"}, "SQLite makes the names of its files durable"),
    (r".*/\.ihacpa/book\.xlsx\.lock", {"create", "attributes"}, "filelock makes the file that is locked"),
    (r".*/\.ihacpa", {"mkdir"}, "filelock makes its folder, which is there"),
    (
        r".*/ihacpa-openpyxl-[^/]+/sheet-[^/]+",
        {"create", "write", "truncate", "unlink"},
        "openpyxl fills the file made for it",
    ),
]
"""What happens by itself: which files, which operations (None: any), and why `FileOps` has no part in it."""


def unexplained(seen, told):
    """The operations that were `seen` from outside, and neither `told` of from inside nor allowed, a line each."""
    ours = Counter(told)
    removed = [path for name, path in told if name == "remove-folder"]
    left = Counter(
        (kind, path)
        for kind, path in seen
        if not any(re.fullmatch(where, path) and (kinds is None or kind in kinds) for where, kinds, _ in NOT_OURS)
        and not (kind == "unlink" and any(path == folder or path.startswith(f"{folder}/") for folder in removed))
    )
    return "\n".join(
        f"{count} x {kind} {path}"
        for (kind, path), count in left.items()
        if (1 if kind in IN_PARTS else count) > sum(ours[name, path] for name in NAMES[kind])
    )


@pytest.mark.parametrize("begun", ["fresh", "resumed"])
@pytest.mark.parametrize(("store", "saver"), COMBINATIONS)
def test_every_effect_goes_through_the_one_object(tmp_path, seeing_runner, store, saver, begun):
    """A library below the process sees no operation in the folder that a test could not fail from inside."""
    desk = Desk(tmp_path / "desk", store, saver).lay()
    if begun == "resumed":
        half = Bench(seeing_runner, desk, tmp_path / "scratch").operations["inside"] // 2
        seeing_runner.run(desk, fault=Fault("inside", half))

    ended = seeing_runner.run(desk, note=tmp_path / "note.txt", log=tmp_path / "log.txt")

    seen, told = lines(tmp_path / "log.txt"), lines(tmp_path / "note.txt")
    assert (ended.code, ended.outside, ended.inside) == (0, len(seen), len(told))
    assert {"create", "write", "fsync", "rename", "mkdir", "unlink", "attributes"} <= {kind for kind, _ in seen}
    assert unexplained(seen, told) == ""


# --- strace: another witness, which also sees what goes past the C library --------------------------------------------

CALLS = {
    "create": "open openat creat",
    "write": "write pwrite64 writev pwritev",
    "copy": "copy_file_range sendfile",
    "truncate": "truncate ftruncate fallocate",
    "fsync": "fsync fdatasync",
    "rename": "rename renameat renameat2",
    "link": "link linkat symlink symlinkat",
    "unlink": "unlink unlinkat rmdir",
    "mkdir": "mkdir mkdirat",
    "attributes": "chmod fchmod fchmodat chown fchown lchown fchownat setxattr fsetxattr lsetxattr utimensat",
}
KIND = {call: kind for kind, calls in CALLS.items() for call in calls.split()}
LINE = re.compile(r"\d+ +(?P<call>\w+)\((?P<rest>.*)")
NAMED = re.compile(r'(?:AT_FDCWD(?:<[^>]*>)?|\d+<(?P<open>[^>]*)>)|"(?P<name>(?:[^"\\]|\\.)*)"')


def seen_by_strace(path, root):
    """The (kind, path) pairs of a trace, of what lies below `root`."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        found = LINE.match(line)
        if found is None or found["call"] not in KIND:
            continue
        kind, rest = KIND[found["call"]], found["rest"]
        if kind == "create" and "O_CREAT" not in rest and "O_TRUNC" not in rest:
            continue
        touched = target_of(kind, rest)
        if touched == str(root) or touched.startswith(f"{root}/"):
            yield kind, touched


def target_of(kind, rest):
    """The path that a call changes: the file that it has open, or the last one that it names."""
    if kind in ("write", "fsync", "truncate") or (kind == "copy" and not rest.count("<") > 1):
        found = NAMED.match(rest)
        return (found["open"] or found["name"] or "") if found else ""
    if kind == "copy":
        return [found["open"] or "" for found in NAMED.finditer(rest)][-1]
    names = [(found["open"], found["name"]) for found in NAMED.finditer(rest)]
    folder, touched = "", ""
    for is_open, name in names:
        folder = is_open or folder
        if name is not None:
            touched = name if name.startswith("/") else f"{folder}/{name}"
        if kind == "create" and touched:
            break
    return touched or folder


def test_a_second_witness_sees_the_same(tmp_path):
    """strace, which sees the kernel's calls themselves, finds nothing that the library overlooked."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    desk = Desk(tmp_path / "desk", *COMBINATIONS[0]).lay()
    (tmp_path / "temporary").mkdir()
    request = request_for(desk, note=tmp_path / "note.txt")
    traced = ["-f", "-y", "-qq", "-s", "4096", "-o", str(tmp_path / "trace.txt"), "-e", f"trace={','.join(KIND)}"]
    runner = Path(__file__).with_name("fault_runner.py")

    done = subprocess.run(
        [strace, *traced, sys.executable, str(runner), request], env=environment(tmp_path / "temporary"), check=False
    )

    if not (tmp_path / "note.txt").exists():
        pytest.skip(f"strace may not trace here (exit code {done.returncode})")
    seen = list(seen_by_strace(tmp_path / "trace.txt", desk.sheet))
    assert done.returncode == 0
    assert {"create", "write", "fsync", "rename", "mkdir", "unlink", "attributes"} <= {kind for kind, _ in seen}
    assert unexplained(seen, lines(tmp_path / "note.txt")) == ""
