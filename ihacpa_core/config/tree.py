"""Values with their origins: what the layers are read into, laid over each other as, and converted from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ihacpa_core.config.lines import KeyPath

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Layer(IntEnum):
    """Where a value comes from; a higher layer wins."""

    DEFAULT = 0
    FILE = 1
    ENVIRONMENT = 2
    COMMAND_LINE = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from, as a person finds it: ``ihacpa.toml:14``, ``--strategy``, ``IHACPA_STRATEGY``.

    :param section: what stands before the tables in the file: ``tool.ihacpa.`` in a pyproject.toml.
    """

    layer: Layer
    source: str
    line: int = 0
    section: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source

    @property
    def is_text(self) -> bool:
        """Whether values come as text that may stand for something else, as the environment's do."""
        return self.layer > Layer.FILE


DEFAULT = Origin(Layer.DEFAULT, "default")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value. `text` is what was typed, if it was text that may stand for `value`."""

    value: Any
    origin: Origin
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """An array."""

    items: tuple[Node, ...]
    origin: Origin
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its members by key."""

    origin: Origin
    members: dict[str, Node] = field(default_factory=dict)


Node = Leaf | Items | Table
Locate = Callable[[KeyPath], Origin]


def grow(value: Any, locate: Locate, path: KeyPath = (), text: str | None = None) -> Node:
    """The node of a parsed TOML value that stands at `path`."""
    origin = locate(path)
    if isinstance(value, dict):
        return Table(origin, {key: grow(member, locate, (*path, key)) for key, member in value.items()})
    if isinstance(value, list):
        items = (grow(item, locate, (*path, position)) for position, item in enumerate(value))
        return Items(tuple(items), origin, text)
    return Leaf(value, origin, text)


def nested(path: Iterable[str], node: Node) -> Table:
    """A table in which `node` stands at `path`, which is not empty."""
    for key in reversed(tuple(path)):
        node = Table(node.origin, {key: node})
    assert isinstance(node, Table)
    return node


def laid_over(lower: Node | None, upper: Node) -> Node:
    """`upper` on top of `lower`: tables are united key by key, everything else is replaced."""
    if not isinstance(lower, Table) or not isinstance(upper, Table):
        return upper
    members = dict(lower.members)
    for key, node in upper.members.items():
        members[key] = laid_over(members.get(key), node)
    return Table(lower.origin, members)


def plain(node: Node) -> Any:
    """The value of a node, without origins."""
    match node:
        case Table():
            return {key: plain(member) for key, member in node.members.items()}
        case Items():
            return [plain(item) for item in node.items]
        case Leaf():
            return node.value


def leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf | Items]]:
    """Every value below `node` that is no table, with its path."""
    if isinstance(node, Table):
        for key, member in node.members.items():
            yield from leaves(member, (*path, key))
    else:
        yield path, node


def dotted(path: Iterable[str | int]) -> str:
    """A path as TOML writes it: ``strategy.memory.target``, ``a."b c".d``; positions in arrays as ``[2]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else quoted(part))
    return text


def quoted(text: str) -> str:
    """A text as TOML writes it: as JSON does, but for the delete character, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
