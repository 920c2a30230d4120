"""Where the files of a store lie: names for ids that are ours to choose and nobody's to trust, and what is there."""

from __future__ import annotations

import re
import stat
from hashlib import blake2b
from pathlib import Path

from ihacpa_plugins.checkpoint._telling import not_a_file

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(~[0-9a-f]{16})?")


def stem_of(name: str) -> str:
    """A file name without its ending for the id `name`: itself if it is plain, as those of the core are.

    Any other becomes what can be read of it and a checksum: no id leads out of its folder, is hidden, or is another one
    where capitals do not count.
    """
    if _PLAIN.fullmatch(name):
        return name
    readable = re.sub(r"[^a-z0-9._-]+", "_", name.lower())[:60].lstrip("._-") or "id"
    return f"{readable}~{blake2b(name.encode(errors='surrogatepass'), digest_size=8).hexdigest()}"


def path_is_file(path: Path) -> bool:
    """Whether there is a file at `path`.

    :raises StoreError: there is something else: a link, a folder, a device.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise not_a_file(path)
    return True


def files_in(folder: Path, ending: str) -> list[Path]:
    """What lies in `folder` under names with this ending, sorted; nothing if it is not there.

    :raises OSError: it cannot be looked into, and may hold anything.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(ending))
    except FileNotFoundError:
        return []
