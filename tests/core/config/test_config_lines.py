"""The line of every key of a TOML file is found."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from ihacpa_core.config.lines import KeyPath, key_lines, split_key

TRICKY = '''\
# [not.a] table
a.b = 1 # [neither]
"q.k" = """
  [not] = a
 \\""" " """"
c = [1,
  {x = 1, y.z = [ "]" ]}, # ]
]
d = 1979-05-27 07:32:00
[t.u]
v = \'\'\'
'' \'\'\'\'
[[arr.n]]
k = 1
[[arr.n]]
k = "#"
[arr.n.sub]
'j.j' = ""
[t]
w = {}
'''


def test_every_form_of_a_key_is_found() -> None:
    """Dotted keys, quoted keys, multi-line texts, inline tables, arrays of tables, tables out of order."""
    lines = key_lines(TRICKY)

    assert lines["a", "b"] == 2
    assert lines["q.k",] == 3
    assert lines["c", 1] == lines["c", 1, "y", "z", 0] == 7
    assert lines["d",] == 9
    assert lines["t", "u", "v"] == 11
    assert (lines["arr", "n", 0, "k"], lines["arr", "n", 1, "k"]) == (14, 16)
    assert lines["arr", "n", 1, "sub", "j.j"] == 18
    assert (lines["t",], lines["t", "w"]) == (19, 20)
    assert set(_paths(tomllib.loads(TRICKY))) == set(lines)


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\r")),
    st.dates(),
    st.datetimes(),
)
keys = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
documents = st.dictionaries(
    keys,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=12,
    ),
    max_size=5,
)


@given(documents, st.booleans())
def test_every_key_of_any_document_is_found_on_its_line(document: dict[str, Any], multiline: bool) -> None:
    """Whatever tomli_w writes, every key, table and element has a line, and the line of a key shows its name."""
    text = tomli_w.dumps(document, multiline_strings=multiline)
    lines = key_lines(text)
    all_lines = text.split("\n")

    assert set(_paths(tomllib.loads(text))) == set(lines)
    for path, line in lines.items():
        key = path[-1]
        if isinstance(key, str) and key.isalnum() and key.isascii():
            assert key in all_lines[line - 1]


@pytest.mark.parametrize("text", ["", " = 5", ".a = 5", "a. = 5", "é = 1"])
def test_what_does_not_begin_with_a_key_is_refused(text: str) -> None:
    """A dotted key has no empty parts, and bare keys are ASCII."""
    with pytest.raises(ValueError, match="a key was expected"):
        split_key(text)


def test_a_dotted_key_is_split() -> None:
    """Quoted parts may hold dots; what follows the key is handed back."""
    assert split_key('a."b.c" . d=1') == (("a", "b.c", "d"), "=1")


def _paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    own = [path] if path else []
    if isinstance(value, dict):
        return own + [found for key, member in value.items() for found in _paths(member, (*path, key))]
    if isinstance(value, list):
        return own + [found for position, item in enumerate(value) for found in _paths(item, (*path, position))]
    return own
