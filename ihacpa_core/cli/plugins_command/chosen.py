"""What the settings select, by name alone: nothing is imported, so that it can be told whatever is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ihacpa_core.config.check import SELECTABLE
from ihacpa_core.config.convert import Converter
from ihacpa_core.config.extensions import read_early
from ihacpa_core.config.layers import CONFIG_VARIABLE, read_command_line, read_environment, read_file
from ihacpa_core.config.mistakes import Mistakes
from ihacpa_core.config.model import AUTO, CoreOptions
from ihacpa_core.config.plugin_words import switched_by, with_plugin_words
from ihacpa_core.config.tree import DEFAULT, Items, Leaf, Node, Origin, Table, laid_over
from ihacpa_core.plugins.builtins import BUILTINS
from ihacpa_core.plugins.switches import Switch
from ihacpa_core.plugins.table import PluginTable


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that selects an offer, and where it stands."""

    role: str
    word: str
    by: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the settings select and switch, and whether they hold mistakes."""

    choices: tuple[Choice, ...]
    switches: tuple[Switch, ...]
    mistaken: bool


def read_choices(
    cwd: Path,
    config: Path | None,
    env: Mapping[str, str],
    overrides: Sequence[str],
    words: Sequence[str],
    plugins: PluginTable,
    *,
    auto_progress: Sequence[str],
) -> Chosen:
    """The choices of file, environment and command line; the parameters are those of `load_settings`.

    :raises UsageError: the settings file cannot be read.
    """
    mistakes = Mistakes()
    file = read_file(cwd, config or _named(env), "--config", mistakes)
    typed = read_command_line(overrides, {}, mistakes)
    typed = with_plugin_words([file.tree, read_early(env, plugins), typed], words, cwd)
    tree: Node = Table(DEFAULT)
    # The variables of hook plugins are unknown without an import, and no business of ours.
    for layer in (file.tree, read_environment(env, plugins, Mistakes()), typed):
        tree = laid_over(tree, layer)
    assert isinstance(tree, Table)
    core: CoreOptions = Converter(mistakes, cwd).options(_table(tree, "ihacpa"), CoreOptions, ("ihacpa",))
    base = (file.path.parent if file.path else cwd) / core.config_dir
    choices = tuple(_choices(core, tree, auto_progress))
    return Chosen(choices, tuple(_switches(core, tree, base)), mistaken=mistakes.found)


def _named(env: Mapping[str, str]) -> Path | None:
    return Path(env[CONFIG_VARIABLE]) if env.get(CONFIG_VARIABLE) else None


def _table(tree: Table, *path: str) -> Table:
    node: Node | None = tree
    for key in path:
        node = node.members.get(key) if isinstance(node, Table) else None
    return node if isinstance(node, Table) else Table(DEFAULT)


def _switches(core: CoreOptions, tree: Table, base: Path) -> Iterator[Switch]:
    for word, origin in zip(core.plugins, _origins(tree, ("ihacpa", "plugins"), len(core.plugins)), strict=True):
        yield Switch(word, switched_by(word, origin), base)


def _choices(core: CoreOptions, tree: Table, auto_progress: Sequence[str]) -> Iterator[Choice]:
    for role in SELECTABLE:
        value: Any = getattr(core, role)
        words = (value,) if isinstance(value, str) else value
        for word, origin in zip(words, _origins(tree, ("ihacpa", role), len(words)), strict=True):
            for meant in auto_progress if role == "progress" and word == AUTO else (word,):
                yield Choice(role, meant, str(origin))
    yield from _needed(core.processor, tree)


def _needed(processor: str, tree: Table) -> Iterator[Choice]:
    """What the options of a built-in processor select in turn; those of others say so only when they are loaded."""
    for builtin in BUILTINS:
        if builtin.role != "processor" or builtin.needs is None or processor not in (builtin.name, *builtin.aliases):
            continue
        node = _table(tree, "processor", builtin.name).members.get(builtin.needs.key)
        words = [(str(leaf.value), str(leaf.origin)) for leaf in _leaves(node)] if node is not None else []
        default = f"default of processor {builtin.name}"
        for word, by in words or [(word, default) for word in builtin.needs.words]:
            yield Choice(builtin.needs.role, word, by)


def _leaves(node: Node) -> list[Leaf]:
    if isinstance(node, Items):
        return [item for item in node.items if isinstance(item, Leaf)]
    if isinstance(node, Leaf):
        return [Leaf(word.strip(), node.origin) for word in str(node.value).split(",") if word.strip()]
    return []


def _origins(tree: Table, path: tuple[str, str], count: int) -> list[Origin]:
    """Where each of `count` words comes from; they may stand one by one, or in one text."""
    node = _table(tree, path[0]).members.get(path[1])
    if isinstance(node, Items) and len(node.items) == count:
        return [item.origin for item in node.items]
    return [node.origin if node is not None else DEFAULT] * count
