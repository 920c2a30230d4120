"""What a run would do, told without doing any of it: no file is written, nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ihacpa_core.engine.beginning import Beginning, begin
from ihacpa_core.engine.preparation import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """A run that was looked at and not started.

    :param records: in the sheet; `chosen` of them are in the run, `left` of those are to be processed.
    :param resumes: the id of the unfinished run that would go on, or empty.
    :param columns: the letters that may be written; empty if the processor does not say.
    :param warnings: what the run would warn of.
    """

    workbook: Path
    target: Path
    sheet: str
    records: int
    chosen: int
    left: int
    resumes: str
    columns: tuple[str, ...]
    parts: dict[str, str]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "workbook": str(self.workbook),
            "target": str(self.target),
            "sheet": self.sheet,
            "records": self.records,
            "chosen": self.chosen,
            "left": self.left,
            "resumes": self.resumes,
            "columns": list(self.columns),
            "parts": self.parts,
            "warnings": list(self.warnings),
        }


def look(plan: Plan) -> DryRun:
    """Look at what `plan` would do.

    :raises IhacpaError: what the run itself would raise before its first record.
    """
    warnings: list[str] = []
    store = plan.build("checkpoint", warnings.append, read_only=True)
    try:
        beginning = begin(plan, store, warnings.append, read_only=True)
    finally:
        store.close()
    return _told(beginning, tuple(warnings))


def _told(beginning: Beginning, warnings: tuple[str, ...]) -> DryRun:
    plan = beginning.plan
    parts = {
        role: ", ".join(choice.word for choice in plan.settings.selected[role])
        for role in ("strategy", "checkpoint", "save", "progress", "processor", "executor")
    }
    return DryRun(
        workbook=plan.source,
        target=plan.target,
        sheet=beginning.sheet.name,
        records=len(beginning.sheet.records),
        chosen=len(beginning.chosen),
        left=len(beginning.todo),
        resumes=beginning.history.info.run_id if beginning.history else "",
        columns=beginning.results,
        parts=parts,
        warnings=warnings,
    )
