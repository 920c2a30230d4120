"""What only looks makes no write operation: seen from inside, from the folder, and from the kernel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from ihacpa_core.engine.checkpoint_book import read_checkpoints
from ihacpa_core.engine.job import rehearse
from ihacpa_core.engine.overview import overview
from ihacpa_core.engine.request import RunRequest
from ihacpa_core.engine.restore import candidates
from ihacpa_core.engine.runs import list_runs, reading, run_details
from ihacpa_core.errors import ExitCode
from ihacpa_core.fileops import FileOps
from ihacpa_core.testing.project import Project

LOOKS = [
    ["status"],
    ["status", "--json"],
    ["runs", "list"],
    ["runs", "show"],
    ["checkpoints", "list"],
    ["checkpoints", "show", "20"],
    ["checkpoints", "verify"],
    ["checkpoints", "export", "--all"],
    ["checkpoints", "prune", "--all"],
    ["restore", "--list"],
    ["restore"],
    ["--dry-run"],
]
IDS = ["-".join(words).replace("--", "") for words in LOOKS]


def picture(folder):
    """Every file and folder with what a write operation would change: inode, times, mode, size, content."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        about = path.lstat()
        digest = sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_mode, about.st_size, digest)
    return found


@pytest.fixture(params=["killed", "finished", "damaged", "new"])
def state(request, killed, quick):
    """A project whose run was killed, is finished, whose workbook is damaged, or that has no run yet."""
    if request.param == "finished":
        quick()
        killed.run("-o", "keep_checkpoints=true", expect=ExitCode.INCOMPLETE)
    if request.param == "damaged":
        killed.workbook.write_bytes(killed.workbook.read_bytes()[:2000])
    if request.param == "new":
        shutil.rmtree(killed.folder / ".ihacpa")
    shutil.rmtree(killed.folder / "__pycache__", ignore_errors=True)
    return killed


def test_nothing_in_the_folder_changes(state):
    """After every command that looks, each file and folder has the same inode, times, mode and bytes as before."""
    before = picture(state.folder)

    for words in LOOKS:
        result = state.run(*words)
        assert "Traceback" not in result.stderr
        assert picture(state.folder) == before, words


class NoEffects(FileOps):
    """A file system that lets nothing happen."""

    def effect(self, name, path):
        raise AssertionError(f"{name} {path}")


def test_no_effect_is_asked_for(killed, plan_of):
    """With a file system that refuses every effect, everything can still be looked at."""
    plan = plan_of(killed, NoEffects())
    found = overview(plan)
    with reading(plan, print) as store:
        runs = list_runs(store)
        details = run_details(store, runs[0].run_id)
        book = read_checkpoints(store, plan.folder.backups, datetime.now(UTC), journal=True)
    told = rehearse(RunRequest(cwd=killed.folder, files=NoEffects()))

    assert found.run == details.line == runs[0]
    assert not book.damaged
    assert len(candidates(plan, print)) == 4
    assert told.left == 7


CHANGING = (
    "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,"
    "truncate,ftruncate,fallocate,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,utimensat,mknod,mknodat,"
    "write,pwrite64,writev,pwritev,copy_file_range,sendfile,fsetxattr,setxattr"
)
STRACE = shutil.which("strace")


def traces():
    """Whether a process can be traced here."""
    return bool(STRACE) and subprocess.run([STRACE, "-qq", "-o", "/dev/null", "true"], check=False).returncode == 0


def write_operations(project: Project, words, trace):
    """The system calls of `ihacpa WORDS` that change something below the project's folder."""
    command = [STRACE, "-f", "-qq", "-y", "-s", "0", "-o", str(trace), "-e", f"trace={CHANGING}", sys.executable]
    subprocess.run([*command, "-m", "ihacpa_core", *words], cwd=project.folder, capture_output=True, check=False)
    place, found = re.escape(str(project.folder)), []
    lines = trace.read_text().splitlines()
    for line in lines:
        if re.search(r"\bopen(at)?\(", line) and not re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", line):
            continue
        if re.search(place, line):
            found.append(line)
    assert lines
    return found


@pytest.mark.skipif(not traces(), reason="no strace, or no right to trace")
@pytest.mark.parametrize("words", LOOKS, ids=IDS)
def test_the_kernel_sees_no_write_operation(killed, tmp_path, words):
    """A tracer outside counts 0 system calls that would change something in the folder."""
    assert write_operations(killed, words, tmp_path / "trace") == []


@pytest.mark.skipif(not traces(), reason="no strace, or no right to trace")
def test_the_tracer_sees_write_operations(killed, tmp_path):
    """The same tracer does see those of a command that removes."""
    found = write_operations(killed, ["checkpoints", "prune", "--all", "--yes"], tmp_path / "trace")

    assert any("journal.sqlite" in line for line in found)
