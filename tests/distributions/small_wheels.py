"""Small distributions as wheels, written by hand: a wheel is a zip file with metadata."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class Distribution:
    """A distribution: its entry points as {group: {name: target}}, its modules as {name: source}."""

    name: str
    points: Mapping[str, Mapping[str, str]]
    modules: Mapping[str, str] = field(default_factory=dict)
    version: str = "2.1"
    requires: Sequence[str] = ("ihacpa>=0.1",)

    def files(self) -> dict[str, str]:
        info = f"{self.name.replace('-', '_')}-{self.version}.dist-info"
        needs = "".join(f"Requires-Dist: {text}\n" for text in self.requires)
        groups = [
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in self.points.items()
        ]
        return {
            **{f"{name}.py": dedent(source) for name, source in self.modules.items()},
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
            f"Summary: {self.name} is small\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": "\n".join(groups),
        }


def write_wheel(distribution: Distribution, folder: Path) -> Path:
    """Write the wheel of `distribution` into `folder`."""
    files = distribution.files()
    info = next(name for name in files if name.endswith("METADATA")).partition("/")[0]
    record = "".join(f"{name},{_hash(text)},{len(text.encode())}\n" for name, text in files.items())
    path = folder / f"{distribution.name.replace('-', '_')}-{distribution.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(name, text)
    return path


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def install(distributions: Iterable[Distribution], folder: Path) -> Path:
    """Install them with pip into `folder` / site, which is to be put on the path."""
    wheels = [str(write_wheel(one, folder)) for one in distributions]
    pip_install(*wheels, "--no-compile", target=folder / "site")
    return folder / "site"


def pip_install(*arguments: str, target: Path) -> None:
    """``pip install`` off the network, and nothing but what is named."""
    off = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-build-isolation", "--no-deps")
    command = [sys.executable, "-m", "pip", "install", *off, "--target", str(target), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{done.stdout}{done.stderr}"
