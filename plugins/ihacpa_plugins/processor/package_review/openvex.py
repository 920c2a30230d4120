"""Statements of an OpenVEX document that a package is not affected by a flaw, or that it is fixed.

The format: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md (0.2.0). Of several statements about one product
and flaw the latest counts, so a later "affected" takes an earlier "not affected" back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
from packaging.utils import canonicalize_name

from ihacpa_core import Finding, UsageError
from ihacpa_plugins.processor.package_review.reading import Entry
from ihacpa_plugins.processor.package_review.suppress import Suppression

_QUIET = ("not_affected", "fixed")
_STATUSES = (*_QUIET, "affected", "under_investigation")
_LARGEST = 64 * 1024 * 1024
"""Bytes of a document."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Statement:
    """One status of one flaw in one package.

    :param quiet: it says that there is nothing to do.
    """

    suppression: Suppression
    quiet: bool
    moment: datetime


class OpenVexFile:
    """The statements of a document about packages of Python.

    :param expires: the last day on which this person wants to rely on it; the format has no such thing.
    :raises UsageError: it cannot be read, or is no OpenVEX document.
    """

    def __init__(self, path: Path, expires: date) -> None:
        document = _read(path)
        self.name = path.name
        self.ignored = 0
        """How many statements are about no package of Python, or do not say what the format asks for."""
        self.statements: list[Statement] = []
        for raw in document["statements"]:
            made = list(_statements(raw, document, path.name, expires)) if isinstance(raw, dict) else []
            self.statements += made
            self.ignored += not made
        self.statements.sort(key=lambda statement: statement.moment)  # stable: of two the later in the file

    def about(self, entry: Entry, finding: Finding) -> Suppression | None:
        """The suppression that the latest statement about this finding is; None if it says something else."""
        fitting = [each for each in self.statements if each.suppression.fits(entry, finding)]
        return fitting[-1].suppression if fitting and fitting[-1].quiet else None


def _read(path: Path) -> dict[str, Any]:
    hint = "mend it, or take it out of [[processor.package-review.vex]]"
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is too large for an OpenVEX document", hint=hint)
        document = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise UsageError(f"the OpenVEX document {path} cannot be read", why=why, hint=hint) from error
    context = document.get("@context") if isinstance(document, dict) else None
    if not str(context).startswith("https://openvex.dev/ns") or not isinstance(document.get("statements"), list):
        why = "its @context is not https://openvex.dev/ns, or it has no statements"
        raise UsageError(f"{path} is no OpenVEX document", why=why, hint=hint)
    return dict(document)


def _statements(raw: dict[str, Any], document: dict[str, Any], file: str, expires: date) -> Iterator[Statement]:
    """One statement for each package of Python that `raw` names; none if it lacks what the format asks for."""
    names, status = _names(raw.get("vulnerability")), raw.get("status")
    reason = _reason(raw, status, document.get("author"))
    if not names or status not in _STATUSES or not reason:
        return
    for package, version in _packages(raw.get("products")):
        suppression = Suppression(
            names=names, reason=reason, expires=expires, package=package, version=version, by=file
        )
        yield Statement(suppression, status in _QUIET, _moment(raw, document))


def _names(vulnerability: Any) -> frozenset[str]:
    """The ids of the flaw; in the first version of the format it is a text."""
    if isinstance(vulnerability, str):
        return frozenset({vulnerability.strip().upper()} - {""})
    if not isinstance(vulnerability, dict):
        return frozenset()
    aliases = vulnerability.get("aliases")
    names = [vulnerability.get("name"), *(aliases if isinstance(aliases, list) else ())]
    return frozenset(name.strip().upper() for name in names if isinstance(name, str) and name.strip())


def _reason(raw: dict[str, Any], status: Any, author: Any) -> str:
    """What the statement gives as its reason; "not affected" without one is no statement, by the format."""
    told = [raw.get(key) for key in ("justification", "impact_statement", "status_notes")]
    words = "; ".join(" ".join(text.split()) for text in told if isinstance(text, str) and text.strip())
    if words or status == "not_affected":
        return words
    return f"{status}, says {author}" if isinstance(author, str) and author else str(status)


def _packages(products: Any) -> Iterator[tuple[str, str]]:
    """Canonical name and version (or nothing) of each product that is a package of Python."""
    for product in products if isinstance(products, list) else ():
        texts = [product]
        if isinstance(product, dict):
            identifiers = product.get("identifiers")
            texts = [product.get("@id"), identifiers.get("purl") if isinstance(identifiers, dict) else None]
        found = next((purl for text in texts if isinstance(text, str) and (purl := read_purl(text))), None)
        if found is not None:
            yield found


def read_purl(text: str) -> tuple[str, str] | None:
    """Canonical name and version of ``pkg:pypi/NAME@VERSION``; None if it is another kind of product.

    https://github.com/package-url/purl-spec
    """
    head, _, path = text.strip().partition("/")
    if head.lower() != "pkg:pypi":
        return None
    name, _, version = path.partition("#")[0].partition("?")[0].partition("@")
    name = canonicalize_name(unquote(name).strip("/"))
    return (name, unquote(version)) if name else None


def _moment(raw: dict[str, Any], document: dict[str, Any]) -> datetime:
    """When it was said: the statement's own time, else the document's."""
    for source in (raw, document):
        for key in ("last_updated", "timestamp"):
            try:
                moment = datetime.fromisoformat(str(source.get(key)))
            except ValueError:
                continue
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _EARLIEST
