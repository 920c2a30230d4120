"""From layers to settings: everything is looked at, every mistake is collected, nothing outside is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ihacpa_core.config.convert import WRONG, Converter, fields_of
from ihacpa_core.config.describe import found
from ihacpa_core.config.extensions import Extensions, activate, read_early
from ihacpa_core.config.layers import CONFIG_VARIABLE, read_command_line, read_environment, read_file
from ihacpa_core.config.mistakes import Mistakes
from ihacpa_core.config.model import AUTO, TABLES, CoreOptions
from ihacpa_core.config.plugin_words import switched_by, with_plugin_words
from ihacpa_core.config.settings import Selected, Settings
from ihacpa_core.config.tree import DEFAULT, Items, Layer, Leaf, Node, Origin, Table, dotted, laid_over, leaves, plain
from ihacpa_core.errors import PluginError
from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.plugins.names import did_you_mean, nearest
from ihacpa_core.plugins.switches import Switch

if TYPE_CHECKING:
    from ihacpa_core.plugins.discovery import Entry
    from ihacpa_core.plugins.table import Found, PluginTable

SELECTABLE = tuple(role for role in ROLES if role in {field.key for field in fields_of(CoreOptions)})
"""The roles that a key of ``[ihacpa]`` selects; the others are named by options."""

INSTALLED = Origin(DEFAULT.layer, "what is installed")
"""Where a mistake comes from that is none of the settings: a plugin that nothing selects cannot be used."""

ANY_SELECTED = "*"
"""In a flag's key: the selected offer of a role."""


def load_settings(
    cwd: Path,
    config: Path | None,
    env: Mapping[str, str],
    flags: Mapping[str, tuple[Any, str]],
    overrides: Sequence[str],
    plugins: PluginTable,
    *,
    switches: Sequence[str] = (),
    auto_progress: Sequence[str] = ("plain",),
    also: Sequence[tuple[str, str]] = (),
    everything: bool = False,
) -> Settings:
    """The settings for a run in the folder `cwd`, from all layers, checked; loads the plugins that they select.

    :param config: the file that ``--config`` names; else ``IHACPA_CONFIG``, else the nearest one is taken.
    :param env: the environment variables.
    :param flags: key to (value, flag as typed): ``{"strategy": ("size", "--strategy")}``. A value of None counts as not
        given; ``strategy.*.batch_size`` is an option of the selected strategy.
    :param overrides: the ``KEY=VALUE`` of each ``-o``.
    :param switches: the word of each ``-p``: a plugin to switch on, or ``no:`` and one to switch off.
    :param auto_progress: what ``progress = "auto"`` stands for here.
    :param also: offers whose options are wanted whether or not anything selects them, as (role, name).
    :param everything: import every installed offer and check its table, too.
    :raises ConfigError: every mistake in the settings.
    :raises UsageError: the settings file cannot be read.
    """
    mistakes = Mistakes()
    named_by = "--config" if config else CONFIG_VARIABLE
    if config is None and env.get(CONFIG_VARIABLE):
        config = Path(env[CONFIG_VARIABLE])
    file = read_file(cwd, config, named_by, mistakes)
    early, typed = read_early(env, plugins), read_command_line(overrides, flags, mistakes)
    typed = with_plugin_words([file.tree, early, typed], switches, cwd)
    extensions = _extensions([file.tree, early, typed], cwd, file.path, plugins, mistakes)
    layers = [file.tree, read_environment(env, plugins, mistakes, extensions.tables), typed]
    tree: Node = Table(DEFAULT)
    for layer in layers:
        tree = laid_over(tree, _canonical(layer, plugins))
    assert isinstance(tree, Table)
    check = _Check(tree, plugins, mistakes, cwd, file.path, extensions)
    return check.settings(tuple(auto_progress), also, everything=everything)


