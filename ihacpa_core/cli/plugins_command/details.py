"""``ihacpa plugins info NAME``: everything about a plugin, and what is wrong with one that is broken."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ihacpa_core.cli.plugins_command.survey import Row, State, load
from ihacpa_core.config.convert import fields_of
from ihacpa_core.config.describe import expected, stripped
from ihacpa_core.config.show import literal
from ihacpa_core.errors import PluginError
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.table import PluginTable

_WIDTH = 14


def describe(row: Row, plugins: PluginTable) -> dict[str, Any]:
    """What is known of a plugin, as JSON values; it is imported unless it is switched off or cannot be."""
    told = row.to_dict() | {"options": [], "hooks": [], "file": ""}
    if row.state is State.DISABLED:
        return told
    try:
        offer = load(plugins, row.entry)
    except PluginError as error:
        full = error.told(row.by or "nothing") if isinstance(error, BrokenPlugin) else str(error)
        return told | {"state": State.BROKEN.value, "why": error.why or error.what, "error": full}
    plugin = plugins.load(row.entry)
    told |= {"hooks": plugins.hooks_of(row.entry), "file": _file(plugin)}
    if offer is not None:
        options = [] if offer.options is None else list(_options(offer.options))
        told |= {"summary": offer.summary or row.entry.summary, "aliases": list(offer.aliases), "options": options}
    return told


def as_json(told: Sequence[dict[str, Any]]) -> str:
    """All of it as a JSON array."""
    return json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n"


def as_text(told: Sequence[dict[str, Any]]) -> str:
    """All of it for a person, a block a plugin."""
    return "\n".join("\n".join(_block(one)) + "\n" for one in told)


def _block(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['role']} {told['name']}: {told['summary'] or 'no summary'}"
    if told["state"] == State.BROKEN:
        yield from ("", told.get("error") or f"broken: {told['why']}", "")
    place = f" ({told['location']})" if told["location"] else ""
    rows = {
        "state": told["state"] + _by(told),
        "distribution": f"{told['distribution']} {told['version']}".strip() + place,
        "entry point": f"{told['entry_point']}: {told['name']} = {told['target']}",
        "requires": ", ".join(told["requires"]),
        "aliases": ", ".join(told["aliases"]),
        "module": told["file"],
        "hooks": ", ".join(told["hooks"]),
        "note": told["note"],
    }
    yield from (f"  {name:<{_WIDTH}}{value}" for name, value in rows.items() if value)
    if told["options"]:
        yield from ("", f"  [{told['role']}.{told['name']}]")
        yield from (line for option in told["options"] for line in _option_lines(option))


def _by(told: dict[str, Any]) -> str:
    by = told["disabled_by"] or told["selected_by"]
    return f", by {by}" if by else ""


def _option_lines(option: dict[str, Any]) -> Iterator[str]:
    default = "" if option["default"] is None else f" = {literal(option['default'])}"
    yield f"  {option['key']}{default}"
    yield f"      {option['expected']}{'; secret' if option['secret'] else ''}"
    if option["description"]:
        yield f"      {option['description']}"


def _options(declared: type) -> Iterator[dict[str, Any]]:
    defaults = _defaults(declared)
    for field in fields_of(declared):
        texts = [meta.description for meta in stripped(field.type)[1] if meta.description]
        yield {
            "key": field.key,
            "expected": expected(field.type),
            "default": defaults.get(field.name),
            "description": texts[0] if texts else "",
            "secret": field.secret,
        }


def _defaults(declared: type) -> dict[str, Any]:
    try:
        made = declared()
    except (TypeError, ValueError):  # a field without a default: the offer asks for it to be set
        return {}
    builtin: Any = {field.name: getattr(made, field.name) for field in fields_of(declared)}
    values: dict[str, Any] = msgspec.to_builtins(builtin)
    return values


def _file(plugin: object) -> str:
    module = sys.modules.get(getattr(plugin, "__name__", ""), None) or sys.modules.get(type(plugin).__module__)
    return str(getattr(module, "__file__", "") or "")
