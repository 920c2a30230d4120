"""Checkpoints as a file to keep or to send, with copies of the workbook if they are wanted."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from ihacpa_core.engine.checkpoint_book import CheckpointBook, backup_path, export_document
from ihacpa_core.engine.preparation import Plan
from ihacpa_core.errors import UsageError, WorkbookError


def export(
    plan: Plan, book: CheckpointBook, output: Path, copies: Path | None, now: datetime, *, force: bool = False
) -> list[Path]:
    """Write the checkpoints of `book` to `output`, and their backups into the folder `copies`.

    :param force: replace `output` if it is there; a copy that is there is never replaced.
    :returns: the files that were written, `output` last.
    :raises UsageError: `output` or a copy is there already; nothing was written.
    :raises WorkbookError: a backup is gone, or the system does not let it be written.
    """
    if output.exists() and not force:
        raise UsageError(f"{output} is there already, and was left as it is", hint="--force replaces it")
    pairs = _copies(plan, book, copies) if copies else []
    taken = [str(target) for _, target in pairs if target.exists()]
    if taken:
        raise UsageError(f"{taken[0]} is there already, and was left as it is", hint="name an empty folder")
    ops = plan.request.files
    text = json.dumps(export_document(book, plan.target, now), indent=2, ensure_ascii=False) + "\n"
    try:
        if copies:
            ops.make_folder(copies)
        for source, target in pairs:
            ops.copy(source, target)
        ops.write_atomic(output, text.encode())
    except OSError as error:
        raise WorkbookError(
            "the checkpoints could not be exported",
            why=f"{error.filename or output}: {error.strerror or error}",
            hint="name a folder that is there and that you may write to",
        ) from error
    return [*(target for _, target in pairs), output]


def _copies(plan: Plan, book: CheckpointBook, folder: Path) -> list[tuple[Path, Path]]:
    """Each backup that a checkpoint of `book` names, and where its copy goes."""
    named = {line.data.backup: line for line in book.lines}
    pairs = []
    for name, line in named.items():
        path = backup_path(plan.folder.backups, line.data)
        if path is None or line.backup_flaw:
            raise WorkbookError(
                f"the backup of checkpoint {line.data.checkpoint_id} cannot be copied",
                why=line.backup_flaw,
                hint="leave it out, or export without --backups",
            )
        pairs.append((path, folder / name))
    return pairs
