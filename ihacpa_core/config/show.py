"""The settings as a person reads them: every value with where it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from itertools import groupby
from typing import Any

from ihacpa_core.config.settings import Settings
from ihacpa_core.config.tree import Origin, dotted, quoted
from ihacpa_core.plugins.builtins import ROLES

HIDDEN = "(secret)"
_NOT_SELECTED = "not selected, not checked"

_SECRET_KEY = re.compile(r"token|secret|passw|credential|key", re.IGNORECASE)

_Row = tuple[tuple[str, ...], Any, Origin]
_Line = tuple[tuple[str, ...], Any, str]


def render(settings: Settings) -> list[tuple[str, Any, Origin]]:
    """Every value as (dotted key, value, origin): the core's, the selected offers', then those that are not in use.

    Secrets are replaced by `HIDDEN`.
    """
    return [(dotted(path), value, origin) for path, value, origin in (*_used(settings), *_unused(settings))]


def render_toml(settings: Settings) -> str:
    """The settings as TOML text, each line with its origin as a comment; what is not in use is commented out."""
    lines = [(path, value, str(origin)) for path, value, origin in _used(settings)]
    unused = [(path, value, f"{origin}, {_NOT_SELECTED}") for path, value, origin in _unused(settings)]
    blocks = [*_blocks(lines, ""), *_blocks(unused, "# ")]
    return "\n\n".join(blocks) + "\n"


def literal(value: Any) -> str:
    """A value on one line, as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return "{" + ", ".join(f"{dotted((key,))} = {literal(member)}" for key, member in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(literal(item) for item in value) + "]"
        case _:
            return str(value)


def _used(settings: Settings) -> Iterator[_Row]:
    for path, value, secret in settings.rows():
        yield path, _hidden(value) if secret else value, settings.origin(path)


def _unused(settings: Settings) -> Iterator[_Row]:
    # Only a loaded offer says which of its values are secret; of the others, the key has to do.
    for path, value, origin in settings.unselected:
        yield path, _hidden(value) if _SECRET_KEY.search(path[-1]) else value, origin


def _hidden(value: Any) -> Any:
    """A secret's place is no secret."""
    return value if isinstance(value, str) and value.startswith(("env:", "file:")) else HIDDEN if value else ""


def _blocks(lines: Iterable[_Line], mark: str) -> Iterator[str]:
    for table, members in groupby(lines, key=lambda line: line[0][: 2 if line[0][0] in ROLES else 1]):
        rows = [(f"{dotted(path[len(table) :])} = {literal(value)}", origin) for path, value, origin in members]
        width = min(max(len(text) for text, _ in rows), 60)
        body = "\n".join(f"{mark}{text:<{width}}  # {origin}" for text, origin in rows)
        yield f"{mark}[{dotted(table)}]\n{body}"
