"""Keys and tokens: the settings say where they are, and nothing shows them."""

from __future__ import annotations

import os
from pathlib import Path

from ihacpa_core import UsageError


def revealed(setting: str, key: str, folder: Path) -> str:
    """The secret that `setting` means: ``env:NAME``, ``file:PATH``, or the secret itself; empty where there is none.

    :param key: the setting's name, for messages.
    :param folder: what a relative path starts from.
    :raises UsageError: the file cannot be read.
    """
    kind, _, place = setting.partition(":")
    if kind == "env":
        return os.environ.get(place, "").strip()
    if kind != "file":
        return setting.strip()
    try:
        return (folder / Path(place).expanduser()).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = f"{place}: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
        raise UsageError(f"{key} is not there", why=why, hint="write the secret into that file") from error
