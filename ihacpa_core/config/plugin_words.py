"""``-p``: words of the command line that go after those of the settings, so that they count more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ihacpa_core.config.tree import DEFAULT, Items, Layer, Leaf, Node, Origin, Table, laid_over, nested
from ihacpa_core.plugins.switches import OFF, is_path

_PATH = ("ihacpa", "plugins")


def with_plugin_words(layers: Sequence[Table], words: Sequence[str], cwd: Path) -> Table:
    """The last of `layers`, in which ``plugins`` holds what the layers say about it and then `words`.

    A relative path in a word that was typed, or that is in the environment, is made absolute: it starts from `cwd`.
    """
    united: Node = Table(DEFAULT)
    for layer in layers:
        core = layer.members.get(_PATH[0])
        if isinstance(core, Table) and _PATH[1] in core.members:
            united = laid_over(united, nested(_PATH, core.members[_PATH[1]]))
    typed = [Leaf(word, Origin(Layer.COMMAND_LINE, f"-p {word}")) for word in words]
    items = [_placed(item, cwd) for item in (*_items(united), *typed)]
    if not any(item.origin.is_text for item in items):
        return layers[-1]
    origin = typed[-1].origin if typed else items[-1].origin
    made = laid_over(layers[-1], nested(_PATH, Items(tuple(items), origin)))
    assert isinstance(made, Table)
    return made


def switched_by(word: str, origin: Origin) -> str:
    """How a message names a word that stands at `origin`: ``-p no:memory``, ``no:memory in ihacpa.toml:3``."""
    return str(origin) if origin.source.startswith("-p ") else f"{word} in {origin}"


def _items(tree: Node) -> Sequence[Node]:
    node: Node = tree
    for key in _PATH:
        if not isinstance(node, Table) or key not in node.members:
            return ()
        node = node.members[key]
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Leaf) and isinstance(node.value, str) and node.origin.is_text:
        return [Leaf(word, node.origin) for word in map(str.strip, node.value.split(",")) if word]
    return (node,)


def _placed(item: Node, cwd: Path) -> Node:
    if not isinstance(item, Leaf) or not item.origin.is_text or not isinstance(item.value, str):
        return item
    off = OFF if item.value.startswith(OFF) else ""
    word = item.value.removeprefix(OFF)
    return Leaf(f"{off}{cwd / Path(word).expanduser()}", item.origin) if is_path(word) else item
