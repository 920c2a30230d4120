"""Importing code of others, inside a guard: whatever goes wrong becomes an error that a person can act on."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TypeVar

from ihacpa_core._version import __version__
from ihacpa_core.errors import PluginError
from ihacpa_core.markers import HOOK_API, HOOK_API_ATTRIBUTE
from ihacpa_core.plugins.broken import BrokenPlugin
from ihacpa_core.plugins.discovery import Entry, Source, misfit

T = TypeVar("T")


def import_entry(entry: Entry) -> object:
    """The object that `entry` announces: a module, or an attribute of one.

    :raises BrokenPlugin: its distribution needs another ihacpa, it cannot be imported, or it is made for another
        version of the hooks; the error names distribution, entry point, cause and fix.
    """
    check_requirement(entry)
    plugin = guarded(entry.label, "cannot be imported", lambda: _import(entry), entry)
    _check_hook_api(entry, plugin)
    return plugin


def check_requirement(entry: Entry) -> None:
    """See that the distribution of `entry` agrees with this version of ihacpa; nothing is imported.

    :raises BrokenPlugin: it does not.
    """
    if requirement := misfit(entry):
        raise BrokenPlugin(
            entry,
            "is made for another version of ihacpa and was not imported",
            why=f"it requires '{requirement}', ihacpa {__version__} is installed",
            hint=f"pip install --upgrade {entry.distribution}, {_another(entry)}",
        )


def guarded(what: str, failed: str, action: Callable[[], T], entry: Entry | None = None) -> T:
    """The result of `action`, code of a plugin; `what` and `failed` begin the message.

    :param entry: whose code it is, if that is known; the error then is a `BrokenPlugin`, which tells more.
    :raises PluginError: it raised.
    """
    try:
        return action()
    except PluginError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # code of others: exit() in a module, pytest.skip, a panic of an extension
        cause = cause_of(error)
        if entry is not None:
            raise BrokenPlugin(entry, failed, why=cause, hint=_fix(error, entry)) from error
        raise PluginError(f"{what} {failed}", why=cause, hint="take it out of the settings, or repair it") from error


def cause_of(error: BaseException) -> str:
    """``ModuleNotFoundError: No module named 'boto3' [acme/store.py:3]``: type, message, and the line that raised."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    place = _place_of(error)
    return f"{text} [{place}]" if place else text


def _place_of(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and frame.filename != __file__
    ]
    # Without a frame of its own, the import failed before any of its code ran.
    frames = [frame for frame in frames if Path(frame.filename).parent.name != "importlib"]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _fix(error: BaseException, entry: Entry) -> str:
    other = _another(entry)
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        it = "it" if entry.source is Source.FILE else entry.distribution
        return f"update or repair {it}, {other}; --traceback shows more"
    missing = error.name.partition(".")[0]
    if missing == entry.target.partition(".")[0].partition(":")[0]:
        return f"install {entry.distribution} again, its module '{error.name}' is not there, {other}"
    return f"install what provides '{missing}' (pip install {missing}), {other}"


def _another(entry: Entry) -> str:
    return f"or choose another {entry.role}" if entry.role else "or take it out of the settings"


def _check_hook_api(entry: Entry, plugin: object) -> None:
    asked = guarded(entry.label, "cannot be read", lambda: getattr(plugin, HOOK_API_ATTRIBUTE, HOOK_API), entry)
    if asked != HOOK_API:
        raise BrokenPlugin(
            entry,
            "is made for another version of the hooks",
            why=f"it says {HOOK_API_ATTRIBUTE} = {asked!r}, ihacpa {__version__} has version {HOOK_API}",
            hint=f"install a version of {entry.distribution} for hook API {HOOK_API}, {_another(entry)}",
        )


def _import(entry: Entry) -> object:
    return _import_path(Path(entry.target)) if entry.source is Source.FILE else _import_target(entry.target)


def _import_target(target: str) -> object:
    module, _, attributes = target.partition(":")
    found: object = import_module(module.strip())
    for attribute in filter(None, attributes.split("[")[0].strip().split(".")):
        found = getattr(found, attribute)
    return found


def _import_path(path: Path) -> object:
    # A prefix keeps a file called json.py from taking the place of the library's json.
    name = f"ihacpa_file_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"'{path}' is not a Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:  # taken back as an import would do, whatever it was
        del sys.modules[name]
        raise
    return module
