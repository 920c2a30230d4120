"""The text of a new settings file: what was found stands there, every other key is commented out with its default.

Made from the same declarations that check the file, so that it cannot say anything else than they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from ihacpa_core.config.catalogue import OptionsTable
from ihacpa_core.config.convert import OptionField, fields_of
from ihacpa_core.config.describe import choices_of, expected, stripped
from ihacpa_core.config.show import literal
from ihacpa_core.config.tree import dotted
from ihacpa_core.plugins.builtins import ROLES

HOW = (
    'A line such as `# key = value` shows a default: take "# " away to change it. Lines with ## explain.',
    "Options of what is not selected are kept, and do not count.",
    "`ihacpa config check` looks for mistakes, `ihacpa config show` prints what holds and where it comes from.",
    "`ihacpa config schema > ihacpa.schema.json` lets editors complete and check this file, with a first line:",
    "`#:schema ./ihacpa.schema.json`",
)
_WIDTH = 120
_COLUMN = 44

Chosen = Mapping[tuple[str, ...], Any]


def settings_text(tables: Iterable[OptionsTable], chosen: Chosen, head: Sequence[str]) -> str:
    """The text of a settings file.

    :param chosen: the values that are set, by their path; the other keys are commented out.
    :param head: the first lines, without their marks.
    """
    lines = [f"# {line}".rstrip() for line in (*head, *HOW)]
    for first, members in groupby(tables, key=lambda table: table.path[0]):
        if first in ROLES:
            lines += ["", *_banner(first)]
        for table in members:
            lines += ["", *_table(table, chosen)]
    return "\n".join(lines) + "\n"


def _banner(role: str) -> list[str]:
    rule = f"# --- {role} "
    return [rule + "-" * (_WIDTH - len(rule))]


def _table(table: OptionsTable, chosen: Chosen) -> Iterator[str]:
    # What is not always installed is commented out as a whole: uninstalling it must not make its table a mistake.
    mark = "" if table.builtin or any(path[: len(table.path)] == table.path for path in chosen) else "# "
    about = f"  # {table.summary}" if table.summary else ""
    yield f"{mark}[{dotted(table.path)}]{about}"
    defaults = _defaults(table.options)
    for field in fields_of(table.options):
        yield from _key(field, (*table.path, field.key), defaults, chosen)


def _defaults(options: type) -> Any:
    """An object with the defaults; None if there is an option without one."""
    if any(field.required for field in fields_of(options)):
        return None
    return options()


def _key(field: OptionField, path: tuple[str, ...], defaults: Any, chosen: Chosen) -> Iterator[str]:
    value = chosen.get(path, getattr(defaults, field.name, None))
    mark = "" if path in chosen else "# "
    told = "" if value is None else literal(msgspec.to_builtins(value))
    line = f"{mark}{dotted((field.key,))} = {told}".rstrip()
    about = _about(field, has_value=value is not None)
    if len(line) > _COLUMN or _COLUMN + 2 + len(about) > _WIDTH:
        yield from _wrapped(about)
        yield line
    else:
        yield f"{line:<{_COLUMN}}# {about}" if about else line


def _about(field: OptionField, *, has_value: bool) -> str:
    parts = [next((meta.description for meta in reversed(stripped(field.type)[1]) if meta.description), "")]
    wanted = expected(field.type)
    if choices_of(field.type) or wanted.startswith(("a whole number ", "a number ")):
        parts.append(wanted)
    if field.secret:
        parts.append("env:NAME or file:PATH")
    if not has_value:
        parts.append("must be given" if field.required else "not set")
    return "; ".join(part for part in parts if part)


def _wrapped(text: str) -> Iterator[str]:
    line = "##"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = "##"
        line += f" {word}"
    if line != "##":
        yield line
