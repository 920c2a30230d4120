"""Importing code of others, inside a guard: whatever goes wrong becomes an error that a person can act on."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TypeVar

from ihacpa_core.errors import PluginError
from ihacpa_core.plugins.discovery import Entry

T = TypeVar("T")


def import_entry(entry: Entry) -> object:
    """The object that `entry` announces: a module, or an attribute of one.

    :raises PluginError: it cannot be imported; the error names distribution, entry point, cause and fix.
    """
    return guarded(entry.label, "cannot be imported", lambda: _import_target(entry.target), entry)


def import_file(path: Path) -> object:
    """The module in the file `path`, by its own name where that is free.

    :raises PluginError: it cannot be imported.
    """
    return guarded(f"plugin {path}", "cannot be imported", lambda: _import_path(path))


def guarded(what: str, failed: str, action: Callable[[], T], entry: Entry | None = None) -> T:
    """The result of `action`, code of a plugin; `what` and `failed` begin the message.

    :raises PluginError: it raised.
    """
    try:
        return action()
    except PluginError:
        raise
    except (Exception, SystemExit) as error:  # code of others: it may raise anything, and a module may call exit()
        raise PluginError(f"{what} {failed}", why=cause_of(error), hint=_fix(error, entry)) from error


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


def _fix(error: BaseException, entry: Entry | None) -> str:
    role = entry.role if entry else ""
    other = f"or choose another {role}" if role else "or take it out of the settings"
    distribution = entry.distribution if entry else ""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return f"update or repair {distribution or 'it'}, {other}; --traceback shows more"
    missing = error.name.partition(".")[0]
    if entry and missing == entry.target.partition(".")[0].partition(":")[0]:
        return f"install {distribution} again, its module '{error.name}' is not there, {other}"
    return f"install what provides '{missing}' (pip install {missing}), {other}"


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
