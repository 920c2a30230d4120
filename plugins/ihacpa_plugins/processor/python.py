"""The processor `python:MODULE_OR_FILE:FUNCTION`: a person's own function, with no packaging."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import msgspec

from ihacpa_core import FunctionProcessor, Offer, Processor, RunContext, UsageError, hookimpl


class PythonOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[processor.python]``"""

    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64, description="records in flight at once")] = 8
    results: Annotated[
        tuple[str, ...], msgspec.Meta(description="columns that the function writes; --only-empty needs them")
    ] = ()


def _load(options: PythonOptions, context: RunContext) -> Processor:
    place, _, name = context.argument.rpartition(":")
    if not place or not name:
        raise UsageError(
            f"processor 'python:{context.argument}' names no function",
            hint="write python:MODULE_OR_FILE:FUNCTION, for example python:my.py:check",
        )
    function = getattr(_module(place, context.config_dir), name, None)
    if not callable(function):
        raise UsageError(f"{place} has no function {name!r}", hint=f"define: def {name}(record): ...")
    return FunctionProcessor(function, concurrency=options.concurrency, results=options.results)


def _module(place: str, folder: Path) -> ModuleType:
    try:
        return _from_file(place, folder) if place.endswith(".py") else importlib.import_module(place)
    except UsageError:
        raise
    except Exception as error:  # a person's own code: whatever it raises while loading is told, with its place
        line = _line_of(error)
        raise UsageError(
            f"{place} cannot be loaded", why=f"{type(error).__name__}: {error}{line}", hint="mend it and run again"
        ) from error


def _from_file(place: str, folder: Path) -> ModuleType:
    tried = [Path.cwd() / place, folder / place]
    path = next((path for path in tried if path.is_file()), None)
    if path is None:
        looked = " and ".join(dict.fromkeys((str(Path.cwd()), str(folder))))
        raise UsageError(f"no file {place}", why=f"looked in {looked}", hint="give its path from one of these folders")
    spec = importlib.util.spec_from_file_location(f"ihacpa_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{place} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up there
    spec.loader.exec_module(module)
    return module


def _line_of(error: Exception) -> str:
    trace = error.__traceback__
    last: Any = None
    while trace is not None:
        last, trace = trace, trace.tb_next
    return f" ({Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno})" if last is not None else ""


@hookimpl
def ihacpa_processors() -> list[Offer[Processor]]:
    return [
        Offer(
            name="python",
            factory=_load,
            options=PythonOptions,
            takes_argument=True,
            summary="your own function: python:MODULE_OR_FILE:FUNCTION",
        )
    ]