class _Check:
    """One look over all layers, united in `tree`."""

    def __init__(
        self,
        tree: Table,
        plugins: PluginTable,
        mistakes: Mistakes,
        cwd: Path,
        file: Path | None,
        extensions: Extensions,
    ) -> None:
        self._tree = tree
        self._extensions = extensions
        self._plugins = plugins
        self._mistakes = mistakes
        self._file = file
        self._folder = file.parent if file else cwd
        self._converter = Converter(mistakes, cwd)
        self._selected: dict[str, list[Selected]] = {role: [] for role in ROLES}

    def settings(
        self, auto_progress: tuple[str, ...], also: Sequence[tuple[str, str]], *, everything: bool
    ) -> Settings:
        self._check_tables()
        core = self._converter.options(self._table("ihacpa"), TABLES["ihacpa"], ("ihacpa",))
        sheet = self._converter.options(self._table("sheet"), TABLES["sheet"], ("sheet",))
        config_dir = self._folder / core.config_dir
        self._check_required(core)
        self._enable(core, config_dir)
        for role in SELECTABLE:
            self._select_all(core, role, auto_progress)
        for role, word in also:
            self._select(role, word, DEFAULT, (role, word))
        tables = self._extensions.tables
        extensions = {name: self._converter.options(self._table(name), tables[name], (name,)) for name in tables}
        if everything:
            self._check_unselected()
        self._mistakes.raise_all()
        return Settings(
            core=replace(core, config_dir=str(config_dir)),
            sheet=sheet,
            selected={role: tuple(parts) for role, parts in self._selected.items()},
            origins=self._origins(),
            config_dir=config_dir,
            file=self._file,
            extensions=extensions,
            owners={name: entry.plugin_id for name, entry in self._extensions.owners.items()},
            unselected=self._unselected(),
        )

    # --- tables -------------------------------------------------------------------------------------------------------

    def _check_tables(self) -> None:
        known = [*TABLES, *ROLES, *self._extensions.tables]
        for key, node in self._tree.members.items():
            if key not in known and isinstance(node, Table) and key in self._extensions.quiet:
                continue
            if key not in known:
                self._mistakes.add(node.origin, (key,), *_unknown_top(key, node, known))
            elif not isinstance(node, Table):
                problem = f"expected a table, found {found(plain(node))}"
                self._mistakes.add(node.origin, (key,), problem, _belongs_to_core(key, node))
            elif key in ROLES:
                self._check_role(key, node)

    def _check_role(self, role: str, table: Table) -> None:
        words = self._plugins.words(role)
        for name, node in table.members.items():
            if not isinstance(node, Table):
                problem = f"expected a table [{role}.NAME], found {found(plain(node))}"
                self._mistakes.add(node.origin, (role, name), problem, f"NAME is one of: {', '.join(words)}")
            elif name not in words and not (name == ANY_SELECTED and _is_typed(node)):
                hint = f"{did_you_mean(name, words)} available: {self._plugins.available(role)}".strip()
                self._mistakes.add(node.origin, (role, name), f"unknown {role} '{name}'", hint)

    def _table(self, *path: str) -> Table:
        node: Node | None = self._tree
        for key in path:
            node = node.members.get(key) if isinstance(node, Table) else None
        return node if isinstance(node, Table) else Table(DEFAULT)

    # --- plugins ------------------------------------------------------------------------------------------------------

    def _check_required(self, core: CoreOptions) -> None:
        if not core.require:
            return
        from ihacpa_core.plugins.discovery import unmet

        for text, problem in unmet(core.require):
            origin = self._origin_of_word("require", core.require.index(text))
            self._mistakes.add(origin, ("ihacpa", "require"), problem, f"pip install '{text}'")

    def _enable(self, core: CoreOptions, config_dir: Path) -> None:
        origins = [self._origin_of_word("plugins", position) for position in range(len(core.plugins))]
        switches = [
            Switch(word, switched_by(word, origin), config_dir)
            for word, origin in zip(core.plugins, origins, strict=True)
        ]
        for switch, error in self._plugins.switch(switches):
            self._mistakes.add_error(origins[switches.index(switch)], ("ihacpa", "plugins"), error)

    def _select_all(self, core: CoreOptions, role: str, auto_progress: tuple[str, ...]) -> None:
        value = getattr(core, role)
        words = (value,) if isinstance(value, str) else value
        for position, word in enumerate(words):
            origin = self._origin_of_word(role, position)
            for meant in auto_progress if role == "progress" and word == AUTO else (word,):
                self._select(role, meant, origin, ("ihacpa", role))

    def _select(self, role: str, word: str, origin: Origin, path: tuple[str, ...]) -> None:
        """Load an offer, convert its options, and go on with the offers that these name."""
        try:
            chosen = self._plugins.find(role, word, str(origin))
            name = chosen.entry.name
            if any((one.name, one.argument) == (name, chosen.argument) for one in self._selected[role]):
                return
            table = self._options_table(role, name)
            options = self._options(chosen, table, (role, name))
        except PluginError as error:
            self._mistakes.add_error(origin, path, error)
            self._check_meant(role, word)
            return
        selected = Selected(
            role=role,
            word=word,
            name=name,
            offer=chosen.offer,
            options=options,
            argument=chosen.argument,
            origin=origin,
        )
        self._selected[role].append(selected)
        self._select_needs(selected, chosen, table)

    def _check_meant(self, role: str, word: str) -> None:
        """Look at the table of the offer that a mistyped word means, so that its mistakes are told in the same pass."""
        meant = self._plugins.name_of(role, nearest(word, self._plugins.words(role)))
        if meant and meant != word and self._table(role, meant).members:
            with suppress(PluginError):  # that the guess cannot be loaded is no news of what was asked for
                self._options(self._plugins.find(role, meant), self._table(role, meant), (role, meant))

    def _check_unselected(self) -> None:
        """Load every offer that nothing selects, and look at its table."""
        chosen = {(role, one.name) for role, parts in self._selected.items() for one in parts}
        for role in ROLES:
            for entry in self._plugins.entries_of(role):
                if (role, entry.name) not in chosen:
                    self._check_entry(entry)

    def _check_entry(self, entry: Entry) -> None:
        from ihacpa_core.plugins.table import Found

        path = (entry.role, entry.name)
        try:
            self._options(Found(offer=self._plugins.offer(entry), entry=entry), self._table(*path), path)
        except PluginError as error:
            self._mistakes.add_error(INSTALLED, path, error)

    def _options_table(self, role: str, name: str) -> Table:
        table = self._table(role, name)
        flags = self._table(role).members.get(ANY_SELECTED)
        united = laid_over(table, flags) if flags is not None and _is_typed(flags) else table
        return united if isinstance(united, Table) else table

    def _options(self, chosen: Found, table: Table, path: tuple[str, ...]) -> Any:
        from ihacpa_core.plugins.importing import guarded

        declared = chosen.offer.options
        if declared is None:
            for key, node in table.members.items():
                self._mistakes.add(node.origin, (*path, key), f"unknown key, {path[0]} '{path[1]}' has no options")
            return None
        # The declaration is code of others: an annotation may name what is not there, or limit what has no order.
        failed = "declares options that cannot be read"
        convert = self._converter.options
        return guarded(chosen.entry.label, failed, lambda: convert(table, declared, path), chosen.entry)

    def _select_needs(self, selected: Selected, chosen: Found, table: Table) -> None:
        from ihacpa_core.plugins.importing import guarded

        if selected.options is WRONG:
            return
        label, path = chosen.entry.label, (selected.role, selected.name)
        try:
            needs = guarded(label, "failed in needs()", lambda: list(selected.offer.needs(selected.options)))
        except PluginError as error:
            self._mistakes.add_error(selected.origin, path, error)
            return
        for role, word in needs:
            key, origin = _naming(table, word, selected.origin)
            self._select(role, word, origin, (*path, *key))

    # --- origins ------------------------------------------------------------------------------------------------------

    def _origin_of_word(self, key: str, position: int) -> Origin:
        node = self._table("ihacpa").members.get(key)
        if isinstance(node, Items) and position < len(node.items):
            return node.items[position].origin
        return node.origin if node else DEFAULT

    def _origins(self) -> dict[str, Origin]:
        names = (*TABLES, *self._extensions.tables)
        tables: dict[tuple[str, ...], Table] = {(name,): self._table(name) for name in names}
        chosen = [(role, one.name) for role, parts in self._selected.items() for one in parts]
        tables.update({path: self._options_table(*path) for path in chosen})
        return {dotted(at): leaf.origin for path, table in tables.items() for at, leaf in leaves(table, path)}

    def _unselected(self) -> tuple[tuple[tuple[str, ...], Any, Origin], ...]:
        chosen = {(role, one.name) for role, parts in self._selected.items() for one in parts}
        kept = (*ROLES, *sorted(self._extensions.quiet))
        values = [(path, leaf) for name in kept for path, leaf in leaves(self._table(name), (name,))]
        return tuple(
            (path, plain(leaf), leaf.origin)
            for path, leaf in values
            if path[:2] not in chosen and path[1] != ANY_SELECTED
        )


