"""Names and versions are read as Excel holds them; what cannot be read is said."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ihacpa_plugins.processor.package_review.reading import read_entry

from ihacpa_core import CellValue


@pytest.mark.parametrize(
    ("cell", "version", "alternatives"),
    [
        ("2.31.0", "2.31.0", ()),
        (" 2.31.0\n", "2.31.0", ()),
        (1.1, "1.1", ("1.10", "1.100")),
        (3.11, "3.11", ("3.110", "3.1100")),
        (5.0, "5", ()),
        (20200713, "20200713", ()),
        ("1!2.0.post1+cu117", "1!2.0.post1+cu117", ()),
    ],
)
def test_versions(cell: CellValue, version: str, alternatives: tuple[str, ...]) -> None:
    """A text is taken as it is; a number as it is written, with what else it may have meant."""
    entry = read_entry("requests", cell)

    assert (entry.version, entry.alternatives, entry.version_problem) == (version, alternatives, "")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("NEW", "'NEW' is not a version"),
        ("23.0.", "'23.0.' is not a version"),
        ("==2.31.0", "'==2.31.0' is not a version"),
        ("#REF!", "'#REF!' is not a version"),
        (None, "the version is empty"),
        ("  ", "the version is empty"),
        (True, "the version cell holds True"),
        (date(2024, 1, 10), "the version cell holds the date 2024-01-10; type the version as text"),
        (datetime(2024, 1, 10, 3), "the version cell holds the date 2024-01-10; type the version as text"),
        (1e-07, "the version cell holds the number 1e-07"),
        (float("nan"), "the version cell holds the number nan"),
    ],
)
def test_what_is_no_version(cell: CellValue, problem: str) -> None:
    """Whatever cannot be a version is told as it stands in the sheet."""
    assert read_entry("requests", cell).version_problem == problem


@pytest.mark.parametrize(
    ("cell", "name", "canonical"),
    [
        ("requests", "requests", "requests"),
        ("  Zope.Interface ", "Zope.Interface", "zope-interface"),
        ("jaraco_._text", "jaraco_._text", "jaraco-text"),
        ("uvicorn[standard]", "uvicorn", "uvicorn"),
        (21, "21", "21"),
    ],
)
def test_names(cell: CellValue, name: str, canonical: str) -> None:
    """Any spelling of a name is looked up under its canonical form; extras are no part of it."""
    entry = read_entry(cell, "1.0")

    assert (entry.name, entry.canonical, entry.problem) == (name, canonical, "")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (None, "the package name is empty"),
        ("my package", "'my package' is not a package name"),
        ("../secret", "'../secret' is not a package name"),
        ("requests==2", "'requests==2' is not a package name"),
        ("-a", "'-a' is not a package name"),
    ],
)
def test_what_is_no_name(cell: CellValue, problem: str) -> None:
    """What cannot be a name is not looked up, and told."""
    assert read_entry(cell, "1.0").problem == problem


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.dates(), st.text())
def test_reading_never_fails(cell: CellValue, text: str) -> None:
    """Any cell is read or complained about, as name and as version; a readable name is safe in an address."""
    entry = read_entry(text, cell)
    other = read_entry(cell, text)

    assert all(each.version or each.version_problem for each in (entry, other))
    assert all(each.problem or Path("/", each.canonical).name == each.canonical for each in (entry, other))
