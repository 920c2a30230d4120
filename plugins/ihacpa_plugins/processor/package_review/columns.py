"""Where the review's fields stand in a sheet: by header text first, by the founding workbook's letter second."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ihacpa_core import Headers, WorkbookError

_ANY_RESULT = ("result", "results", "lookup result", "lookup results")
_ANY_LINK = ("link", "url", "lookup url", "lookup link", "pypi link", "pypi links")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the founding workbook.

    :param spellings: header texts that mean it, as `_plain` leaves them.
    :param vague: header texts that mean it only over its founding letter, because they could mean others as well.
    :param written: whether the review writes it; the others are only read, or left alone.
    """

    name: str
    letter: str
    spellings: tuple[str, ...]
    vague: tuple[str, ...] = ()
    written: bool = True


def _lookup(name: str, letter: str, *subjects: str) -> Field:
    tails = ("lookup url", "lookup link", "url", "link")
    return Field(name, letter, tuple(f"{subject} {tail}" for subject in subjects for tail in tails), _ANY_LINK)


def _result(name: str, letter: str, *subjects: str) -> Field:
    tails = ("lookup result", "lookup results", "result", "results")
    return Field(name, letter, tuple(f"{subject} {tail}" for subject in subjects for tail in tails), _ANY_RESULT)


def _pypi(name: str, letter: str, *versions: str) -> Field:
    spellings = [f"pypi {noun} {version}" for noun in ("link", "links") for version in versions]
    return Field(name, letter, tuple(spellings), _ANY_LINK)


_GITHUB = ("github mirror security advisory", "github security advisory", "github advisory", "github security")
_NVD = ("nist nvd", "nvd")
_MITRE = ("mitre cve", "mitre")
_SNYK = ("snyk vulnerability", "snyk")
_EXPLOITDB = ("exploit database", "exploit db", "exploitdb")

FIELDS = (
    Field("index", "A", ("#", "index", "no", "package index"), written=False),
    Field("name", "B", ("package name", "package", "name", "python package"), written=False),
    Field(
        "version",
        "C",
        ("version", "installed version", "current version", "version installed", "version currently installed"),
        written=False,
    ),
    _pypi("pypi_link", "D", "installed version", "installed", "current version"),
    Field("date_published", "E", ("date published", "date published installed version", "installed release date")),
    Field("latest_version", "F", ("latest version", "latest")),
    _pypi("latest_link", "G", "latest version", "latest"),
    Field("latest_date", "H", ("latest version release date", "latest release date", "date published latest version")),
    Field("requires", "I", ("requires", "requires dependencies", "requires python", "requirements", "dependencies")),
    Field("status", "J", ("development status",), ("status",)),
    Field("github", "K", ("github url", "github", "github repository", "github link"), ("url", "repository")),
    _lookup("github_advisory_link", "L", *_GITHUB),
    _result("github_advisory", "M", *_GITHUB),
    Field("notes", "N", ("notes", "note"), written=False),
    _lookup("nvd_link", "O", *_NVD),
    _result("nvd", "P", *_NVD),
    _lookup("mitre_link", "Q", *_MITRE),
    _result("mitre", "R", *_MITRE),
    _lookup("snyk_link", "S", *_SNYK),
    _result("snyk", "T", *_SNYK),
    _lookup("exploitdb_link", "U", *_EXPLOITDB),
    _result("exploitdb", "V", *_EXPLOITDB),
    Field("recommendation", "W", ("recommendation", "ihacpa recommendation"), ("result", "review", "decision")),
)
FIELD_NAMES = tuple(field.name for field in FIELDS)
_NEEDED = ("name", "version")


@dataclass(frozen=True, slots=True)
class Layout:
    """Field to column letter, for the fields that the sheet has; and what a person should know about the others."""

    letters: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.letters[name] for name in _NEEDED)

    @property
    def written(self) -> tuple[str, ...]:
        return tuple(self.letters[field.name] for field in FIELDS if field.written and field.name in self.letters)


def find_columns(headers: Headers, wanted: Mapping[str, str]) -> Layout:
    """Place every field that `wanted` does not place or leave out itself (a letter, a header's text, or nothing).

    :raises WorkbookError: the name or the version has no column, or two fields were sent to one.
    """
    letters = _placed_by_hand(headers, wanted)
    open_fields = [field for field in FIELDS if field.name not in wanted]
    texts = {letter: _plain(text) for letter, text in headers.texts.items()}
    for field in open_fields:
        if letter := _by_text(field, texts, letters.values()):
            letters[field.name] = letter
    for field in open_fields:
        if field.name not in letters and _founding_letter_is_free(field, texts, letters.values()):
            letters[field.name] = field.letter
    _refuse_without(headers, letters)
    lost = [field for field in open_fields if field.written and field.name not in letters]
    return Layout(letters, tuple(_warning(field, headers) for field in lost))


def _placed_by_hand(headers: Headers, wanted: Mapping[str, str]) -> dict[str, str]:
    letters: dict[str, str] = {}
    for name, place in wanted.items():
        if not place:
            continue
        letter = headers.letter(place)
        if letter is None:
            raise WorkbookError(
                f"no column {place!r} for the field {name}", why=_headers_found(headers), hint=_hint(name)
            )
        if letter in letters.values():
            other = next(key for key, value in letters.items() if value == letter)
            raise WorkbookError(f"the fields {other} and {name} were both sent to column {letter}", hint=_hint(name))
        letters[name] = letter
    return letters


def _by_text(field: Field, texts: Mapping[str, str], taken: Iterable[str]) -> str | None:
    claimed = set(taken)
    matches = [letter for letter, text in texts.items() if text in field.spellings and letter not in claimed]
    return field.letter if field.letter in matches else next(iter(matches), None)


def _founding_letter_is_free(field: Field, texts: Mapping[str, str], taken: Iterable[str]) -> bool:
    """Whether the column over the founding letter is nobody else's: no header, or one too vague to be another's."""
    text = texts.get(field.letter, "")
    return field.letter not in set(taken) and (not text or text in field.vague)


def _refuse_without(headers: Headers, letters: Mapping[str, str]) -> None:
    for name in _NEEDED:
        if name not in letters:
            what = "package names" if name == "name" else "installed versions"
            raise WorkbookError(f"the sheet has no column of {what}", why=_headers_found(headers), hint=_hint(name))


def _warning(field: Field, headers: Headers) -> str:
    text = " ".join(headers.texts.get(field.letter, "").split())
    why = f"column {field.letter} is headed {text!r}" if text else f"column {field.letter} is another field's"
    return f"the field {field.name} is left out: no header names it, and {why}"


def _headers_found(headers: Headers) -> str:
    found = [f"{letter} {' '.join(text.split())!r}" for letter, text in headers.texts.items() if text.strip()]
    return "the headers are " + ", ".join(found) if found else "the header row is empty"


def _hint(name: str) -> str:
    return f'name it: [processor.package-review.columns] {name} = "LETTER or header"; or set [sheet] header_row'


def _plain(text: str) -> str:
    """A header's words, without case and punctuation; a lone number sign is a word."""
    return " ".join(re.findall(r"\w+|#", text.casefold()))
