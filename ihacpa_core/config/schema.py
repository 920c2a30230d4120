"""The JSON Schema of a settings file, for editors: ``#:schema ihacpa.schema.json`` on its first line.

It says what the checker says, as far as JSON Schema (draft 2020-12) can: every table of every installed plugin, types,
ranges, words. What only code can tell, such as two keys that do not go together, is left to ``ihacpa config check``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ihacpa_core.config.catalogue import Catalogue, OptionsTable
from ihacpa_core.config.check import SELECTABLE
from ihacpa_core.config.model import AUTO
from ihacpa_core.plugins.builtins import ROLES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{name}"


def settings_schema(found: Catalogue, words: Callable[[str], Sequence[str]]) -> dict[str, Any]:
    """The schema of a whole settings file. Tables that JSON Schema cannot describe are moved to `found.left_out`.

    :param words: the words that select an offer of a role.
    """
    tables = [table for table in found.tables if _can_be_described(table, found)]
    references, definitions = msgspec.json.schema_components([table.options for table in tables], ref_template=_REF)
    properties: dict[str, Any] = {}
    for table, reference in zip(tables, references, strict=True):
        _place(properties, table, dict(reference))
    for role in ROLES:
        members = properties.setdefault(role, _role_table(role))["properties"]
        for word in words(role):  # without options, or left out: anything may stand there
            members.setdefault(word, {"type": "object"})
    defs = {name: _as_read(definition) for name, definition in definitions.items()}
    for reference, table in zip(references, tables, strict=True):
        if table.path == ("ihacpa",):
            _name_words(defs[reference["$ref"].rpartition("/")[2]]["properties"], words)
    return {
        "$schema": DIALECT,
        "title": "ihacpa.toml",
        "description": "The settings of ihacpa, with the tables of the plugins that are installed here.",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": defs,
    }


def _can_be_described(table: OptionsTable, found: Catalogue) -> bool:
    try:
        msgspec.json.schema_components([table.options])
    except Exception as error:  # noqa: BLE001  a declaration of others: msgspec raises what its annotations make of it
        found.left_out.append(f"[{'.'.join(table.path)}] cannot be described: {error}; left out")
        return False
    return True


def _place(properties: dict[str, Any], table: OptionsTable, reference: dict[str, Any]) -> None:
    if len(table.path) == 1:
        properties[table.path[0]] = reference
        return
    role, name = table.path
    members = properties.setdefault(role, _role_table(role))["properties"]
    described = reference | ({"description": table.summary} if table.summary else {})
    for word in (name, *table.aliases):
        members.setdefault(word, described)


def _role_table(role: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"options of each {role}: [{role}.NAME]",
        "properties": {},
        "additionalProperties": False,
    }


def _name_words(keys: dict[str, Any], words: Callable[[str], Sequence[str]]) -> None:
    """Let the keys that select an offer name those that there are; a word with a colon may be any."""
    for role in SELECTABLE:
        known = [*words(role), *([AUTO] if role == "progress" else [])]
        one = {"anyOf": [{"enum": known}, {"type": "string", "pattern": ":"}]}
        key = keys[role]
        kind = {key_: value for key_, value in key.items() if key_ in ("description", "default")}
        several = "anyOf" in key
        keys[role] = kind | ({"anyOf": [one, {"type": "array", "items": one}]} if several else one)


def _as_read(schema: Any) -> Any:
    """A schema by msgspec as the settings are read: no null, no unknown keys, and a word where a list may stand."""
    if isinstance(schema, list):
        return [_as_read(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {key: value if key in ("default", "enum") else _as_read(value) for key, value in schema.items()}
    if made.get("default", ...) is None:
        del made["default"]
    if "properties" in made and made.get("type") == "object":
        made["additionalProperties"] = False
    if isinstance(made.get("anyOf"), list):
        made["anyOf"] = [kind for kind in made["anyOf"] if kind != {"type": "null"}]
    return _or_one_word(made) if made.get("type") == "array" else made


def _or_one_word(array: dict[str, Any]) -> dict[str, Any]:
    """``progress = "json"`` is read as a list of one."""
    about = {key: array.pop(key) for key in ("description", "default", "title") if key in array}
    item = array.get("items")
    if array.get("minItems", 0) > 1 or not isinstance(item, dict) or item.get("type", "string") != "string":
        return about | array
    return about | {"anyOf": [item, array]}
