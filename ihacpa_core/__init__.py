"""ihacpa: crash-safe, resumable batch work on Excel workbooks.

The public face. Everything else in this package is private, but for `ihacpa_core.testing`. Names are imported when
they are first used, so that ``import ihacpa_core`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ihacpa_core._version import __version__ as __version__
    from ihacpa_core.codec import decode_checkpoint, encode_checkpoint
    from ihacpa_core.config.units import Duration, Size, parse_duration, parse_size
    from ihacpa_core.engine.command_parts import CommandParts
    from ihacpa_core.engine.job import RunSummary, run
    from ihacpa_core.engine.past_runs import PastRun
    from ihacpa_core.engine.sheet_edit import SavedCells, SheetEdit
    from ihacpa_core.errors import (
        ConfigError,
        DecisionNeeded,
        ExitCode,
        IhacpaError,
        Mistake,
        NothingToDo,
        PluginError,
        RecordError,
        StoreError,
        TransientError,
        UsageError,
        WorkbookError,
        WorkbookLocked,
    )
    from ihacpa_core.events import (
        BatchCommitted,
        BatchStarted,
        CheckpointWritten,
        RecordFinished,
        RunFinished,
        RunStarted,
        WarningRaised,
        WorkbookSaved,
    )
    from ihacpa_core.fileops import EffectFile, FileOps
    from ihacpa_core.function import FunctionProcessor
    from ihacpa_core.health import CheckResult, Health, HealthCheck, HealthContext
    from ihacpa_core.journal import EntryKind, JournalEntry
    from ihacpa_core.markers import HOOK_API, HookDeprecationWarning, hookimpl
    from ihacpa_core.offers import Offer
    from ihacpa_core.parser import Commands, Parser, PluginCommand, PluginOption
    from ihacpa_core.records import (
        Cell,
        CellStyle,
        CellUpdate,
        CellValue,
        Failure,
        Headers,
        Level,
        Outcome,
        Record,
        RecordId,
        Status,
    )
    from ihacpa_core.review import (
        AnswerState,
        Finding,
        Package,
        Release,
        ReviewSource,
        Severity,
        SourceAnswer,
        SourceKind,
        Verdict,
    )
    from ihacpa_core.roles import (
        BatchStrategy,
        CheckpointStore,
        Close,
        Executor,
        Loss,
        Processor,
        ProcessRecord,
        ProgressReporter,
        RunContext,
        SaveBackend,
        SaveSession,
        SettleOutcome,
        WriteReceipt,
    )
    from ihacpa_core.state import (
        BatchMetrics,
        BatchState,
        BrokenCheckpoint,
        CheckpointData,
        Fingerprint,
        RecoveryOptions,
        RunInfo,
        RunMetrics,
        Selection,
        StartMode,
    )
    from ihacpa_core.workbook.records import Sheet
    from ihacpa_core.workbook.styles import PALETTE

_HOMES = {
    "_version": ("__version__",),
    "codec": ("decode_checkpoint", "encode_checkpoint"),
    "config.units": ("Duration", "Size", "parse_duration", "parse_size"),
    "engine.command_parts": ("CommandParts",),
    "engine.job": ("RunSummary", "run"),
    "engine.past_runs": ("PastRun",),
    "engine.sheet_edit": ("SavedCells", "SheetEdit"),
    "errors": (
        "ConfigError", "DecisionNeeded", "ExitCode", "IhacpaError", "Mistake", "NothingToDo", "PluginError",
        "RecordError", "StoreError", "TransientError", "UsageError", "WorkbookError", "WorkbookLocked",
    ),
    "events": (
        "BatchCommitted", "BatchStarted", "CheckpointWritten", "RecordFinished", "RunFinished", "RunStarted",
        "WarningRaised", "WorkbookSaved",
    ),
    "fileops": ("EffectFile", "FileOps"),
    "function": ("FunctionProcessor",),
    "health": ("CheckResult", "Health", "HealthCheck", "HealthContext"),
    "journal": ("EntryKind", "JournalEntry"),
    "markers": ("HOOK_API", "HookDeprecationWarning", "hookimpl"),
    "offers": ("Offer",),
    "parser": ("Commands", "Parser", "PluginCommand", "PluginOption"),
    "records": (
        "Cell", "CellStyle", "CellUpdate", "CellValue", "Failure", "Headers", "Level", "Outcome", "Record", "RecordId",
        "Status",
    ),
    "review": (
        "AnswerState", "Finding", "Package", "Release", "ReviewSource", "Severity", "SourceAnswer", "SourceKind",
        "Verdict",
    ),
    "roles": (
        "BatchStrategy", "CheckpointStore", "Close", "Executor", "Loss", "ProcessRecord", "Processor",
        "ProgressReporter", "RunContext", "SaveBackend", "SaveSession", "SettleOutcome", "WriteReceipt",
    ),
    "state": (
        "BatchMetrics", "BatchState", "BrokenCheckpoint", "CheckpointData", "Fingerprint", "RecoveryOptions",
        "RunInfo", "RunMetrics", "Selection", "StartMode",
    ),
    "workbook.records": ("Sheet",),
    "workbook.styles": ("PALETTE",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "HOOK_API",
    "PALETTE",
    "AnswerState",
    "BatchCommitted",
    "BatchMetrics",
    "BatchStarted",
    "BatchState",
    "BatchStrategy",
    "BrokenCheckpoint",
    "Cell",
    "CellStyle",
    "CellUpdate",
    "CellValue",
    "CheckResult",
    "CheckpointData",
    "CheckpointStore",
    "CheckpointWritten",
    "Close",
    "CommandParts",
    "Commands",
    "ConfigError",
    "DecisionNeeded",
    "Duration",
    "EffectFile",
    "EntryKind",
    "Executor",
    "ExitCode",
    "Failure",
    "FileOps",
    "Finding",
    "Fingerprint",
    "FunctionProcessor",
    "Headers",
    "Health",
    "HealthCheck",
    "HealthContext",
    "HookDeprecationWarning",
    "IhacpaError",
    "JournalEntry",
    "Level",
    "Loss",
    "Mistake",
    "NothingToDo",
    "Offer",
    "Outcome",
    "Package",
    "Parser",
    "PastRun",
    "PluginCommand",
    "PluginError",
    "PluginOption",
    "ProcessRecord",
    "Processor",
    "ProgressReporter",
    "Record",
    "RecordError",
    "RecordFinished",
    "RecordId",
    "RecoveryOptions",
    "Release",
    "ReviewSource",
    "RunContext",
    "RunFinished",
    "RunInfo",
    "RunMetrics",
    "RunStarted",
    "RunSummary",
    "SaveBackend",
    "SaveSession",
    "SavedCells",
    "Selection",
    "SettleOutcome",
    "Severity",
    "Sheet",
    "SheetEdit",
    "Size",
    "SourceAnswer",
    "SourceKind",
    "StartMode",
    "Status",
    "StoreError",
    "TransientError",
    "UsageError",
    "Verdict",
    "WarningRaised",
    "WorkbookError",
    "WorkbookLocked",
    "WorkbookSaved",
    "WriteReceipt",
    "decode_checkpoint",
    "encode_checkpoint",
    "hookimpl",
    "parse_duration",
    "parse_size",
    "run",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
