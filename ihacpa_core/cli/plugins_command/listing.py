"""``ihacpa plugins list``: a table by role, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ihacpa_core.cli.plugins_command.survey import HOOKS, Row, State, Survey
from ihacpa_core.plugins.builtins import ROLES


def as_json(survey: Survey) -> str:
    """The rows as a JSON array."""
    return json.dumps([row.to_dict() for row in survey.rows], indent=2, ensure_ascii=False) + "\n"


def as_text(survey: Survey) -> str:
    """The rows by role: state, name, owner, and what there is to say."""
    lines: list[str] = []
    widths = [max(map(len, column)) for column in zip(*(_cells(row) for row in survey.rows), strict=True)][:3]
    for role in (*ROLES, HOOKS):
        lines.append(f"{role}:")
        lines += [_line(row, widths) for row in survey.rows if row.role == role] or ["  none"]
    if survey.missing:
        lines += ["", "selected, and not to be had:", *(f"  {text}" for text in survey.missing)]
    return "\n".join(lines) + "\n"


def _line(row: Row, widths: Sequence[int]) -> str:
    *cells, remarks = _cells(row)
    padded = "  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True))
    return f"  {padded}  {remarks}".rstrip()


def _cells(row: Row) -> tuple[str, str, str, str]:
    entry = row.entry
    names = entry.name + (f" ({', '.join(entry.aliases)})" if entry.aliases else "")
    return row.state.value, names, f"{entry.distribution} {entry.version}".strip(), "; ".join(_remarks(row))


def _remarks(row: Row) -> Iterator[str]:
    if row.why or row.entry.summary:
        yield row.why or row.entry.summary
    if row.by:
        yield f"{'disabled' if row.state is State.DISABLED else 'selected'} by {row.by}"
    if row.note:
        yield row.note


def order_as_json(hook: str, order: Iterable[Any], failures: Iterable[str]) -> str:
    """The calling order of a hook as JSON."""
    rows = [
        {"plugin": entry.plugin_id, "distribution": entry.distribution, "version": entry.version} for entry in order
    ]
    return json.dumps({"hook": hook, "order": rows, "left_out": list(failures)}, indent=2, ensure_ascii=False) + "\n"
