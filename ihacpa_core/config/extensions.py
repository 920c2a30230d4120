"""The tables that hook plugins bring: made from what they declare, and checked like those of offers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ihacpa_core.config.convert import Converter
from ihacpa_core.config.layers import CONFIG_VARIABLE, Words, read_command_line, read_environment, read_file
from ihacpa_core.config.mistakes import Mistakes
from ihacpa_core.config.model import TABLES, CoreOptions
from ihacpa_core.config.plugin_words import with_plugin_words
from ihacpa_core.config.tree import DEFAULT, Node, Table, laid_over
from ihacpa_core.errors import PluginError
from ihacpa_core.parser import Parser, PluginOption
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.plugins.discovery import Entry
from ihacpa_core.plugins.switches import OFF, Switch, is_path

if TYPE_CHECKING:
    from ihacpa_core.plugins.table import PluginTable

_EARLY = ("plugins", "config_dir")
_EARLY_VARIABLES = ("IHACPA_PLUGINS", "IHACPA_CONFIG_DIR")


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the active hook plugins add to the settings.

    :param tables: top-level table to the type of its options.
    :param options: the declarations, for the command line.
    :param owners: top-level table to the plugin that it belongs to.
    :param quiet: top-level tables that belong to plugins which are not active: kept, and not checked.
    :param failures: the plugins that were to be active and cannot be.
    """

    tables: Mapping[str, type] = field(default_factory=dict)
    options: tuple[PluginOption, ...] = ()
    owners: Mapping[str, Entry] = field(default_factory=dict)
    quiet: frozenset[str] = frozenset()
    failures: tuple[PluginError, ...] = ()


def active_extensions(
    cwd: Path,
    config: Path | None,
    env: Mapping[str, str],
    overrides: Sequence[str],
    switches: Sequence[str],
    plugins: PluginTable,
) -> Extensions:
    """What the hook plugins add that file, environment and command line switch on, whatever else these say.

    The parameters are those of `load_settings`, which tells the mistakes that are passed over here.

    :raises PluginError: a plugin declares what cannot be, or what another one has.
    :raises UsageError: the settings file cannot be read.
    """
    quiet = Mistakes()
    if config is None and env.get(CONFIG_VARIABLE):
        config = Path(env[CONFIG_VARIABLE])
    file = read_file(cwd, config, "--config", quiet)
    layers = [file.tree, read_early(env, plugins), read_command_line(overrides, {}, quiet)]
    layers[-1] = with_plugin_words(layers, switches, cwd)
    if not any(
        isinstance(core := layer.members.get("ihacpa"), Table) and "plugins" in core.members for layer in layers
    ):
        return Extensions()  # without a look at what is installed, which takes its time
    return activate(layers, cwd, file.path.parent if file.path else cwd, plugins)


def read_early(env: Mapping[str, str], words: Words) -> Table:
    """What the environment says about hook plugins, which may bring variables of their own."""
    about = {name: env[name] for name in _EARLY_VARIABLES if name in env}
    return read_environment(about, words, Mistakes())


def activate(layers: Sequence[Table], cwd: Path, folder: Path, plugins: PluginTable) -> Extensions:
    """Load the hook plugins that the settings name, and ask them for the options that they declare.

    A plugin that cannot be loaded is left out here: whoever reads all of the settings tells it, with its place.

    :param folder: where relative paths start from, if the settings do not say.
    :raises PluginError: a plugin declares what cannot be, or what another one has.
    """
    words, base = _named(layers, cwd, folder)
    failures = plugins.switch([Switch(word, "the settings", base) for word in words])
    owners: dict[str, Entry] = {}
    members: dict[str, list[PluginOption]] = {}
    flags: dict[str, Entry] = {}
    for entry, parser in _declarations(plugins):
        for option in parser.options:
            _check_free(entry, option, owners, flags)
            members.setdefault(option.table, []).append(option)
    tables = {name: _struct(owners[name], name, options) for name, options in members.items()}
    return Extensions(
        tables=tables,
        options=tuple(option for several in members.values() for option in several),
        owners=owners,
        quiet=_quiet(plugins, words) - set(tables),
        failures=tuple(error for _, error in failures),
    )


