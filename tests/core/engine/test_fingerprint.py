"""A fingerprint is of bytes that were read: what cannot be read has none, and equals nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ihacpa_core.engine.fingerprint import fingerprint


def test_equal_bytes_have_equal_fingerprints(tmp_path):
    """The content counts: neither name nor time nor folder."""
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    (tmp_path / "b").write_bytes(b"x" * 3_000_000)
    (tmp_path / "c").write_bytes(b"x" * 2_999_999 + b"y")

    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "c")
    assert fingerprint(tmp_path / "a").size == 3_000_000


def test_two_files_that_cannot_be_read_are_not_the_same(tmp_path):
    """A missing file, and a folder, raise: no empty answer that would equal another empty answer."""
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(OSError):
            fingerprint(path)


WITHOUT = """
import importlib, pkgutil, sys
for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules[name] = None
import ihacpa_core
skipped = ("testing", "__main__")
for module in pkgutil.walk_packages(ihacpa_core.__path__, "ihacpa_core."):
    if module.name.split(".")[1] not in skipped:
        importlib.import_module(module.name)
from ihacpa_core.engine.lock import WorkbookLock
from ihacpa_core.engine.saver import AtomicSaver
"""


def test_nothing_needs_what_only_one_system_has(tmp_path):
    """The core is imported whole where there is no fcntl, resource or termios, as on Windows."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr[-1500:]
