"""What a caller asks for: the command line and `run` both put it into this form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ihacpa_core.fileops import FileOps
from ihacpa_core.state import RecoveryOptions, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One run, as it is asked for.

    :param cwd: the folder that settings are looked for in, and that a workbook given by flag starts from.
    :param config: the settings file; None looks for ``ihacpa.toml``.
    :param flags: dotted key to (value, the flag as a person typed it); ``*`` as an offer's name is the selected one.
    :param overrides: ``KEY=VALUE`` texts of ``-o``.
    :param plugins: the words of ``-p``.
    :param trace_hooks: the file that ``--trace-hooks`` names.
    :param function: a Python function to use as the processor, whatever the settings say.
    :param wait: seconds to wait for another run's lock.
    :param verbose: the log has a line for every record.
    :param files: the file system; tests pass one that fails or dies at a chosen effect.
    :param argv: what was typed after ``ihacpa``, for the hint that says how to go on; None outside the command line.
    """

    cwd: Path
    config: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    trace_hooks: Path | None = None
    selection: Selection = field(default_factory=Selection)
    recovery: RecoveryOptions = field(default_factory=RecoveryOptions)
    function: Callable[..., Any] | None = None
    wait: float = 0.0
    verbose: bool = False
    files: FileOps = field(default_factory=FileOps)
    argv: tuple[str, ...] | None = None
