"""A dry run in words."""

from __future__ import annotations

from ihacpa_core.engine.dry_run import DryRun


def render_dry_run(told: DryRun) -> str:
    """What would be done, a line each."""
    copy = "" if told.target == told.workbook else f", written to {told.target}"
    lines = [f"{told.workbook}  sheet {told.sheet!r}{copy}"]
    lines.append(f"  {told.chosen} of {told.records} records, {told.left} to be processed")
    if told.resumes:
        lines.append(f"  goes on with run {told.resumes}: {told.chosen - told.left} are done already")
    if told.columns:
        lines.append(f"  columns that may be written: {' '.join(told.columns)}")
    lines.extend(f"  {role:<10} {word}" for role, word in told.parts.items())
    lines.extend(f"  warning: {warning}" for warning in told.warnings)
    lines.append("nothing was written, nobody was asked")
    return "\n".join(lines) + "\n"
