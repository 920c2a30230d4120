"""``ihacpa plugins``: what can be selected. Reads metadata alone: it works whatever is installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from ihacpa_core.cli.options import CommandParser, formatter
from ihacpa_core.errors import ExitCode
from ihacpa_core.plugins.builtins import BUILTINS, ROLES
from ihacpa_core.plugins.table import PluginTable


def main(argv: Sequence[str]) -> int:
    """List the offers; returns the exit code."""
    parser = CommandParser(
        prog="ihacpa plugins",
        description="List what can be selected, by role; nothing of it is imported.",
        formatter_class=formatter(),
        allow_abbrev=False,
    )
    parser.add_argument("action", nargs="?", choices=("list",), default="list")
    parser.add_argument("--json", action="store_true", help="as JSON")
    args = parser.parse_args(list(argv))
    rows = _rows(PluginTable())
    sys.stdout.write(json.dumps(rows, indent=2) + "\n" if args.json else _text(rows))
    return ExitCode.OK


def _rows(plugins: PluginTable) -> list[dict[str, str]]:
    summaries = {(builtin.role, builtin.name): builtin.summary for builtin in BUILTINS}
    return [
        {
            "role": role,
            "name": entry.name,
            "distribution": entry.distribution,
            "version": entry.version,
            "summary": summaries.get((role, entry.name), ""),
        }
        for role in ROLES
        for entry in plugins.entries_of(role)
    ]


def _text(rows: Sequence[dict[str, str]]) -> str:
    lines = []
    for role in ROLES:
        lines.append(f"{role}:")
        for row in rows:
            if row["role"] == role:
                owner = f"{row['distribution']} {row['version']}".strip()
                lines.append(f"  {row['name']:<16} {owner:<16} {row['summary']}".rstrip())
    return "\n".join(lines) + "\n"
