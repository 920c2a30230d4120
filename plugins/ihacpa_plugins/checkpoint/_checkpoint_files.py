"""Checkpoints as the file store keeps them: a JSON file each, with the checksum that the core gives it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ihacpa_core import BrokenCheckpoint, CheckpointData, StoreError, decode_checkpoint, encode_checkpoint
from ihacpa_plugins.checkpoint._places import files_in, stem_of

_ENDING = ".json"
_RUN = re.compile(rb'"run_id": ?"([^"\\]*)"')


def checkpoint_path(folder: Path, checkpoint_id: str) -> Path:
    """Where the checkpoint of this id lies in `folder`."""
    return folder / f"{stem_of(checkpoint_id)}{_ENDING}"


def checkpoint_text(data: CheckpointData) -> bytes:
    """What stands in its file: the core's own form, on lines that a person can read."""
    return json.dumps(encode_checkpoint(data), indent=2, allow_nan=False).encode("ascii") + b"\n"


def read_checkpoints(folder: Path) -> list[CheckpointData | BrokenCheckpoint]:
    """Every checkpoint in `folder`: whole ones oldest first, then those that cannot be used.

    The order is that of the journal, which no clock can turn round.
    """
    found = [_read(path) for path in files_in(folder, _ENDING)]
    whole = [data for data in found if isinstance(data, CheckpointData)]
    whole.sort(key=lambda data: (data.sequence, data.created.timestamp(), data.checkpoint_id))
    return [*whole, *(data for data in found if isinstance(data, BrokenCheckpoint))]


def _read(path: Path) -> CheckpointData | BrokenCheckpoint | None:
    """The checkpoint in a file, or what is wrong with it; None if it was removed meanwhile."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return _broken(path, b"", f"it cannot be read: {error.strerror}")
    try:
        data = decode_checkpoint(_document(content))
    except StoreError as error:
        return _broken(path, content, error.why or error.what)
    if checkpoint_path(path.parent, data.checkpoint_id).name != path.name:
        return _broken(path, content, f"it is a copy of {data.checkpoint_id} under another name")
    return data


def _document(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        torn = not content.rstrip().endswith(b"}")
        why = f"it is torn after {len(content)} bytes" if torn else "it was altered: it is no JSON any more"
        raise StoreError("a checkpoint is damaged", why=why) from None


def _broken(path: Path, content: bytes, why: str) -> BrokenCheckpoint:
    """Named as its file is: by that name it can be removed, whatever stands in it."""
    run = _RUN.search(content)
    return BrokenCheckpoint(path.name.removesuffix(_ENDING), why, run[1].decode(errors="replace") if run else "")
