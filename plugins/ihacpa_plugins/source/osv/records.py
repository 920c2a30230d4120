"""OSV records, as far as they are evaluated. Format: https://ossf.github.io/osv-schema/."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_SEPARATORS = re.compile(r"[-_.]+")


class Event(msgspec.Struct):
    """One step of a range's timeline. The schema allows one field an event; more than one is read as several."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class Range(msgspec.Struct):
    """``affected[].ranges[]``."""

    type: str | None = None
    events: list[Event | None] | None = None


class Score(msgspec.Struct):
    """``severity[]``: a vector, and the kind of it."""

    type: str | None = None
    score: str | None = None


class PackageName(msgspec.Struct):
    """``affected[].package``."""

    name: str | None = None
    ecosystem: str | None = None


class Affected(msgspec.Struct):
    """``affected[]``: the versions of one package that a flaw is in."""

    package: PackageName | None = None
    ranges: list[Range | None] | None = None
    versions: list[str | None] | None = None
    severity: list[Score | None] | None = None


class Record(msgspec.Struct):
    """One advisory. `database_specific` may be anything, so it is read when it is asked for."""

    id: str
    modified: str | None = None
    withdrawn: str | None = None
    aliases: list[str | None] | None = None
    severity: list[Score | None] | None = None
    affected: list[Affected | None] | None = None
    database_specific: msgspec.Raw = msgspec.Raw(b"null")

    def packages(self) -> set[str]:
        """The canonical names of the PyPI packages that it is about."""
        return {name for entry in self.affected or () if entry and (name := pypi_name(entry.package))}

    def severity_word(self) -> str:
        """``database_specific.severity`` where it is a word, as GitHub's records have it."""
        extra = msgspec.json.decode(self.database_specific)
        word = extra.get("severity") if isinstance(extra, dict) else None
        return word if isinstance(word, str) else ""


_decode_record = msgspec.json.Decoder(Record).decode


def decode(body: bytes) -> Record:
    """Read the JSON text of a record.

    :raises msgspec.DecodeError: it is no JSON.
    :raises msgspec.ValidationError: a field that is evaluated has a shape that the schema does not know.
    """
    return _decode_record(body)


def canonical(name: str) -> str:
    """The form of a name that PEP 503 compares."""
    return _SEPARATORS.sub("-", name.strip()).lower()


def pypi_name(package: PackageName | None) -> str:
    """The canonical name of a PyPI package; empty for any other ecosystem."""
    if package is None or not package.name or (package.ecosystem or "").partition(":")[0] != "PyPI":
        return ""
    return canonical(package.name)


def salvage(body: bytes) -> Record | None:
    """What can be told of a record that `decode` refused: id, package names, whether it was withdrawn. None if nothing.

    Its ranges are not among that, so that nobody takes it for a record without any.
    """
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    record: dict[str, Any] = raw if isinstance(raw, dict) else {}
    entries = record.get("affected")
    packages = (
        [entry.get("package") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )
    return Record(
        id=_text(record.get("id")),
        modified=_text(record.get("modified")),
        withdrawn=_text(record.get("withdrawn")),
        affected=[
            Affected(PackageName(_text(item.get("name")), _text(item.get("ecosystem"))))
            for item in packages
            if isinstance(item, dict)
        ],
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def family(identity: str) -> str:
    """Which database an id comes from: ``PYSEC`` of ``PYSEC-2024-1``."""
    return identity.partition("-")[0].upper()
