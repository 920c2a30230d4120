"""Values to typed options, field by field, so that every mistake is found and not the first one only."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from ihacpa_core.config.describe import choices_of, expected, extra_of, found, members_of, stripped
from ihacpa_core.config.lines import KeyPath
from ihacpa_core.config.mistakes import Mistakes
from ihacpa_core.config.tree import Items, Layer, Leaf, Node, Table, plain
from ihacpa_core.config.units import parse_duration, parse_size
from ihacpa_core.plugins.names import did_you_mean

_LISTS = (list, tuple, set, frozenset)
_UNITS: dict[str, Callable[[str], float]] = {"duration": parse_duration, "size": parse_size}


class _Wrong:
    """Stands for a value that could not be converted; its mistake is noted."""


WRONG = _Wrong()


@dataclasses.dataclass(frozen=True, slots=True)
class OptionField:
    """One field of an options type: its name in Python, its key in TOML, its type."""

    name: str
    key: str
    type: Any
    required: bool

    @property
    def secret(self) -> bool:
        """Whether its value must not be shown or stored."""
        return bool(extra_of(self.type).get("secret"))


@cache
def fields_of(options: type) -> tuple[OptionField, ...]:
    """The fields of an options Struct or dataclass.

    :raises TypeError: it is neither.
    :raises NameError: an annotation of it names something that cannot be found.
    """
    if issubclass(options, msgspec.Struct):
        fields = msgspec.structs.fields(options)
        return tuple(OptionField(field.name, field.encode_name, field.type, field.required) for field in fields)
    if not dataclasses.is_dataclass(options):
        raise TypeError(f"{options.__name__} is neither a msgspec.Struct nor a dataclass")
    hints = get_type_hints(options, include_extras=True)
    missing = dataclasses.MISSING
    return tuple(
        OptionField(
            field.name, field.name, hints[field.name], field.default is missing and field.default_factory is missing
        )
        for field in dataclasses.fields(options)
        if field.init
    )


def is_options(annotation: Any) -> bool:
    """Whether a type is a table with named fields."""
    return isinstance(annotation, type) and (
        issubclass(annotation, msgspec.Struct) or dataclasses.is_dataclass(annotation)
    )


class Converter:
    """Converts nodes; what goes wrong is noted in `mistakes`.

    :param cwd: where relative paths of the command line and the environment start from.
    """

    def __init__(self, mistakes: Mistakes, cwd: Path) -> None:
        self._mistakes = mistakes
        self._cwd = cwd

    def options(self, table: Table, options: type, path: KeyPath) -> Any:
        """An object of the type `options`, with its defaults where the table says nothing or something wrong.

        `WRONG` if it cannot be made.
        """
        fields = {field.key: field for field in fields_of(options)}
        values: dict[str, Any] = {}
        for key, node in sorted(table.members.items(), key=lambda member: member[1].origin.layer):
            field = fields.get(key) or _field_of_variable(fields, key, node)
            if field is None:
                self._unknown(node, (*path, key), fields)
            elif (value := self.value(node, field.type, (*path, key))) is not WRONG:
                values[field.name] = value
        missing = [field for field in fields.values() if field.required and field.key not in table.members]
        for field in missing:
            self._mistakes.add(table.origin, (*path, field.key), f"expected {expected(field.type)}, found nothing")
        return self._made(table, options, values, path)

    def value(self, node: Node, annotation: Any, path: KeyPath) -> Any:
        """What `node` says, as a value of the type `annotation`; `WRONG` if that cannot be."""
        bare, _ = stripped(self._fitting(node, annotation))
        container = get_origin(bare) or bare
        if isinstance(node, Table) and is_options(container):
            return self.options(node, container, path)
        if isinstance(node, Table) and container is dict:
            return self._dict(node, annotation, bare, path)
        if container in _LISTS and _can_be_list(node):
            return self._list(node, annotation, bare, path)
        return self._leaf(node, annotation, path)

    def _fitting(self, node: Node, annotation: Any) -> Any:
        """The member of a union that a table or an array can only mean; the type itself where there is no choice."""
        wanted: Callable[[Any], bool]
        if isinstance(node, Table):
            wanted = lambda kind: kind is dict or is_options(kind)  # noqa: E731
        elif isinstance(node, Items):
            wanted = lambda kind: kind in _LISTS  # noqa: E731
        else:
            return annotation
        members = members_of(annotation)
        kinds = [stripped(member)[0] for member in members]
        return next((m for m, kind in zip(members, kinds, strict=True) if wanted(get_origin(kind) or kind)), annotation)

    def _dict(self, node: Table, annotation: Any, bare: Any, path: KeyPath) -> Any:
        _, inner = get_args(bare) or (str, Any)
        values = {key: self.value(member, inner, (*path, key)) for key, member in node.members.items()}
        return self._checked(
            node, {key: value for key, value in values.items() if value is not WRONG}, annotation, path
        )

    def _list(self, node: Node, annotation: Any, bare: Any, path: KeyPath) -> Any:
        arguments = [argument for argument in get_args(bare) if argument is not Ellipsis] or [Any]
        is_one = isinstance(node, Table) and is_options(stripped(arguments[0])[0])  # a table alone is a list of one
        if len(arguments) > 1 or (isinstance(node, Table) and not is_one):
            return self._leaf(node, annotation, path)  # a tuple of fixed length has no type for all of its items
        items: Sequence[Node] = [node] if isinstance(node, Table) else _items_of(node)
        values = [self.value(item, arguments[0], (*path, position)) for position, item in enumerate(items)]
        if any(value is WRONG for value in values):
            return WRONG
        return self._checked(node, values, annotation, path)

    def _checked(self, node: Node, value: Any, annotation: Any, path: KeyPath) -> Any:
        """A container whose members are converted, once more as a whole: its own length is limited, too."""
        try:
            return msgspec.convert(value, annotation, from_attributes=False)
        except msgspec.ValidationError:
            return self._wrong(node, annotation, path)

    def _leaf(self, node: Node, annotation: Any, path: KeyPath) -> Any:
        if self._is_bare_secret(node, annotation):
            return self._refuse_secret(node, path)
        for candidate, strict in _readings(node):
            try:
                value = msgspec.convert(candidate, annotation, strict=strict)
            except msgspec.ValidationError:
                continue
            if _within_limits(value, annotation):
                return self._placed(node, value, annotation)
        return self._wrong(node, annotation, path)

    def _placed(self, node: Node, value: Any, annotation: Any) -> Any:
        """A relative path that was typed belongs to the folder in which it was typed."""
        if node.origin.is_text and value and isinstance(value, str) and extra_of(annotation).get("path"):
            return str(self._cwd / value)
        return value

    def _is_bare_secret(self, node: Node, annotation: Any) -> bool:
        if node.origin.layer is not Layer.COMMAND_LINE or not extra_of(annotation).get("secret"):
            return False
        return not str(plain(node)).startswith(("env:", "file:"))

    def _refuse_secret(self, node: Node, path: KeyPath) -> Any:
        problem = "a secret does not belong on the command line, where others can read it"
        self._mistakes.add(node.origin, path, problem, "name where it is: env:VARIABLE or file:PATH")
        return WRONG

    def _made(self, table: Table, options: type, values: dict[str, Any], path: KeyPath) -> Any:
        if any(field.required and field.name not in values for field in fields_of(options)):
            return WRONG
        try:
            return options(**values)
        except (ValueError, TypeError) as error:  # raised by its __post_init__: fields that do not go together
            self._mistakes.add(table.origin, path, str(error))
            return WRONG

    def _unknown(self, node: Node, path: KeyPath, known: Sequence[str] | dict[str, Any]) -> None:
        hint = did_you_mean(str(path[-1]), known) or f"known: {', '.join(sorted(known)) or 'none'}"
        self._mistakes.add(node.origin, path, "unknown key", hint)

    def _wrong(self, node: Node, annotation: Any, path: KeyPath) -> Any:
        value = plain(node)
        choices = [str(choice) for choice in choices_of(annotation)]
        hint = did_you_mean(value, choices) if isinstance(value, str) else _unit_hint(value, annotation)
        secret = bool(extra_of(annotation).get("secret"))
        problem = f"expected {expected(annotation)}, found {found(value, secret=secret)}"
        self._mistakes.add(node.origin, path, problem, hint)
        return WRONG


def _field_of_variable(fields: dict[str, OptionField], key: str, node: Node) -> OptionField | None:
    """The field that a part of a variable's name means: ``max_age`` may stand for ``max-age`` there."""
    if node.origin.layer is not Layer.ENVIRONMENT:
        return None
    return next((field for field in fields.values() if as_variable(field.key) == as_variable(key)), None)


