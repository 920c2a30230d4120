"""An environment in which distributions are installed as wheels, and what a test does there."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ihacpa_core.testing.project import Project

ROOT = Path(__file__).parents[2]
ACME = ROOT / "examples" / "ihacpa-acme"


@dataclass(frozen=True, slots=True)
class Site:
    """The environment in `folder`; nothing of this checkout is to be seen there."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        return next((self.folder / "lib").glob("python3.*")) / "site-packages"

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment."""
        program = str(self.folder / "bin" / command[0])
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "IHACPA_", "PYTEST"))
        }
        return subprocess.run([program, *command[1:]], cwd=cwd, env=kept, capture_output=True, text=True, check=False)


class InstalledProject(Project):
    """A folder in which the test runs the command ``ihacpa`` of another environment."""

    def __init__(self, folder: Path, site: Site) -> None:
        super().__init__(folder)
        self._site = site

    def _command(self, args):
        return [str(self._site.folder / "bin" / "ihacpa"), *args]

    def _environment(self):
        return {name: value for name, value in super()._environment().items() if not name.startswith("PYTHON")}
