"""Reading XML parts as a stream, with bounds: no part is ever whole in memory.

expat keeps an unfinished tag in its buffer, each open element on its stack and each name that it has seen in a table;
an XML file can be made to grow any of the three without end. None of the bounds is met by a file that a spreadsheet
program wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol
from xml.parsers import expat

from ihacpa_core.errors import WorkbookError

MAX_TOKEN = 1 << 20
"""Bytes of one tag, comment or instruction. Older expats read an unfinished one again with each chunk."""
MAX_DEPTH = 256
"""Elements inside each other; a worksheet has about ten."""
MAX_NAMES = 20_000
"""Different element and attribute names in a part; the standard has about 3,000."""
MAX_TEXT = 1 << 18
"""Characters of one cell: Excel's 32,767, each of which may be written as ``_xHHHH_``, and room."""

MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
"""The namespace of workbook parts: transitional, and strict (ISO/IEC 29500)."""


def main_names(*local: str) -> dict[str, str]:
    """Qualified name, as expat gives it, to local name, for elements of the main namespace."""
    return {f"{namespace} {name}": name for namespace in MAIN for name in local}


def check_runs(runs: list[str], where: str) -> None:
    """Refuse a text of too many runs or characters. Called once a chunk, so that no run costs a check of its own."""
    if runs and (len(runs) > MAX_TEXT or sum(map(len, runs)) > MAX_TEXT):
        raise damaged(where, f"a text of more than {MAX_TEXT:,} characters")


def damaged(book: str, why: str) -> WorkbookError:
    """The error for a file that is a workbook, but not a whole or honest one."""
    return WorkbookError(
        f"{book} is damaged", why=why, hint="open it in Excel and save it once, or take an older copy of it"
    )


class Handler(Protocol):
    """What listens to a part. `chunks` gathers text; `depth` counts open elements."""

    chunks: list[str]
    depth: int

    def start(self, name: str, attrs: dict[str, str], /) -> None: ...

    def end(self, name: str, /) -> None: ...


def parse(chunks: Iterable[bytes], handler: Handler, *, book: str, part: str) -> Iterator[None]:
    """Feed a part to `handler`, pausing after each chunk, so that a caller can take what is ready, or stop.

    :raises WorkbookError: the part is not well-formed, has a DOCTYPE, or breaks one of the bounds above.
    """
    parser = _parser(handler, book, part)
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            fed += len(chunk)
            _bounded(parser, handler, fed, f"{book}: {part}")
            yield
        parser.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        raise damaged(book, f"{part} is not well-formed XML: {error}") from error


def _parser(handler: Handler, book: str, part: str) -> expat.XMLParserType:
    def refuse_doctype(*_: Any) -> None:
        raise damaged(book, f"{part} has a DOCTYPE, which no workbook has")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.chunks.append
    return parser


def _bounded(parser: expat.XMLParserType, handler: Handler, fed: int, where: str) -> None:
    text = handler.chunks
    if len(text) > 16:
        text[:] = ["".join(text)]
    if fed - parser.CurrentByteIndex > MAX_TOKEN:
        raise damaged(where, f"a tag of more than {MAX_TOKEN:,} bytes")
    if sum(map(len, text)) > MAX_TEXT:
        raise damaged(where, f"a text of more than {MAX_TEXT:,} characters")
    if handler.depth > MAX_DEPTH:
        raise damaged(where, f"more than {MAX_DEPTH} elements inside each other")
    if len(parser.intern) > MAX_NAMES:
        raise damaged(where, f"more than {MAX_NAMES:,} different names of elements and attributes")
