"""The settings as a hook plugin is given them: read-only, with its own secrets and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ihacpa_core.config.convert import fields_of
from ihacpa_core.config.settings import Settings, rows_of
from ihacpa_core.config.tree import dotted
from ihacpa_core.errors import UsageError


def given_to(settings: Settings, plugin_id: str, env: Mapping[str, str]) -> Mapping[str, Any]:
    """The effective settings as nested tables; in the tables of the plugin, secrets stand as they are.

    An option without a value is None. A secret that is ``env:NAME`` is taken from `env`, one that is ``file:PATH`` from
    that file.

    :raises UsageError: a secret is not where the settings say.
    """
    tables = settings.effective()
    for name, options in settings.extensions.items():
        if settings.owners.get(name) == plugin_id:
            kind: type = type(options)
            tables[name] = dict.fromkeys(field.key for field in fields_of(kind)) | {
                path[-1]: _revealed(value, path, settings.config_dir, env) if secret else value
                for path, value, secret in rows_of(options, (name,))
            }
    return _frozen(tables)


def secrets_of(settings: Settings, env: Mapping[str, str]) -> list[str]:
    """Every secret that the settings hold or name the place of; what is not there is left out."""
    found: list[str] = []
    for path, value, secret in settings.rows():
        if secret and value:
            with suppress(UsageError):  # whoever needs it says that it is missing
                found.append(str(_revealed(value, path, settings.config_dir, env)))
    return found


def _revealed(value: Any, path: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> Any:
    kind, _, place = str(value).partition(":")
    if kind == "env":
        if place not in env:
            raise UsageError(
                f"{dotted(path)} is not there", why=f"the variable {place} is not set", hint=f"export {place}=..."
            )
        return env[place]
    if kind == "file":
        file = folder / Path(place).expanduser()
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = f"{file}: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
            raise UsageError(f"{dotted(path)} is not there", why=why, hint="write the secret into that file") from error
    return value


def _frozen(table: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType({key: _frozen(value) if isinstance(value, dict) else value for key, value in table.items()})
