"""A validator for the part of JSON Schema (draft 2020-12) that our schema uses. It knows no other keyword.

Written from the specification, https://json-schema.org/draft/2020-12/json-schema-validation, and sharing nothing with
what makes the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_KINDS: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool}
_ABOUT = {"$schema", "$defs", "title", "description", "default"}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> Iterator[str]:
    """Where `value` breaks `schema`, as ``path: keyword``."""
    for keyword, wanted in schema.items():
        if keyword in _ABOUT:
            continue
        if keyword == "$ref":
            yield from problems(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, at)
        elif keyword == "anyOf":
            if all(list(problems(value, kind, root, at)) for kind in wanted):
                yield f"{at}: anyOf"
        elif keyword in ("properties", "additionalProperties", "required", "items"):
            yield from _inside(keyword, wanted, value, schema, root, at)
        elif not _holds(keyword, wanted, value):
            yield f"{at}: {keyword}"


def _inside(keyword: str, wanted: Any, value: Any, schema: Any, root: Any, at: str) -> Iterator[str]:
    if keyword == "items":
        for position, item in enumerate(value if isinstance(value, list) else ()):
            yield from problems(item, wanted, root, f"{at}[{position}]")
        return
    members = value if isinstance(value, dict) else {}
    if keyword == "required":
        yield from (f"{at}.{key}: required" for key in wanted if key not in members)
        return
    for key, member in members.items():
        if keyword == "properties" and key in wanted:
            yield from problems(member, wanted[key], root, f"{at}.{key}")
        if keyword == "additionalProperties" and key not in schema.get("properties", {}):
            if wanted is False:
                yield f"{at}.{key}: unknown"
            elif wanted is not True:
                yield from problems(member, wanted, root, f"{at}.{key}")


def _holds(keyword: str, wanted: Any, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match keyword:
        case "type" if wanted in ("integer", "number"):
            return number and (wanted == "number" or float(value).is_integer())
        case "type":
            return isinstance(value, _KINDS[wanted])
        case "enum":
            return value in wanted
        case "pattern":
            return not isinstance(value, str) or re.search(wanted, value) is not None
        case "minimum":
            return not number or value >= wanted
        case "maximum":
            return not number or value <= wanted
        case "minLength":
            return not isinstance(value, str) or len(value) >= wanted
        case "maxLength":
            return not isinstance(value, str) or len(value) <= wanted
    raise AssertionError(f"the validator knows no keyword {keyword!r}")