def _declarations(plugins: PluginTable) -> list[tuple[Entry, Parser]]:
    """What each loaded plugin declares, in the order in which hooks are called."""
    from ihacpa_core.plugins.dispatch import Dispatcher  # pluggy, which a run without plugins pays for later

    made: list[tuple[Entry, Parser]] = []

    def parser_for(entry: Entry) -> Parser:
        made.append((entry, Parser()))
        return made[-1][1]

    Dispatcher(plugins).add_options(parser_for)
    return made


def _named(layers: Sequence[Table], cwd: Path, folder: Path) -> tuple[tuple[str, ...], Path]:
    united: Node = Table(DEFAULT)
    for layer in layers:
        if isinstance(core := layer.members.get("ihacpa"), Table):
            early = {key: node for key, node in core.members.items() if key in _EARLY}
            united = laid_over(united, Table(core.origin, early))
    assert isinstance(united, Table)
    if not united.members:
        return (), folder
    core_options: CoreOptions = Converter(Mistakes(), cwd).options(united, CoreOptions, ("ihacpa",))
    return core_options.plugins, folder / core_options.config_dir


def _check_free(entry: Entry, option: PluginOption, owners: dict[str, Entry], flags: dict[str, Entry]) -> None:
    """:raises PluginError: the table or the flag belongs to somebody else."""
    if option.table in (*TABLES, *ROLES):
        why = f"{option.flag} stands in [{option.table}], which is ihacpa's own table"
        raise BrokenPlugin(entry, "declares an option in a table of others", why=why, hint="toml='name-of-it.key'")
    for kind, name, taken in (("table", f"[{option.table}]", owners), ("flag", option.flag, flags)):
        owner = taken.setdefault(name.strip("[]"), entry)
        if owner.plugin_id != entry.plugin_id:
            why = f"the {kind} {name} belongs to {owner.label}"
            raise BrokenPlugin(entry, "declares an option of another plugin", why=why, hint="use one of the two")


def _struct(entry: Entry, name: str, options: Sequence[PluginOption]) -> type:
    """The type of a plugin's table.

    :raises PluginError: a default is not of its option's type, or the type cannot be read from text.
    """
    from ihacpa_core.plugins.importing import guarded

    def make() -> type:
        fields = [(option.key, _annotation(option), option.default) for option in options]
        for option, (_, annotation, default) in zip(options, fields, strict=True):
            _check_default(option, annotation, default)
        made: type = msgspec.defstruct(
            f"{name.title().replace('-', '')}Options",
            fields,
            module=f"ihacpa_table_{name.replace('-', '_')}",
            frozen=True,
            kw_only=True,
            forbid_unknown_fields=True,
        )
        return made

    return guarded(entry.label, "declares options that cannot be used", make, entry)


def _annotation(option: PluginOption) -> Any:
    kind = Literal[option.choices] if option.choices else option.type
    extra = {"secret": True} if option.secret else None
    about = msgspec.Meta(description=option.help, extra=extra)
    return Annotated[kind, about] if option.default is not None else Annotated[kind | None, about]


def _check_default(option: PluginOption, annotation: Any, default: Any) -> None:
    try:
        msgspec.convert(default, annotation)
    except msgspec.ValidationError as error:
        raise TypeError(f"the default of {option.flag} is not of its type: {error}") from error


def _quiet(plugins: PluginTable, words: Sequence[str]) -> frozenset[str]:
    """The names that tables of plugins bear which are installed or named, whether or not they could be loaded."""
    named = [word.removeprefix(OFF) for word in words]
    files = [Path(word).stem.replace("_", "-") for word in named if is_path(word)]
    announced = [name for entry in plugins.entries_of("") for name in (entry.name, entry.distribution)]
    everything = [*named, *files, *announced]
    short = [re.sub(r"^ihacpa-", "", name) for name in everything]
    return frozenset({*everything, *short} - {*TABLES, *ROLES})
