"""Ids as a person types them: whole, or as much of the beginning as tells them apart."""

from __future__ import annotations

from collections.abc import Sequence

from ihacpa_core.errors import UsageError
from ihacpa_core.plugins.names import did_you_mean
from ihacpa_core.text import counted

_LISTED = 5


def meant(word: str, known: Sequence[str], what: str, hint: str) -> str:
    """The one of `known` that `word` is, or is the beginning of. Ids are compared as texts and lead to no path.

    :param what: what it is an id of: ``checkpoint``.
    :param hint: the command that lists them.
    :raises UsageError: it is none, or the beginning of several.
    """
    found = [word] if word in known else [each for each in known if word and each.startswith(word)]
    if len(found) == 1:
        return found[0]
    if found:
        why = f"they are {', '.join(found[-_LISTED:])}"
        raise UsageError(f"{word!r} is the beginning of {counted(len(found), what)}", why=why, hint="type more of it")
    why = f"the newest of {len(known)} are {', '.join(known[-_LISTED:])}" if known else f"there is no {what}"
    guess = did_you_mean(word, known)
    raise UsageError(f"there is no {what} {word!r}", why=why, hint=f"{guess} {hint}".strip())
