"""Strict reading of JSON objects: whatever is wrong with a field is an error that names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from ihacpa_core.errors import StoreError

E = TypeVar("E", bound=Enum)


class JsonReader:
    """Reads the fields of one JSON object, strictly; whatever is wrong with one is a `StoreError` that names it."""

    __slots__ = ("content", "what")

    def __init__(self, content: Any, what: str) -> None:
        self.what = what
        if not isinstance(content, Mapping):
            raise self._refusal(f"it is {_shown(content)}, not an object")
        self.content: Mapping[str, Any] = content

    @classmethod
    def open(cls, document: Any, what: str, *, newest: int) -> JsonReader:
        """A reader of a whole document, whose schema must be from 1 to `newest`."""
        read = cls(document, what)
        schema = read.integer("schema")
        if schema > newest:
            raise StoreError(
                f"{what} was written by a newer version of ihacpa",
                why=f"its schema is {schema}, this version reads up to {newest}",
                hint="pip install --upgrade ihacpa",
            )
        if schema < 1:
            raise read.wrong("schema", "1 or more")
        return read

    def names(self) -> Sequence[str]:
        return tuple(self.content)

    def field(self, name: str) -> Any:
        try:
            return self.content[name]
        except KeyError:
            raise self._refusal(f"the field {name!r} is missing") from None

    def text(self, name: str) -> str:
        value = self.field(name)
        if isinstance(value, str):
            return value
        raise self.wrong(name, "text")

    def integer(self, name: str) -> int:
        value = self.field(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self.wrong(name, "a whole number")

    def number(self, name: str) -> float:
        value = self.field(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        raise self.wrong(name, "a number")

    def truth(self, name: str) -> bool:
        value = self.field(name)
        if isinstance(value, bool):
            return value
        raise self.wrong(name, "true or false")

    def moment(self, name: str) -> datetime:
        try:
            return datetime.fromisoformat(self.text(name))
        except ValueError:
            raise self.wrong(name, "a date and time") from None

    def member(self, name: str, kind: type[E]) -> E:
        """The member of an enumeration; the field's own type must be the enumeration's."""
        value = self.integer(name) if issubclass(kind, int) else self.text(name)
        try:
            return kind(value)
        except ValueError:
            raise self.wrong(name, " or ".join(str(member.value) for member in kind)) from None

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.field(name)
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self.wrong(name, "a list of text")

    def pairs(self, name: str) -> tuple[tuple[str, float], ...]:
        """A list of names, each with a number."""
        match self.field(name):
            case list() | tuple() as items:
                return tuple(self._pair(name, item) for item in items)
        raise self.wrong(name, "a list")

    def _pair(self, name: str, item: Any) -> tuple[str, float]:
        match item:
            case [str() as text, float() | int() as number]:
                return text, number
        raise self.wrong(name, "a list of names and numbers")

    def mapping(self, name: str) -> JsonReader:
        value = self.field(name)
        if isinstance(value, Mapping):
            return JsonReader(value, f"{self.what}, {name!r}")
        raise self.wrong(name, "an object")

    def optional(self, name: str) -> JsonReader | None:
        return None if self.field(name) is None else self.mapping(name)

    def wrong(self, name: str, expected: str) -> StoreError:
        return self._refusal(f"the field {name!r} holds {_shown(self.content[name])}, not {expected}")

    def _refusal(self, why: str) -> StoreError:
        return StoreError(f"{self.what} in the journal cannot be read", why=why, hint="ihacpa --start-fresh")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
