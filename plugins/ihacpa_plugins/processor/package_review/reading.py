"""Reads a row's name and version, whatever Excel made of them, and says what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ihacpa_core import CellValue, Package

# https://packaging.python.org/en/latest/specifications/name-normalization/; extras in brackets are no part of the name.
_NAME = re.compile(r"^([A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?)\s*(?:\[[^\[\]]*\])?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a row asks about.

    :param problem: why the name cannot be looked up; empty if it can.
    :param version_problem: why the version cannot be compared; an index that knows it as it stands overrules that.
    :param alternatives: other releases that the cell may mean: a typed 1.10 is the number 1.1.
    """

    name: str
    canonical: str
    version: str
    problem: str = ""
    version_problem: str = ""
    alternatives: tuple[str, ...] = ()

    def package(self, versions: tuple[str, ...] = ()) -> Package:
        """The question to a source."""
        return Package(name=self.name, canonical=self.canonical, version=self.version, versions=versions)


def read_entry(name: CellValue, version: CellValue) -> Entry:
    """The entry in a row's name and version cells."""
    name_text = _text(name)
    match = _NAME.match(name_text)
    problem = "" if match else f"{name_text!r} is not a package name" if name_text else "the package name is empty"
    plain = match[1] if match else name_text
    text, alternatives, version_problem = _read_version(version)
    return Entry(
        name=plain,
        canonical=canonicalize_name(plain),
        version=text,
        problem=problem,
        version_problem=version_problem,
        alternatives=alternatives,
    )


def _read_version(value: CellValue) -> tuple[str, tuple[str, ...], str]:
    if isinstance(value, float) and not value.is_integer():
        return _read_fraction(value)
    if isinstance(value, date):  # a datetime is one as well
        text = value.strftime("%Y-%m-%d")
        return text, (), f"the version cell holds the date {text}; type the version as text"
    if isinstance(value, bool):
        return str(value), (), f"the version cell holds {value}"
    text = _text(value)
    return text, (), _complaint(text)


def _read_fraction(value: float) -> tuple[str, tuple[str, ...], str]:
    text = repr(value)
    if "e" in text or "n" in text:  # 1e-05, nan, inf
        return text, (), f"the version cell holds the number {text}"
    return text, (f"{text}0", f"{text}00"), ""


def _complaint(text: str) -> str:
    if not text:
        return "the version is empty"
    try:
        Version(text)
    except InvalidVersion:
        return f"{text!r} is not a version"
    return ""


def _text(value: CellValue) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else " ".join(str(value).split())
