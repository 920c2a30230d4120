"""Offers: the named implementations of roles that plugins announce."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from ihacpa_core.roles import RunContext

T = TypeVar("T")


def _needs_nothing(options: Any) -> Iterable[tuple[str, str]]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Generic[T]):
    """One named implementation of a role.

    :param name: the word that selects it: lower-case letters, digits and ``-``.
    :param factory: makes the role's object from its validated options and the run's context.
    :param options: a frozen `msgspec.Struct` (or dataclass) with a default for every field: the TOML table
        ``[ROLE.NAME]``. None if it has no options.
    :param summary: one line for ``ihacpa plugins``.
    :param aliases: other words that select it.
    :param takes_argument: the word may go on after a colon, as in ``python:my.py:f``; the rest is
        `RunContext.argument`.
    :param needs: the offers that these options select in turn, as (role, name).
    """

    name: str
    factory: Callable[[Any, RunContext], T]
    options: type | None = None
    summary: str = ""
    aliases: tuple[str, ...] = ()
    takes_argument: bool = False
    needs: Callable[[Any], Iterable[tuple[str, str]]] = _needs_nothing
