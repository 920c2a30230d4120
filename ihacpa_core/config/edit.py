"""Changing one value in a person's settings file: everything else in it stays as it is, byte for byte.

A key that is there is replaced by tomlkit, which keeps comments and layout. A new key or table is put in as a line of
text, since tomlkit would put it behind comments that belong to the next table. Either way the result is read by
`tomllib` and compared with what it should say, before anybody gets to see it.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ihacpa_core.config.lines import KeyPath, key_lines
from ihacpa_core.config.show import literal
from ihacpa_core.config.tree import dotted
from ihacpa_core.errors import UsageError
from ihacpa_core.fileops import FileOps

_MARK = "\ufeff"

Keys = tuple[str, ...]


def with_value(text: str, path: Keys, value: Any, *, section: Keys = ()) -> str:
    """`text`, which is valid TOML, with `value` at `path`; tables that are missing are made.

    :param section: what stands before every table in this file: ``("tool", "ihacpa")``.
    :raises UsageError: the file is written in a way that cannot be changed without loss.
    """
    mark = _MARK if text.startswith(_MARK) else ""
    bare = text.removeprefix(_MARK)
    windows = "\r\n" in bare and "\n" not in bare.replace("\r\n", "")
    if windows:
        bare = bare.replace("\r\n", "\n")
    edited = _edited(bare, (*section, *path), value, len(section))
    return mark + (edited.replace("\n", "\r\n") if windows else edited)


def write_settings_file(path: Path, text: str, ops: FileOps) -> None:
    """Put `text` into the file `path` in one step. Its mode stays; a new file is for those who may read its folder.

    :raises UsageError: it cannot be written; it is as it was.
    """
    target = path.resolve()
    try:
        mode = (target.stat().st_mode & 0o777) if target.exists() else (target.parent.stat().st_mode & 0o666)
        ops.write_atomic(target, text.encode("utf-8"), mode=mode | 0o600)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written, and is as it was",
            why=error.strerror or str(error),
            hint=f"make sure that you may write to {target.parent}",
        ) from error


def _edited(text: str, path: Keys, value: Any, depth: int) -> str:
    wanted = _changed(tomllib.loads(text), path, value)
    before = _comments(text, path)
    ways: Sequence[Callable[[], str]] = (
        lambda: _with_line(text, path, value, depth),
        lambda: _with_tomlkit(text, path, value),
    )
    for way in ways:
        edited = _tried(way)
        if edited and tomllib.loads(edited) == wanted and _comments(edited, path) == before:
            return edited
    raise UsageError(
        f"{dotted(path)} cannot be set without changing more than that",
        why="the file writes its tables in a way that is not known here",
        hint=f"write it by hand: {dotted(path)} = {literal(value)}",
    )


def _tried(way: Callable[[], str]) -> str:
    """What a way of editing makes of the text; empty if it cannot do it, or makes no TOML of it."""
    try:
        edited = way()
        tomllib.loads(edited)
    except Exception:  # noqa: BLE001  tomlkit raises many kinds on what it cannot do; the next way is tried
        return ""
    return edited


def _changed(tables: dict[str, Any], path: Keys, value: Any) -> dict[str, Any]:
    """:raises UsageError: a key of `path` is no table."""
    made = copy.deepcopy(tables)
    place = made
    for depth, key in enumerate(path[:-1], 1):
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise UsageError(f"{dotted(path[:depth])} is no table", hint="mend it by hand first")
    place[path[-1]] = value
    return made


def _comments(text: str, path: Keys) -> list[str]:
    """Every comment, but for those in the value at `path`. A ``#`` in a string counts as one, and stays as well."""
    lines = text.splitlines()
    first = key_lines(text).get(path, 0)
    last = _end_of_value(lines, first, len(lines) + 1) if first else 0
    others = (line for number, line in enumerate(lines, 1) if not first <= number <= last)
    return [line.partition("#")[2] for line in others if "#" in line]


# --- a new line -------------------------------------------------------------------------------------------------------


