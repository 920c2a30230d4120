"""What is stored, as plain JSON values and back: outcomes, runs, checkpoints, metrics, fingerprints, cell values.

Every document carries a ``schema`` number. A document of a newer schema is refused rather than half understood; one
that lacks a field, or holds something else there, is refused with the field's name. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, time
from typing import Any

from ihacpa_core.errors import RecordError, StoreError
from ihacpa_core.json_reader import JsonReader
from ihacpa_core.records import Cell, CellStyle, CellValue, Failure, Level, Outcome, RecordId, Status
from ihacpa_core.state import CheckpointData, Fingerprint, RunInfo, RunMetrics, RunState

SCHEMA = 1
"""The newest form that this version writes and reads, of every document here."""

_LARGEST = 4096  # bits of a whole number: Python refuses to read far longer ones as text
_DEEPEST = 50  # levels of nesting in what a processor keeps: far below where any JSON reader gives up


# --- outcomes ---------------------------------------------------------------------------------------------------------


def encode_outcome(outcome: Outcome) -> dict[str, Any]:
    """`outcome` as JSON values. Dates in its `detail` become text; tuples there become lists.

    :raises RecordError: the outcome holds something that JSON cannot.
    """
    try:
        return {
            "schema": SCHEMA,
            "key": outcome.id.key,
            "occurrence": outcome.id.occurrence,
            "row": outcome.row,
            "status": str(outcome.status),
            "cells": {column: _encode_cell(cell) for column, cell in outcome.cells.items()},
            "error": None if outcome.error is None else _encode_failure(outcome.error),
            "attempts": outcome.attempts,
            "seconds": outcome.seconds,
            "level": int(outcome.level),
            "unchecked": list(outcome.unchecked),
            "inputs": list(outcome.inputs),
            "input_digest": outcome.input_digest,
            "before": {column: _encode_value(value) for column, value in outcome.before.items()},
            "detail": _plain(outcome.detail, "detail"),
        }
    except _NotJsonError as error:
        raise RecordError(
            f"the result of {outcome.id} cannot be stored",
            why=str(error),
            hint="return text, numbers, true, false, dates and nothing else",
        ) from error


def decode_outcome(document: Mapping[str, Any]) -> Outcome:
    """The outcome that `encode_outcome` made `document` from.

    :raises StoreError: the document is damaged, or was written by a newer version.
    """
    read = JsonReader.open(document, "an outcome", newest=SCHEMA)
    cells, before, error = read.mapping("cells"), read.mapping("before"), read.optional("error")
    return Outcome(
        id=RecordId(read.text("key"), read.integer("occurrence")),
        row=read.integer("row"),
        status=read.member("status", Status),
        cells={column: _decode_cell(cells.mapping(column)) for column in cells.names()},
        error=None if error is None else _decode_failure(error),
        attempts=read.integer("attempts"),
        seconds=read.number("seconds"),
        level=read.member("level", Level),
        unchecked=read.texts("unchecked"),
        inputs=read.texts("inputs"),
        input_digest=read.text("input_digest"),
        before={column: _decode_value(before, column) for column in before.names()},
        detail=read.mapping("detail").content,
    )


def _encode_cell(cell: Cell) -> dict[str, Any]:
    style = None if cell.style is None else str(cell.style)
    return {"value": _encode_value(cell.value), "style": style, "link": cell.link}


def _decode_cell(read: JsonReader) -> Cell:
    style = None if read.field("style") is None else read.member("style", CellStyle)
    link = None if read.field("link") is None else read.text("link")
    return Cell(_decode_value(read, "value"), style, link)


def _encode_failure(error: Failure) -> dict[str, Any]:
    return {"kind": error.kind, "message": error.message, "hint": error.hint, "transient": error.transient}


def _decode_failure(read: JsonReader) -> Failure:
    return Failure(
        kind=read.text("kind"), message=read.text("message"), hint=read.text("hint"), transient=read.truth("transient")
    )


# --- cell values ------------------------------------------------------------------------------------------------------


def encode_value(value: CellValue) -> Any:
    """A cell's value as JSON: dates, datetimes, and the numbers that JSON lacks as an object with one tag.

    :raises RecordError: it is nothing that a cell may hold.
    """
    try:
        return _encode_value(value)
    except _NotJsonError as error:
        raise RecordError("a cell's value cannot be stored", why=str(error)) from error


def decode_value(document: Any) -> CellValue:
    """The value that `encode_value` made `document` from.

    :raises StoreError: it is no such form.
    """
    return _decode_value(JsonReader({"value": document}, "a cell"), "value")


def _encode_value(value: CellValue) -> Any:
    if value is None or isinstance(value, str | int):
        return _scalar(value, "a cell")
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, datetime):  # before `date`, which it is a kind of
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    raise _NotJsonError(f"a cell holds {value!r}, a {type(value).__name__}")


def _decode_value(read: JsonReader, name: str) -> CellValue:
    match read.field(name):
        case None | str() | int() | float() as value:
            return value
        case {"date": str() as text}:
            return _parsed(date.fromisoformat, read, name, text)
        case {"datetime": str() as text}:
            return _parsed(datetime.fromisoformat, read, name, text)
        case {"float": str() as text}:
            return _parsed(float, read, name, text)
    raise read.wrong(name, "a cell's value")


def _parsed(parse: Callable[[str], CellValue], read: JsonReader, name: str, text: str) -> CellValue:
    try:
        return parse(text)
    except ValueError:
        raise read.wrong(name, "a cell's value") from None


# --- runs, checkpoints, metrics, fingerprints -------------------------------------------------------------------------


def encode_run(run: RunInfo) -> dict[str, Any]:
    """`run` as JSON values. Dates in its settings become text.

    :raises StoreError: the settings hold something that JSON cannot.
    """
    try:
        settings = _plain(run.settings, "settings")
    except _NotJsonError as error:
        raise StoreError("the settings of the run cannot be stored", why=str(error)) from error
    return {
        "schema": SCHEMA,
        "run_id": run.run_id,
        "workbook": run.workbook,
        "sheet": run.sheet,
        "started": run.started.isoformat(),
        "original": _encode_fingerprint(run.original),
        "records": run.records,
        "settings": settings,
    }


def decode_run(document: Mapping[str, Any]) -> RunInfo:
    """The run that `encode_run` made `document` from.

    :raises StoreError: the document is damaged, or was written by a newer version.
    """
    read = JsonReader.open(document, "a run", newest=SCHEMA)
    return RunInfo(
        run_id=read.text("run_id"),
        workbook=read.text("workbook"),
        sheet=read.text("sheet"),
        started=read.moment("started"),
        original=_decode_fingerprint(read.mapping("original")),
        records=read.integer("records"),
        settings=read.mapping("settings").content,
    )


def encode_checkpoint(data: CheckpointData) -> dict[str, Any]:
    """`data` as JSON values, with a checksum of all of them."""
    document = {
        "schema": SCHEMA,
        "checkpoint_id": data.checkpoint_id,
        "run_id": data.run_id,
        "created": data.created.isoformat(),
        "sequence": data.sequence,
        "batch": data.batch,
        "metrics": _encode_metrics(data.metrics),
        "workbook": _encode_fingerprint(data.workbook),
        "backup": data.backup,
        "state": data.state.value,
        "expires": None if data.expires is None else data.expires.isoformat(),
    }
    return {**document, "checksum": _checksum(document)}


def decode_checkpoint(document: Mapping[str, Any]) -> CheckpointData:
    """The checkpoint that `encode_checkpoint` made `document` from.

    :raises StoreError: the document is damaged, or was written by a newer version.
    """
    read = JsonReader.open(document, "a checkpoint", newest=SCHEMA)
    data = CheckpointData(
        checkpoint_id=read.text("checkpoint_id"),
        run_id=read.text("run_id"),
        created=read.moment("created"),
        sequence=read.integer("sequence"),
        batch=read.integer("batch"),
        metrics=_decode_metrics(read.mapping("metrics")),
        workbook=_decode_fingerprint(read.mapping("workbook")),
        backup=read.text("backup"),
        state=read.member("state", RunState),
        expires=None if read.field("expires") is None else read.moment("expires"),
    )
    content = {name: value for name, value in document.items() if name != "checksum"}
    if read.text("checksum") != _checksum(content):
        raise StoreError("a checkpoint is damaged", why="its checksum does not fit", hint="use an earlier one")
    return data


def _checksum(document: Mapping[str, Any]) -> str:
    """SHA-256 of `document` as JSON with sorted keys and no spaces, which any tool can make again."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def encode_metrics(metrics: RunMetrics) -> dict[str, Any]:
    """`metrics` as JSON values."""
    return {"schema": SCHEMA, **_encode_metrics(metrics)}


