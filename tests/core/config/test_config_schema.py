"""The JSON Schema of the settings file."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fake_offers import FAKES, fake_module
from schema_check import problems

from ihacpa_core import Offer
from ihacpa_core.config.catalogue import catalogue
from ihacpa_core.config.schema import settings_schema
from ihacpa_core.plugins.builtins import Builtin
from ihacpa_core.plugins.table import PluginTable

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema of what is built in, as it comes out of JSON."""
    plugins = PluginTable()
    made: dict[str, Any] = json.loads(json.dumps(settings_schema(catalogue(plugins), plugins.words)))
    return made


def found(text: str, schema: dict[str, Any]) -> list[str]:
    return list(problems(tomllib.loads(text), schema, schema))


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[ihacpa]\nstrategy = "fixed-size"\nprogress = "json"\nsave_every = "30s"\nfail_on = "high"',
        '[ihacpa]\nprocessor = "python:my.py:f"\nprogress = ["auto", "ihacpa:json"]',
        '[sheet]\nheader_row = 1\nfirst_row = 3\nkey = "Name"',
        "[strategy.fixed-size]\nbatch_size = 100",
        '[processor.package-review]\nsources = "pypi"\n[processor.package-review.columns]\nnotes = "AB"',
        "[progress.none]",
    ],
)
def test_what_the_checker_takes_is_valid(text, schema):
    """Settings that are right are valid: aliases, a word for a list, words with a colon, options of any offer."""
    assert found(text, schema) == []


def test_the_examples_are_valid(schema):
    """The settings file of the demonstration is valid."""
    assert found((ROOT / "ihacpa.toml").read_text(encoding="utf-8"), schema) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[ihacpa]\nstratgy = 1", ".ihacpa.stratgy: unknown"),
        ('[ihacpa]\nstrategy = "sise"', ".ihacpa.strategy: anyOf"),
        ('[ihacpa]\nprogress = ["rich", "jsn"]', ".ihacpa.progress: anyOf"),
        ("[ihacpa]\ncheckpoint_every = 0", ".ihacpa.checkpoint_every: minimum"),
        ('[ihacpa]\ngrace = "soon"', ".ihacpa.grace: pattern"),
        ('[ihacpa]\nfail_on = "hgh"', ".ihacpa.fail_on: enum"),
        ('[sheet]\nheader_row = "3"', ".sheet.header_row: type"),
        ("[strategy.size]\nbatch_size = 101", ".strategy.size.batch_size: maximum"),
        ("[strategy.sise]\nbatch_size = 1", ".strategy.sise: unknown"),
        ("[processor.package-review.columns]\nnotes = 1", ".processor.package-review.columns.notes: type"),
        ("[stratgy.size]", ".stratgy: unknown"),
    ],
)
def test_what_the_checker_refuses_is_invalid(text, problem, schema):
    """Typing errors, wrong types, values out of range and unknown words are seen by an editor."""
    assert problem in found(text, schema)


def test_descriptions_and_defaults_are_there(schema):
    """An editor can show what a key means and what it is without it."""
    key = schema["$defs"]["CoreOptions"]["properties"]["checkpoint_every"]

    assert key["description"] == "batches between checkpoints"
    assert key["default"] == 5
    assert "null" not in json.dumps(schema)


def test_tables_of_other_plugins_are_in_it(plugins):
    """The tables of every plugin that is installed are described, not only of those that are selected."""
    schema = settings_schema(catalogue(plugins), plugins.words)

    assert found("[strategy.memory]\ntarget = 0.5", schema) == []
    assert found("[strategy.memory]\ntarget = 2.0", schema) == [".strategy.memory.target: maximum"]


def test_two_types_of_one_name_are_kept_apart(plugins):
    """Two plugins may both call their options Options."""
    one = msgspec.defstruct("Options", [("a", int, 1)], module="one", kw_only=True)
    other = msgspec.defstruct("Options", [("b", int, 1)], module="other", kw_only=True)

    schema = settings_schema(catalogue(plugins, {"one": one, "other": other}), plugins.words)

    assert found("[one]\na = 2\n[other]\nb = 2", schema) == []
    assert found("[one]\nb = 2", schema) == [".one.b: unknown"]


class Odd:
    """A type that no schema can describe."""


def test_a_broken_plugin_is_left_out_with_a_note(monkeypatch):
    """A plugin that cannot be imported, and one whose options cannot be described, take nobody else with them."""
    options = msgspec.defstruct("OddOptions", [("odd", Odd, None)], kw_only=True)
    module = fake_module("strategy", Offer(name="odd", factory=lambda options, context: None, options=options))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    fakes = [("strategy", "gone", "not_there_at_all"), ("strategy", "odd", module.__name__)]
    table = PluginTable([Builtin(role=role, name=name, module=where, summary="") for role, name, where in fakes])
    listed = catalogue(table)

    schema = settings_schema(listed, table.words)

    assert ["gone" in listed.left_out[0], "strategy.odd" in listed.left_out[1]] == [True, True]
    assert found('[ihacpa]\nstrategy = "odd"\n[sheet]\nkey = "B"\n[strategy.gone]\nx = 1', schema) == []


def test_every_option_of_the_fakes_is_described(plugins):
    """No option is lost on the way."""
    schema = settings_schema(catalogue(plugins), plugins.words)

    for (role, name), (options, _) in FAKES.items():
        if options is not None:
            reference = schema["properties"][role]["properties"][name]["$ref"].rpartition("/")[2]
            keys = {field.encode_name for field in msgspec.structs.fields(options)}
            assert set(schema["$defs"][reference]["properties"]) == keys
