"""Types and values in words: what was expected, and what was found."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from datetime import date, datetime, time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Meta

_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    date: "a date",
    datetime: "a date and time",
    time: "a time of day",
    dict: "a table",
}
_LONGEST = 60


def stripped(annotation: Any) -> tuple[Any, tuple[Meta, ...]]:
    """A type without its annotations, and those of them that are `msgspec.Meta`."""
    metas: tuple[Meta, ...] = ()
    while get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        metas = (*(extra for extra in extras if isinstance(extra, Meta)), *metas)
    return annotation, metas


def extra_of(annotation: Any) -> Mapping[str, Any]:
    """What the annotations of a type say beyond msgspec: ``secret``, ``path``, ``expected``, ``at_least``, ..."""
    merged: dict[str, Any] = {}
    for meta in stripped(annotation)[1]:
        merged |= meta.extra or {}
    return merged


def members_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; a type that is none is its own only member."""
    bare, _ = stripped(annotation)
    return get_args(bare) if get_origin(bare) in (Union, UnionType) else (annotation,)


def choices_of(annotation: Any) -> tuple[Any, ...]:
    """The values that a `Literal` or an enumeration allows; empty for every other type."""
    found: list[Any] = []
    for member in members_of(annotation):
        bare, _ = stripped(member)
        if get_origin(bare) is Literal:
            found += get_args(bare)
        elif isinstance(bare, type) and issubclass(bare, enum.Enum):
            found += [choice.value for choice in bare]
    return tuple(found)


def expected(annotation: Any) -> str:
    """What a value of this type looks like: ``a whole number from 1 to 100``."""
    if said := extra_of(annotation).get("expected"):
        return str(said) + _limits(annotation)
    if choices := choices_of(annotation):
        return ("" if len(choices) == 1 else "one of ") + ", ".join(_literal(choice) for choice in choices)
    bare, metas = stripped(annotation)
    words = [_bare_expected(member) for member in members_of(bare) if stripped(member)[0] is not NoneType]
    return " or ".join(dict.fromkeys(words)) + _bounds(metas) + _limits(annotation)


def _bare_expected(annotation: Any) -> str:
    bare, metas = stripped(annotation)
    container = get_origin(bare) or bare
    if container in (list, tuple, set, frozenset):
        return _list_expected(get_args(bare)) + _bounds(metas)
    name = _NAMES.get(container)
    if name is None:
        name = (
            "a table" if hasattr(container, "__dataclass_fields__") or hasattr(container, "__struct_fields__") else ""
        )
    return (name or getattr(container, "__name__", str(container))) + _bounds(metas)


def _list_expected(items: tuple[Any, ...]) -> str:
    kinds = [expected(item) for item in items if item is not Ellipsis]
    if len(kinds) > 1:
        return f"a list of {len(kinds)}: {', '.join(kinds)}"
    return f"a list, each item {kinds[0]}" if kinds else "a list"


def _bounds(metas: tuple[Meta, ...]) -> str:
    bounds = {name: next((v for m in metas if (v := getattr(m, name)) is not None), None) for name in _BOUND_WORDS}
    if bounds["ge"] is not None and bounds["le"] is not None:
        return f" from {bounds.pop('ge')} to {bounds.pop('le')}" + _listed(bounds)
    return _listed(bounds)


_BOUND_WORDS = {
    "ge": "of at least {}",
    "gt": "above {}",
    "le": "of at most {}",
    "lt": "below {}",
    "multiple_of": "that is a multiple of {}",
    "min_length": "with a length of at least {}",
    "max_length": "with a length of at most {}",
    "pattern": "that matches {}",
}


def _listed(bounds: Mapping[str, Any]) -> str:
    words = [_BOUND_WORDS[name].format(value) for name, value in bounds.items() if value is not None]
    return f" {' and '.join(words)}" if words else ""


def _limits(annotation: Any) -> str:
    extra = extra_of(annotation)
    words = [f"{word} {extra[key]}" for key, word in (("at_least", "at least"), ("at_most", "at most")) if key in extra]
    return f", {' and '.join(words)}" if words else ""


def found(value: Any, *, secret: bool = False) -> str:
    """A value as a message shows it: ``text "12"``, ``0``, ``a table``. A secret is never shown."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if secret:
        return "something else (it is secret)"
    shown = _literal(value)
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
    return f"text {shown}" if isinstance(value, str) else shown


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