def as_variable(key: str) -> str:
    """A key as a part of a variable's name: upper-case, with ``_`` for ``-``."""
    return key.upper().replace("-", "_")


def _readings(node: Node) -> Iterator[tuple[Any, bool]]:
    """What a node may mean, the most literal first: its value, and the text that was typed."""
    yield plain(node), True
    if not isinstance(node, Table) and node.text is not None:
        yield node.text, False


def _can_be_list(node: Node) -> bool:
    return not isinstance(node, Leaf) or isinstance(node.value, str) or node.origin.is_text


def _items_of(node: Leaf | Items) -> Sequence[Node]:
    """The items of an array. A single word is an array of one; typed text may hold several, with commas between."""
    if isinstance(node, Items):
        return node.items
    if not node.origin.is_text:
        return (node,)
    words = [word.strip() for word in str(node.value if node.text is None else node.text).split(",")]
    return [Leaf(word, node.origin, word) for word in words if word]


def _within_limits(value: Any, annotation: Any) -> bool:
    extra = extra_of(annotation)
    parse = _UNITS.get(str(extra.get("unit", "")))
    if parse is None or not isinstance(value, str):
        return True
    measured = parse(value)
    lowest = parse(extra["at_least"]) if "at_least" in extra else measured
    highest = parse(extra["at_most"]) if "at_most" in extra else measured
    return lowest <= measured <= highest


def _unit_hint(value: Any, annotation: Any) -> str:
    example = {"duration": "s", "size": "MB"}.get(str(extra_of(annotation).get("unit", "")))
    if example is None or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f'write the unit, too: "{value}{example}"'


def read_text(text: str) -> Any:
    """Typed text as TOML where it is TOML, else as it is."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text
