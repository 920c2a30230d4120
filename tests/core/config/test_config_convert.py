"""Options of every shape are converted, and mistakes deep inside them are placed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest

from ihacpa_core.config.convert import WRONG, Converter, fields_of
from ihacpa_core.config.lines import key_lines
from ihacpa_core.config.mistakes import Mistakes
from ihacpa_core.config.model import CoreOptions, SheetOptions
from ihacpa_core.config.tree import Layer, Origin, Table, grow
from ihacpa_core.errors import ConfigError


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    level: Annotated[int, msgspec.Meta(ge=0)] = 0


class Nested(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    rules: list[Rule] = []
    by_name: dict[str, Rule] = {}
    first_day: date | None = None
    colour: Colour = Colour.RED
    pair: tuple[int, str] = (1, "a")
    some: Annotated[list[int], msgspec.Meta(max_length=2)] | None = None


@dataclass(frozen=True)
class Plain:
    size: Annotated[int, msgspec.Meta(ge=1)] = 1
    names: tuple[str, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if self.size < len(self.names):
            raise ValueError("there are more names than size")


def convert(text: str, options: type, layer: Layer = Layer.FILE) -> tuple[Any, list[str]]:
    """What `text` says as `options`, and the mistakes in it."""
    lines = key_lines(text)
    tree = grow(tomllib.loads(text), lambda path: Origin(layer, "t", lines.get(path, 0)))
    assert isinstance(tree, Table)
    mistakes = Mistakes()
    value = Converter(mistakes, Path("/")).options(tree, options, ())
    try:
        mistakes.raise_all()
    except ConfigError as error:
        return value, [str(mistake) for mistake in error.mistakes]
    return value, []


GOOD = """
first-day = 2026-11-23
colour = "green"
pair = [2, "b"]
some = [1, 2]
[by-name]
x = { name = "n" }
[[rules]]
name = "one"
[[rules]]
name = "two"
level = 2
"""


def test_nested_tables_lists_and_dates_are_converted() -> None:
    """Tables in lists, tables by name, dates, enumerations and tuples become what the options declare."""
    value, mistakes = convert(GOOD, Nested)

    assert mistakes == []
    assert value == Nested(
        rules=[Rule(name="one"), Rule(name="two", level=2)],
        by_name={"x": Rule(name="n")},
        first_day=date(2026, 11, 23),
        colour=Colour.GREEN,
        pair=(2, "b"),
        some=[1, 2],
    )


def test_a_table_alone_is_a_list_of_one() -> None:
    """``[rules]`` where ``[[rules]]`` was meant is read as one of them, and its mistakes are placed."""
    assert convert('[rules]\nname = "one"\n', Nested) == (Nested(rules=[Rule(name="one")]), [])
    assert convert("[rules]\nname = 3\n", Nested)[1] == ["t:2: rules[0].name: expected text, found 3"]


def test_mistakes_deep_inside_are_placed() -> None:
    """Each mistake in a list of tables has the line and the path of the value itself."""
    text = 'colour = "gren"\nsome = [1, 2, 3]\npair = [1]\n[[rules]]\nlevel = -1\n[[rules]]\nname = "x"\nlevle = 2\n'

    assert convert(text, Nested)[1] == [
        't:1: colour: expected one of "red", "green", found text "gren" - did you mean \'green\'?',
        "t:2: some: expected a list, each item a whole number with a length of at most 2, found a list",
        "t:3: pair: expected a list of 2: a whole number, text, found a list",
        "t:4: rules[0].name: expected text, found nothing",
        "t:5: rules[0].level: expected a whole number of at least 0, found -1",
        "t:8: rules[1].levle: unknown key - did you mean 'level'?",
    ]


def test_a_dataclass_serves_as_options() -> None:
    """Plugins may declare options as a dataclass; ranges and unknown keys are checked all the same."""
    value, mistakes = convert('size = 2\nnames = ["a"]', Plain)
    _, wrong = convert("size = 0\nsise = 1", Plain)

    assert (value, mistakes) == (Plain(size=2, names=("a",)), [])
    assert wrong == [
        "t:1: size: expected a whole number of at least 1, found 0",
        "t:2: sise: unknown key - did you mean 'size'?",
    ]


def test_fields_that_do_not_go_together_are_a_mistake() -> None:
    """What the options' own check says becomes a mistake of their table."""
    value, mistakes = convert('names = ["a", "b"]', Plain)

    assert value is WRONG
    assert "there are more names than size" in mistakes[0]


def test_a_variable_finds_a_key_with_a_hyphen() -> None:
    """In the name of a variable, an underscore may stand for a hyphen of the key."""
    assert convert("first_day = 2026-11-23", Nested, Layer.ENVIRONMENT)[0].first_day == date(2026, 11, 23)
    assert "unknown key" in convert("first_day = 2026-11-23", Nested)[1][0]


@pytest.mark.parametrize("options", [CoreOptions, SheetOptions])
def test_every_core_option_has_a_default_and_a_description(options: type) -> None:
    """The descriptions feed help and documentation; the schema can be made from the same declarations."""
    schema = msgspec.json.schema(options)["$defs"][options.__name__]["properties"]

    for option in fields_of(options):
        assert not option.required
        assert schema[option.key].get("description"), option.key
