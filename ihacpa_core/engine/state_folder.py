"""Where a workbook's state lies: journal, backups, logs, settings and run.json, in one private folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ihacpa_core.errors import WorkbookError
from ihacpa_core.fileops import FileOps


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The paths of one workbook's state. Nothing is created before `make`."""

    path: Path

    @property
    def backups(self) -> Path:
        return self.path / "backups"

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    def settings_toml(self, run_id: str) -> Path:
        return self.path / "runs" / run_id / "settings.toml"

    def log(self, run_id: str) -> Path:
        return self.path / "logs" / f"{run_id}.log"

    def make(self, ops: FileOps, run_id: str) -> None:
        """Create the folders that are missing, readable by the owner alone; sweep what dead runs left half written.

        :raises WorkbookError: they cannot be created.
        """
        try:
            for folder in (self.path.parent, self.path, self.backups, self.log(run_id).parent):
                ops.make_folder(folder)
            ops.make_folder(self.path / "runs")
            ops.make_folder(self.settings_toml(run_id).parent)
        except OSError as error:
            raise WorkbookError(
                f"the state folder {self.path} cannot be created",
                why=str(error),
                hint="make the folder writable, or name another: -o state_dir=/some/folder",
            ) from error
        for written in (self.run_json, *(folder / "settings.toml" for folder in (self.path / "runs").iterdir())):
            ops.sweep_temporaries(written)


def state_folder(target: Path, state_dir: str) -> StateFolder:
    """The state folder of the workbook `target` (its real path).

    `state_dir` starts from the workbook's folder. There the file's name is enough, and the state moves with the folder;
    in a folder shared by workbooks from elsewhere, the real path tells two of the same name apart.
    """
    shared = Path(state_dir).expanduser()
    base = target.parent / shared
    if not shared.is_absolute():
        return StateFolder(base / target.name)
    mark = hashlib.sha256(str(target).encode()).hexdigest()[:8]
    return StateFolder(base / f"{target.name}-{mark}")