def _with_line(text: str, path: Keys, value: Any, depth: int) -> str:
    """`text` with one more line, or with a table of one line more.

    :raises LookupError: the key is there already.
    """
    lines = text.splitlines()
    places = key_lines(text)
    if path in places:
        raise LookupError(path)
    table, key = path[:-1], path[-1]
    line = f"{dotted((key,))} = {literal(value)}"
    if _is_header(lines, places, table):
        at = _place_of(lines, places, table, key)
        return _joined([*lines[:at], _indent(lines, places, table) + line, *lines[at:]])
    header = f"[{dotted(table)}]"
    nearest = _nearest_table(lines, places, table, depth)
    if nearest is None:
        return _joined([*_without_blank_end(lines), *([""] if "".join(lines).strip() else []), header, line])
    at = _end_of(lines, places, nearest)
    return _joined([*lines[:at], "", header, line, *lines[at:]])


def _is_header(lines: Sequence[str], places: dict[KeyPath, int], table: KeyPath) -> bool:
    """Whether the table has a header line of its own: not every table has, ``[a.b]`` makes ``a`` as well."""
    number = places.get(table)
    if number is None:
        return False
    try:
        return tomllib.loads(lines[number - 1]) == _changed({}, tuple(map(str, table)), {})
    except tomllib.TOMLDecodeError:
        return False


def _place_of(lines: Sequence[str], places: dict[KeyPath, int], table: KeyPath, key: str) -> int:
    """How many lines come before a new key: up to where it stands commented out, else up to the table's last key."""
    start, limit = places[table], _limit_of(lines, places, table)
    commented = re.compile(rf"\s*#\s*{re.escape(dotted((key,)))}\s*=")
    found = [number for number in range(start + 1, limit) if commented.match(lines[number - 1])]
    return found[0] if found else _end_of(lines, places, table)


def _end_of(lines: Sequence[str], places: dict[KeyPath, int], table: KeyPath) -> int:
    """How many lines there are up to the end of the last value that stands directly below the table's header."""
    start, limit, size = places[table], _limit_of(lines, places, table), len(table)
    keys = [n for path, n in places.items() if path[:size] == table and len(path) == size + 1 and start < n < limit]
    return _end_of_value(lines, max(keys), limit) if keys else start


def _limit_of(lines: Sequence[str], places: dict[KeyPath, int], table: KeyPath) -> int:
    """The line of the next header after that of `table`, or the line after the last."""
    after = [number for number in places.values() if number > places[table]]
    headers = [number for number in after if lines[number - 1].lstrip().startswith("[") and _opens_table(lines, number)]
    return min(headers, default=len(lines) + 1)


def _opens_table(lines: Sequence[str], number: int) -> bool:
    try:
        tomllib.loads(lines[number - 1])
    except tomllib.TOMLDecodeError:
        return False  # a line of an array
    return True


def _end_of_value(lines: Sequence[str], number: int, limit: int) -> int:
    """The line on which the value that begins on a line ends: the first with which it is whole."""
    for end in range(number, limit):
        try:
            tomllib.loads("\n".join(lines[number - 1 : end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return limit - 1


def _indent(lines: Sequence[str], places: dict[KeyPath, int], table: KeyPath) -> str:
    header = lines[places[table] - 1]
    return header[: len(header) - len(header.lstrip())]


def _nearest_table(lines: Sequence[str], places: dict[KeyPath, int], table: KeyPath, depth: int) -> KeyPath | None:
    """The last table that has its first keys in common with `table`, the most of them; at least one beyond `depth`."""
    best: tuple[int, int, KeyPath] | None = None
    for path, number in places.items():
        common = _common(path, table)
        if common > depth and _is_header(lines, places, path) and (best is None or (common, number) > best[:2]):
            best = (common, number, path)
    if best is not None or not depth:
        return best[2] if best else None
    return _nearest_table(lines, places, table, depth - 1)


def _common(one: KeyPath, other: KeyPath) -> int:
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same


def _without_blank_end(lines: Sequence[str]) -> list[str]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


# --- a new value ------------------------------------------------------------------------------------------------------


def _with_tomlkit(text: str, path: Keys, value: Any) -> str:
    import tomlkit  # 30 ms, and only this command needs it

    document = tomlkit.parse(text)
    place: Any = document
    for key in path[:-1]:
        if key not in place:
            place[key] = tomlkit.table()
        place = place[key]
    place[path[-1]] = value
    return tomlkit.dumps(document)
