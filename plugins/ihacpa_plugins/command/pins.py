"""Reading ``NAME==VERSION``, from the command line or from a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ihacpa_core import UsageError

# the name of PEP 508, extras and a marker as `pip freeze` and `pip-compile` write them
_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*={2,3}\s*(?P<version>[^\s;,*<>=!~]+)\s*(?:;.*)?"
)
_COMMENT = re.compile(r"(^|\s)#.*$")
_SHOWN = 10
_HINT = "write one NAME==VERSION a line"


@dataclass(frozen=True, slots=True)
class Pin:
    """A package and its version, as they were given."""

    name: str
    version: str


def read_pins(words: Iterable[str], files: Sequence[Path]) -> list[Pin]:
    """Everything that is asked about, in the order in which it was given.

    :raises UsageError: nothing was given, a file cannot be read, or lines are no pins; all of them are named.
    """
    pins: list[Pin] = []
    wrong: list[str] = []
    for place, text in [*_words(words), *(line for path in files for line in _lines(path))]:
        found = _PIN.fullmatch(text)
        if found is None:
            wrong.append(f"{place}: {text[:80]!r}")
        else:
            pins.append(Pin(found["name"], found["version"]))
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise UsageError("not NAME==VERSION", why="; ".join(wrong[:_SHOWN]) + more, hint=_HINT)
    if not pins:
        raise UsageError("nothing to ask about", hint="ihacpa advisories match NAME==VERSION, or -r FILE")
    return pins


def _words(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    return (("command line", word.strip()) for word in words)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a list with what is on them, comments and empty lines left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the list cannot be read: {path}", why=str(error), hint=_HINT) from error
    for number, line in enumerate(text.splitlines(), start=1):
        content = _COMMENT.sub("", line).strip()
        if content:
            yield f"{path}:{number}", content
