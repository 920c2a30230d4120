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
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.discovery import Entry
from ihacpa_core.plugins.names import did_you_mean

PREFIX = "ihacpa_"
EVENT_ARGUMENTS = ("event",)
"""What a hook that tells something is called with, and no other hook."""


def check_hooks(manager: pluggy.PluginManager, plugin: object, entry: Entry) -> None:
    """See that every ``ihacpa_*`` function of `plugin` is a hook that exists and asks for arguments that it has.

    :raises BrokenPlugin: the first rule that is broken.
    """
    if inspect.isclass(plugin):
        raise BrokenPlugin(
            entry, "is a class", why=f"'{plugin.__name__}' was not called", hint="announce an instance of it"
        )
    for name, function in _candidates(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            raise BrokenPlugin(
                entry,
                f"has a function {name}() without its decorator",
                why=f"{name}() is not decorated, so it would never be called",
                hint="put @hookimpl above it, or give it a name without 'ihacpa_'",
            )
        _check_hook(entry, options.get("specname") or name, function, options)


def _check_hook(entry: Entry, hook: str, function: Any, options: Mapping[str, Any]) -> None:
    arguments = hook_arguments().get(hook)
    if arguments is None:
        if not options.get("optionalhook"):
            guess = did_you_mean(hook, hook_arguments()) or "see the reference of the hooks"
            why = f"there is no hook {hook}(), so it would never be called"
            raise BrokenPlugin(entry, f"implements {hook}(), which is no hook", why=why, hint=guess)
        return
    if options.get("wrapper") or options.get("hookwrapper"):
        raise BrokenPlugin(
            entry,
            f"wraps {hook}()",
            why=f"{hook}() is a wrapper, and hooks take none: it could neither try again nor wait",
            hint="return a middleware from a step hook to surround the core's own step",
        )
    _check_kind(entry, hook, function, arguments)
    for parameter in inspect.signature(function).parameters.values():
        _check_parameter(entry, hook, parameter, arguments)


def _check_kind(entry: Entry, hook: str, function: Any, arguments: tuple[str, ...]) -> None:
    """See that calling `function` runs it: nobody awaits a coroutine of it, or reads a generator."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        why = "hooks are called, not awaited, so nothing of it would run"
        raise BrokenPlugin(entry, f"implements {hook}() as an async function", why=why, hint="write def, not async def")
    if inspect.isgeneratorfunction(function) and arguments == EVENT_ARGUMENTS:
        why = "nobody would read what it yields, so nothing of it would run"
        raise BrokenPlugin(entry, f"implements {hook}() as a generator", why=why, hint="take out its yield")


def _check_parameter(entry: Entry, hook: str, parameter: inspect.Parameter, arguments: tuple[str, ...]) -> None:
    has = f"it has: {', '.join(arguments)}" if arguments else "it has none"
    if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
        why = f"{hook}() takes '{parameter}', and a hook is called with the arguments that it names"
        raise BrokenPlugin(entry, f"asks {hook}() for '{parameter}'", why=why, hint=f"name the arguments; {has}")
    if parameter.name not in arguments:
        why = f"{hook}() has no argument '{parameter.name}'; {has}"
        guess = did_you_mean(parameter.name, arguments) or "take it out"
        raise BrokenPlugin(entry, f"asks {hook}() for '{parameter.name}'", why=why, hint=guess)
    if parameter.default is not parameter.empty:
        raise BrokenPlugin(
            entry,
            f"gives '{parameter.name}' of {hook}() a default",
            why=f"the argument '{parameter.name}' has a default, which some versions of pluggy would pass instead",
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
