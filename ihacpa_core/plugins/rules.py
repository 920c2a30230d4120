"""The rules of the hooks, checked before a plugin is registered.

pluggy registers a misspelt hook and never calls it, overlooks a function without its decorator, and hands an argument
with a default the default (pluggy 1.6) or the value (1.7). Each is an error here, on every version of pluggy.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pluggy

from ihacpa_core import hookspecs
from ihacpa_core.errors import PluginError
from ihacpa_core.plugins.names import did_you_mean

PREFIX = "ihacpa_"


def check_hooks(manager: pluggy.PluginManager, plugin: object, label: str) -> None:
    """See that every ``ihacpa_*`` function of `plugin` is a hook that exists and asks for arguments that it has.

    :raises PluginError: the first rule that is broken.
    """
    if inspect.isclass(plugin):
        raise PluginError(f"{label} is a class", why=f"'{plugin.__name__}' was not called", hint="announce an instance")
    for name, function in _candidates(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            raise PluginError(
                f"{label}: {name}() is not decorated, so it would never be called",
                hint="put @hookimpl above it, or give it a name without 'ihacpa_'",
            )
        _check_hook(label, options.get("specname") or name, function, options)


def _check_hook(label: str, hook: str, function: Any, options: Mapping[str, Any]) -> None:
    arguments = hook_arguments().get(hook)
    if arguments is None:
        if options.get("optionalhook"):
            return
        hint = did_you_mean(hook, hook_arguments()) or "see the reference of the hooks"
        raise PluginError(f"{label}: there is no hook {hook}()", hint=hint)
    if options.get("wrapper") or options.get("hookwrapper"):
        hint = "return a middleware from ihacpa_process_record() to surround the core's own step"
        raise PluginError(f"{label}: {hook}() is a wrapper, and hooks take none", hint=hint)
    for parameter in inspect.signature(function).parameters.values():
        _check_parameter(label, hook, parameter, arguments)


def _check_parameter(label: str, hook: str, parameter: inspect.Parameter, arguments: tuple[str, ...]) -> None:
    has = f"it has: {', '.join(arguments)}" if arguments else "it has none"
    if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        raise PluginError(f"{label}: {hook}() takes '{parameter}'", hint=f"name the arguments; {has}")
    if parameter.name not in arguments:
        hint = did_you_mean(parameter.name, arguments)
        raise PluginError(f"{label}: {hook}() has no argument '{parameter.name}'", why=has, hint=hint)
    if parameter.default is not parameter.empty:
        raise PluginError(
            f"{label}: the argument '{parameter.name}' of {hook}() has a default",
            why="some versions of pluggy would pass the default in place of the value",
            hint="remove the default",
        )


@cache
def hook_arguments() -> Mapping[str, tuple[str, ...]]:
    """Every hook specification: its name and its arguments."""
    functions = inspect.getmembers(hookspecs, inspect.isfunction)
    return {
        name: tuple(inspect.signature(function).parameters) for name, function in functions if name.startswith(PREFIX)
    }


def _candidates(plugin: object) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(plugin)):
        if name.startswith(PREFIX) and inspect.isroutine(function := getattr(plugin, name)):
            yield name, function