def _extensions(
    layers: Sequence[Table], cwd: Path, file: Path | None, plugins: PluginTable, mistakes: Mistakes
) -> Extensions:
    try:
        return activate(layers, cwd, file.parent if file else cwd, plugins)
    except PluginError as error:
        mistakes.add_error(DEFAULT, ("ihacpa", "plugins"), error)
        return Extensions()


def _canonical(tree: Table, plugins: PluginTable) -> Table:
    """`tree` with the tables of aliases under the names that they stand for."""
    members: dict[str, Node] = {}
    for role, node in tree.members.items():
        if role in ROLES and isinstance(node, Table):
            united: Node = Table(node.origin)
            for word, table in node.members.items():
                united = laid_over(united, Table(node.origin, {plugins.name_of(role, word): table}))
            node = united
        members[role] = node
    return Table(tree.origin, members)


def _is_typed(node: Node) -> bool:
    return all(leaf.origin.layer is Layer.COMMAND_LINE for _, leaf in leaves(node))


def _unknown_top(key: str, node: Node, known: Iterable[str]) -> tuple[str, str]:
    core = [field.key for field in fields_of(CoreOptions)]
    if not isinstance(node, Table) and key in core:
        return "it does not stand in a table", _belongs_to_core(key, node)
    kind = "table" if isinstance(node, Table) else "key"
    return f"unknown {kind}", did_you_mean(key, known) or f"known tables: {', '.join(known)}"


def _belongs_to_core(key: str, node: Node) -> str:
    return f"write {key} under [{node.origin.section}ihacpa]" if key in SELECTABLE or key not in ROLES else ""


def _naming(table: Table, word: str, otherwise: Origin) -> tuple[tuple[str, ...], Origin]:
    """The key and the origin of the value that names `word`, for a message; `otherwise` if it is a default."""
    for path, leaf in leaves(table):
        nodes: Sequence[Node] = leaf.items if isinstance(leaf, Items) else (leaf,)
        for node in nodes:
            if isinstance(node, Leaf) and word in str(node.value).split(","):
                return path, node.origin
    return (), otherwise