def decode_metrics(document: Mapping[str, Any]) -> RunMetrics:
    """The metrics that `encode_metrics` made `document` from.

    :raises StoreError: the document is damaged, or was written by a newer version.
    """
    return _decode_metrics(JsonReader.open(document, "the metrics of a run", newest=SCHEMA))


def encode_fingerprint(fingerprint: Fingerprint) -> dict[str, Any]:
    """`fingerprint` as JSON values."""
    return {"schema": SCHEMA, **_encode_fingerprint(fingerprint)}


def decode_fingerprint(document: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint that `encode_fingerprint` made `document` from.

    :raises StoreError: the document is damaged, or was written by a newer version.
    """
    return _decode_fingerprint(JsonReader.open(document, "a fingerprint", newest=SCHEMA))


_COUNTS = tuple(field.name for field in fields(RunMetrics) if field.type == "int")
_SECONDS = tuple(field.name for field in fields(RunMetrics) if field.type == "float")


def _encode_metrics(metrics: RunMetrics) -> dict[str, Any]:
    numbers = {name: getattr(metrics, name) for name in (*_COUNTS, *_SECONDS)}
    return {**numbers, "slowest": [[name, seconds] for name, seconds in metrics.slowest]}


def _decode_metrics(read: JsonReader) -> RunMetrics:
    counts: dict[str, Any] = {name: read.integer(name) for name in _COUNTS}
    seconds: dict[str, Any] = {name: read.number(name) for name in _SECONDS}
    return RunMetrics(**counts, **seconds, slowest=read.pairs("slowest"))


def _encode_fingerprint(fingerprint: Fingerprint) -> dict[str, Any]:
    return {"sha256": fingerprint.sha256, "size": fingerprint.size}


def _decode_fingerprint(read: JsonReader) -> Fingerprint:
    return Fingerprint(read.text("sha256"), read.integer("size"))


# --- plain JSON values ------------------------------------------------------------------------------------------------


class _NotJsonError(ValueError):
    """A value that JSON has no form for; the text says where it is."""


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """`value` as JSON values; dates become text, tuples lists, enumerations what they stand for."""
    if value is None or isinstance(value, str | int):
        return _scalar(value, where)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if depth == _DEEPEST:
        raise _NotJsonError(f"{where[:60]}... is nested too deep")
    if isinstance(value, Mapping):
        return {_name(key, where): _plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise _NotJsonError(f"{where} holds {value!r:.60}, a {type(value).__name__}")


def _scalar(value: str | int | None, where: str) -> str | int | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if value.bit_length() > _LARGEST:
        raise _NotJsonError(f"{where} holds a whole number of {value.bit_length()} bits")
    return int(value)


def _name(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise _NotJsonError(f"{where} has the key {key!r:.60}, which is no text")
    return str(key)
